/* loader.c - see loader.h.
 *
 * Where the program's runtime takes over what was written meanwhile it says
 * when the watch of a piece is to end: by touching the gate's first page.
 *
 * Threads: the first reads events and serves page faults, each page by itself
 * until there is a plan; a second makes the plan, and becomes one of the
 * workers that fetch unit after unit. Invariants: a unit is read by one thread
 * at a time (`claimed`), or, while workers are gentle, by the first thread as
 * well, which does no harm; events are read and applied under the write lock,
 * pages are copied under the read lock, so no page is copied to where it does
 * not belong any more. */
#include "loader.h"
#include "address_space.h"
#include "apart.h"
#include "lazy.h"
#include "proc_stat.h"

#include "tools/restorer/plan.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WORKERS_MAX 16
#define STRIPE 8 /* units: 2 MiB of pages */

/* So long the workers leave the processors to the program's first steps, and to
 * the thread that serves them. */
#define GENTLE_NS 100000000u

static struct {
  const struct loading *loading;

  pthread_rwlock_t lock; /* the spaces, and what is where in them */
  struct space **spaces;
  size_t count, room;

  pthread_mutex_t mutex; /* of the rest, and of spaces' done and left */
  pthread_cond_t changed;
  struct cache_plan *plan; /* null: it is still being made */
  size_t units;
  unsigned char *claimed; /* units that are being read */
  size_t next;            /* from here on no worker was given any */

  int finished; /* eventfd: nothing is left */
  bool all_came;
  bool asked; /* to end the watch, of a piece or all */

  /* Workers that run only when nobody else wants to (of the mutex). */
  bool gentle;
  pid_t idle[WORKERS_MAX];
  unsigned idle_count;
} loader;

static uint64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void send_status(struct restore_status *status) {
  status->ns = now_ns();
  (void)!send(loader.loading->status, status, sizeof *status, MSG_NOSIGNAL);
}

/* The program's children that are being loaded too must not see as empty what
 * could not be read. */
static void kill_children(void) {
  DIR *proc = opendir("/proc");
  struct dirent *entry;
  while (proc && (entry = readdir(proc))) {
    pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
    if (pid > 0 && pid != loader.loading->program &&
        proc_descends(pid, loader.loading->program))
      kill(pid, SIGKILL);
  }
}

static _Noreturn void fail(const struct hwckpt_error *error) {
  struct restore_status status = {.kind = RESTORE_FAILED, .error = *error};
  if (loader.count > 1)
    kill_children();
  send_status(&status);
  _exit(EXIT_FAILURE);
}

static bool is_id_of_program(pid_t id) {
  size_t cursor = 0;
  for (Thread thread;
       generation_next_thread(loader.loading->generation, &cursor, &thread);)
    if (thread.tid == id)
      return true;
  return false;
}

/* ---- units ---- */

static bool is_wanted(size_t unit) {
  for (size_t i = 0; i < loader.count; i++)
    if (!loader.spaces[i]->gone && !loader.spaces[i]->done[unit])
      return true;
  return false;
}

static bool is_complete(void) {
  for (size_t i = 0; i < loader.count; i++)
    if (!loader.spaces[i]->gone && loader.spaces[i]->left)
      return false;
  return true;
}

/* What a worker was given to fetch: neighbours on flash, so that it reads from
 * the beginning to the end. */
struct stripe {
  size_t next, end;
};

static bool claim(size_t unit) {
  if (loader.claimed[unit] || !is_wanted(unit))
    return false;
  loader.claimed[unit] = 1;
  return true;
}

/* With the mutex held, and the spaces steady. */
static bool claim_next(struct stripe *stripe, size_t *unit) {
  for (;;) {
    while (stripe->next < stripe->end)
      if (claim(*unit = stripe->next++))
        return true;
    if (loader.next == loader.units)
      break;
    stripe->next = loader.next;
    stripe->end = loader.units - loader.next < STRIPE ? loader.units
                                                      : loader.next + STRIPE;
    loader.next = stripe->end;
  }
  /* What children of the program want that came since. */
  for (*unit = 0; *unit < loader.units; ++*unit)
    if (claim(*unit))
      return true;
  return false;
}

static void release(size_t unit) {
  pthread_rwlock_rdlock(&loader.lock);
  pthread_mutex_lock(&loader.mutex);
  loader.claimed[unit] = 0;
  /* A space that came meanwhile has from its parent what was copied before. */
  for (size_t i = 0; i < loader.count; i++) {
    loader.spaces[i]->left -= !loader.spaces[i]->done[unit];
    loader.spaces[i]->done[unit] = 1;
  }
  pthread_cond_broadcast(&loader.changed);
  pthread_mutex_unlock(&loader.mutex);
  pthread_rwlock_unlock(&loader.lock);
}

static void read_events(size_t number);

static _Noreturn void fail_copy(uint64_t origin, size_t pages) {
  struct hwckpt_error error = {0};
  hwckpt_fail(&error, HWCKPT_E_RESTORE_MEMORY, errno,
              loader.loading->generation->name,
              "%zu pages of %llx while the program runs", pages,
              (unsigned long long)origin);
  fail(&error);
}

#define NOBODY_WAITS UINT64_MAX

struct loaded {
  size_t unit;
  bool first_thread; /* which reads events itself */
  uint64_t awaited;  /* origin of the page that a thread waits for */
};

static void copy_run(const struct loaded *loaded, uint64_t origin,
                     const void *data, size_t pages) {
  for (bool again = true; again;) {
    again = false;
    pthread_rwlock_rdlock(&loader.lock);
    for (size_t i = 0; i < loader.count; i++) {
      struct space *space = loader.spaces[i];
      if (space->gone || space->done[loaded->unit])
        continue;
      enum space_result result = address_space_copy(space, origin, data, pages);
      if (result == SPACE_FAILED)
        fail_copy(origin, pages);
      again |= result == SPACE_AGAIN;
    }
    pthread_rwlock_unlock(&loader.lock);
    if (again && loaded->first_thread)
      for (size_t i = 0, count = loader.count; i < count; i++)
        read_events(i);
    else if (again)
      sched_yield(); /* the first thread reads the event */
  }
}

/* The page that is waited for comes first. */
static int copy_to_all(uint64_t origin, const void *data, size_t pages,
                       void *context) {
  const struct loaded *loaded = context;
  uint64_t into = loaded->awaited - origin;
  if (loaded->awaited >= origin && into < pages * CACHE_PAGE_SIZE)
    copy_run(loaded, loaded->awaited, (const char *)data + into, 1);
  copy_run(loaded, origin, data, pages);
  return 0;
}

static void load(struct cache_worker *worker, struct loaded loaded) {
  /* Who serves faults wants what is near at once. */
  const struct cache_sink sink = {
      .page = copy_to_all, .context = &loaded, .once = !loaded.first_thread};
  struct hwckpt_error error = {0};
  if (cache_plan_read(worker, loaded.unit, &sink, &error) < 0)
    fail(&error);
  release(loaded.unit);
}

static struct cache_worker *open_worker(const struct cache_plan *plan) {
  struct cache_worker *worker;
  struct hwckpt_error error = {0};
  if (cache_worker_open(plan, &worker, &error) < 0)
    fail(&error);
  return worker;
}

/* ---- leaving the processors to the program ---- */

/* Whether a thread that became SCHED_IDLE may become what it was. */
static bool may_be_gentle(void) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct sets[2];
  return sched_getscheduler(0) == SCHED_OTHER &&
         !syscall(SYS_capget, &header, sets) &&
         sets[0].effective >> CAP_SYS_NICE & 1;
}

static void set_policy(pid_t tid, int policy) {
  static const struct sched_param none;
  sched_setscheduler(tid, policy, &none);
}

static void become_gentle(void) {
  pthread_mutex_lock(&loader.mutex);
  if (loader.gentle && loader.idle_count < WORKERS_MAX) {
    set_policy(0, SCHED_IDLE);
    loader.idle[loader.idle_count++] = (pid_t)syscall(SYS_gettid);
  }
  pthread_mutex_unlock(&loader.mutex);
}

static void end_gentleness(void) {
  pthread_mutex_lock(&loader.mutex);
  loader.gentle = false;
  for (unsigned i = 0; i < loader.idle_count; i++)
    set_policy(loader.idle[i], SCHED_OTHER);
  pthread_mutex_unlock(&loader.mutex);
}

/* ---- workers ---- */

static void start_thread(void *(*run)(void *));

static void *fetch(void *unused) {
  if (is_id_of_program((pid_t)syscall(SYS_gettid))) {
    start_thread(fetch);
    return unused;
  }
  become_gentle();
  struct cache_worker *worker = open_worker(loader.plan);
  struct stripe stripe = {0, 0};
  for (bool complete = false; !complete;) {
    size_t unit;
    pthread_rwlock_rdlock(&loader.lock);
    pthread_mutex_lock(&loader.mutex);
    bool found = claim_next(&stripe, &unit);
    complete = !found && is_complete();
    pthread_rwlock_unlock(&loader.lock);
    if (!found && !complete)
      pthread_cond_wait(&loader.changed, &loader.mutex);
    pthread_mutex_unlock(&loader.mutex);
    if (found)
      load(worker, (struct loaded){unit, false, NOBODY_WAITS});
  }
  uint64_t one = 1;
  (void)!write(loader.finished, &one, sizeof one);
  return unused;
}

static unsigned workers_wanted(void) {
  cpu_set_t processors;
  unsigned count = sched_getaffinity(0, sizeof processors, &processors)
                       ? 1
                       : (unsigned)CPU_COUNT(&processors);
  return count < WORKERS_MAX ? count : WORKERS_MAX;
}

/* The plan is made while the program has begun already. */
static void *plan_and_fetch(void *unused) {
  if (is_id_of_program((pid_t)syscall(SYS_gettid))) {
    start_thread(plan_and_fetch);
    return unused;
  }
  struct cache_plan *plan;
  struct hwckpt_error error = {0};
  if (lazy_plan(loader.loading->generation, &plan, &error))
    fail(&error);
  size_t units = cache_plan_units(plan);
  unsigned char *claimed = calloc(units + 1, 1);
  if (!claimed)
    abort();
  pthread_rwlock_wrlock(&loader.lock);
  pthread_mutex_lock(&loader.mutex);
  loader.claimed = claimed;
  loader.units = units;
  loader.plan = plan;
  for (size_t i = 0; i < loader.count; i++)
    address_space_plan(loader.spaces[i], units);
  pthread_mutex_unlock(&loader.mutex);
  pthread_rwlock_unlock(&loader.lock);
  for (unsigned i = workers_wanted(); i > 1; i--)
    start_thread(fetch);
  return fetch(unused);
}

/* The first thread fetches nothing, so without another nothing ends. */
static void start_thread(void *(*run)(void *)) {
  pthread_t thread;
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  int number = pthread_create(&thread, &attributes, run, NULL);
  if (number) {
    struct hwckpt_error error = {0};
    hwckpt_fail(&error, HWCKPT_E_RESTORE_MEMORY, number,
                loader.loading->generation->name, "thread that loads");
    fail(&error);
  }
}

/* ---- events and faults, on the first thread ---- */

struct fault {
  struct space *space;
  uint64_t address;
};

static struct {
  struct fault *at;
  size_t count, room;
} faults;

static void add_fault(struct space *space, uint64_t address) {
  faults.at =
      list_grown(faults.at, faults.count, &faults.room, sizeof *faults.at);
  faults.at[faults.count++] =
      (struct fault){space, address & ~(uint64_t)(CACHE_PAGE_SIZE - 1)};
}

static void add_space(struct space *space) {
  loader.spaces = list_grown(loader.spaces, loader.count, &loader.room,
                             sizeof(struct space *));
  loader.spaces[loader.count++] = space;
}

static void take_event(struct space *space, const struct uffd_msg *event) {
  switch (event->event) {
  case UFFD_EVENT_PAGEFAULT:
    add_fault(space, event->arg.pagefault.address);
    break;
  case UFFD_EVENT_FORK:
    add_space(address_space_fork(space, (int)event->arg.fork.ufd));
    break;
  case UFFD_EVENT_REMAP:
    address_space_move(
        space,
        (struct cache_range){event->arg.remap.from,
                             event->arg.remap.from + event->arg.remap.len},
        event->arg.remap.to);
    break;
  case UFFD_EVENT_REMOVE:
  case UFFD_EVENT_UNMAP:
    address_space_strike(space, (struct cache_range){event->arg.remove.start,
                                                     event->arg.remove.end});
    break;
  }
}

static void read_events(size_t number) {
  struct uffd_msg events[16];
  pthread_rwlock_wrlock(&loader.lock);
  pthread_mutex_lock(&loader.mutex);
  struct space *space = loader.spaces[number];
  /* Never waits: the descriptor is non-blocking. */
  // NOLINTNEXTLINE(clang-analyzer-unix.BlockInCriticalSection)
  ssize_t length = read(space->uffd, events, sizeof events);
  for (ssize_t i = 0; i < length / (ssize_t)sizeof *events; i++)
    take_event(space, &events[i]);
  pthread_cond_broadcast(&loader.changed);
  pthread_mutex_unlock(&loader.mutex);
  pthread_rwlock_unlock(&loader.lock);
}

/* The first thread's worker. */
static struct cache_worker *own_worker(void) {
  static struct cache_worker *worker;
  struct hwckpt_error error = {0};
  if (!worker && cache_worker_make(loader.loading->generation->reader, &worker,
                                   &error) < 0)
    fail(&error);
  return worker;
}

/* True when that is done; false: an event comes first. */
static bool serve_zero(const struct fault *fault) {
  switch (address_space_zero(fault->space, fault->address)) {
  case SPACE_DONE:
    return true;
  case SPACE_AGAIN:
    return false;
  case SPACE_FAILED:
    break;
  }
  struct hwckpt_error error = {0};
  hwckpt_fail(&error, HWCKPT_E_RESTORE_MEMORY, errno,
              loader.loading->generation->name, "page %llx",
              (unsigned long long)fault->address);
  fail(&error);
}

/* Before there is a plan: that page alone. */
static int copy_page(uint64_t origin, const void *data, size_t pages,
                     void *context) {
  struct space *space = context;
  enum space_result result;
  do {
    pthread_rwlock_rdlock(&loader.lock);
    result = address_space_copy(space, origin, data, pages);
    pthread_rwlock_unlock(&loader.lock);
    if (result == SPACE_FAILED)
      fail_copy(origin, pages);
    for (size_t i = 0, count = loader.count; result == SPACE_AGAIN && i < count;
         i++)
      read_events(i);
  } while (result == SPACE_AGAIN);
  return 0;
}

static bool serve_page(const struct fault *fault, uint64_t origin) {
  const struct cache_sink sink = {.page = copy_page, .context = fault->space};
  struct hwckpt_error error = {0};
  bool there;
  if (cache_page_read(own_worker(), origin, &sink, &there, &error) < 0)
    fail(&error);
  return there || serve_zero(fault);
}

static void load_here(struct loaded loaded) {
  static bool turned;
  struct hwckpt_error error = {0};
  if (!turned && cache_worker_turn(own_worker(), loader.plan, &error) < 0)
    fail(&error);
  turned = true;
  load(own_worker(), loaded);
}

static bool serve_unit(const struct fault *fault, uint64_t origin) {
  size_t unit = cache_plan_find(loader.plan, origin);
  struct space *space = fault->space;
  if (unit == CACHE_NO_UNIT)
    return serve_zero(fault);
  pthread_mutex_lock(&loader.mutex);
  /* Who has claimed it wakes the thread; one that runs when nobody else wants
   * to is not waited for. */
  bool done = space->done[unit];
  bool here = !done && (!loader.claimed[unit] || loader.gentle);
  if (here)
    loader.claimed[unit] = 1;
  pthread_mutex_unlock(&loader.mutex);
  if (done)
    address_space_wake(space, fault->address);
  else if (here)
    load_here((struct loaded){unit, true, origin});
  return true;
}

static bool serve(const struct fault *fault) {
  const struct loading *loading = loader.loading;
  uint64_t origin;
  if (fault->address >= loading->gate.begin &&
      fault->address < loading->gate.end) {
    loader.asked |= fault->space == loader.spaces[0] &&
                    fault->address == loading->gate.begin;
    return true; /* waits until all is there */
  }
  if (!address_space_origin(fault->space, fault->address, &origin))
    return serve_zero(fault);
  pthread_mutex_lock(&loader.mutex);
  bool planned = loader.plan != NULL;
  pthread_mutex_unlock(&loader.mutex);
  return planned ? serve_unit(fault, origin) : serve_page(fault, origin);
}

static void serve_faults(void) {
  size_t kept = 0;
  for (size_t i = 0; i < faults.count; i++)
    if (!faults.at[i].space->gone && !serve(&faults.at[i]))
      faults.at[kept++] = faults.at[i];
  faults.count = kept;
}

/* Its second page tells that all came. */
static void open_gate(void) {
  static const char all_came[CACHE_PAGE_SIZE] = {1};
  while (address_space_copy(loader.spaces[0],
                            loader.loading->gate.end - CACHE_PAGE_SIZE,
                            all_came, 1) == SPACE_AGAIN)
    read_events(0);
}

/* A program that executes another in its place has left its memory, of which
 * nothing tells. */
#define LEFT_LOOK_MS 1000

static bool has_left(void) {
  open_gate();
  return loader.spaces[0]->gone;
}

/* How long to sleep, in ms; -1: for ever. */
static int patience(uint64_t gentle_until_ns) {
  if (faults.count)
    return 0;
  if (!loader.gentle)
    return loader.all_came ? LEFT_LOOK_MS : -1;
  uint64_t now = now_ns();
  if (now < gentle_until_ns)
    return (int)((gentle_until_ns - now) / 1000000u) + 1;
  end_gentleness();
  return -1;
}

/* Until the descriptor can be read, or it is over otherwise. */
static void watch(int end, const bool *over) {
  uint64_t gentle_until_ns = now_ns() + GENTLE_NS;
  struct pollfd *watched = NULL;
  for (size_t room = 0; !*over;) {
    size_t count = loader.count;
    watched = list_grown(watched, count, &room, sizeof *watched);
    for (size_t i = 0; i < count; i++)
      watched[i] = (struct pollfd){
          .fd = loader.spaces[i]->gone ? -1 : loader.spaces[i]->uffd,
          .events = POLLIN};
    watched[count] = (struct pollfd){.fd = end, .events = POLLIN};
    int ready = poll(watched, count + 1, patience(gentle_until_ns));
    if (ready < 0)
      continue;
    if (!ready && loader.all_came && has_left())
      break;
    for (size_t i = 0; i < count; i++)
      if (watched[i].revents & POLLIN)
        read_events(i);
    if (watched[count].revents)
      break;
    serve_faults();
  }
  free(watched);
}

/* ---- the process ---- */

/* What was moved is where other pages were, or none. */
static void list_moved(const struct space *space, struct restore_moved *moved) {
  moved->magic = RESTORE_MOVED_MAGIC;
  moved->count = space->move_count;
  for (size_t i = 0; i < space->move_count && i < RESTORE_MOVED_MAX; i++) {
    const struct space_move *move = &space->moves[i];
    moved->ranges[i].begin = move->now;
    moved->ranges[i].end = move->now + (move->range.end - move->range.begin);
  }
}

/* Answers; the program's thread goes on. */
static void answer(void) {
  static union {
    struct restore_moved moved;
    char page[CACHE_PAGE_SIZE];
  } last;
  struct space *space = loader.spaces[0];
  list_moved(space, &last.moved);
  while (address_space_put(space, loader.loading->gate.begin, &last) ==
         SPACE_AGAIN)
    read_events(0);
}

/* What the program asks for; empty: the end, also when it is gone. */
static struct cache_range read_asked(void) {
  struct restore_asked asked = {0, 0};
  struct iovec to = {&asked, sizeof asked};
  struct iovec from = {
      (void *)(uintptr_t)(loader.loading->gate.begin + RESTORE_GATE_ASKED),
      sizeof asked};
  if (process_vm_readv(loader.loading->program, &to, 1, &from, 1, 0) !=
      sizeof asked)
    asked.begin = asked.end = 0;
  return (struct cache_range){asked.begin, asked.end};
}

/* The thread that asked for the end goes on when we have closed ours; the
 * tool's is closed with RESTORE_COMPLETE. */
static void serve_end_of_watch(void) {
  int program = (int)syscall(SYS_pidfd_open, loader.loading->program, 0);
  if (program < 0 && errno == ESRCH) /* it ended since the gate was opened */
    return;
  for (;;) {
    watch(program, &loader.asked);
    if (!loader.asked)
      return;
    loader.asked = false;
    struct cache_range range = read_asked();
    if (range.begin >= range.end)
      break;
    address_space_release(loader.spaces[0], range);
    answer();
  }
  close(loader.spaces[0]->uffd);
}

static _Noreturn void run(const struct loading *loading) {
  loader.loading = loading;
  loader.finished = eventfd(0, EFD_CLOEXEC);
  pthread_rwlockattr_t attributes;
  pthread_rwlockattr_init(&attributes);
  pthread_rwlockattr_setkind_np(&attributes,
                                PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
  pthread_rwlock_init(&loader.lock, &attributes);
  pthread_mutex_init(&loader.mutex, NULL);
  pthread_cond_init(&loader.changed, NULL);
  if (loader.finished < 0)
    abort();
  add_space(address_space_make(loading->uffd));
  loader.spaces[0]->protects = loading->tracked;

  loader.gentle = may_be_gentle();
  start_thread(plan_and_fetch);
  static const bool never;
  watch(loader.finished, &never);
  open_gate();
  loader.all_came = true;
  bool ended = loader.spaces[0]->gone;
  struct restore_status status = {.kind =
                                      ended ? RESTORE_ENDED : RESTORE_COMPLETE};
  send_status(&status);
  if (loading->tracked && !ended)
    serve_end_of_watch();
  _exit(EXIT_SUCCESS);
}

static sigset_t signals; /* as the tool had them */

static _Noreturn void begin(void *context) {
  const struct loading *loading = context;
  sigprocmask(SIG_SETMASK, &signals, NULL);
  prctl(PR_SET_NAME, "hwckpt-loader");
  close(loading->lock);
  /* Who reads what the tool writes waits for its end, not for ours. */
  int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  for (int i = 0; null >= 0 && i < 3; i++)
    dup2(null, i);
  run(loading);
}

pid_t loader_start(struct loading *loading) {
  loader.loading = loading;
  sigprocmask(SIG_SETMASK, NULL, &signals);
  return apart_make(begin, loading, is_id_of_program);
}
