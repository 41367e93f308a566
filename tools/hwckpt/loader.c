/* loader.c - see loader.h.
 *
 * Threads: the first reads events and serves page faults; workers fetch unit
 * after unit. Invariants: a unit is read by one thread at a time (`claimed`);
 * events are read and applied under the write lock, pages are copied under the
 * read lock, so no page is copied to where it does not belong any more. */
#include "loader.h"
#include "address_space.h"
#include "proc_stat.h"

#include "tools/restorer/plan.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
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
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WORKERS_MAX 16

static struct {
  const struct loading *loading;
  size_t units;

  pthread_rwlock_t lock; /* the spaces, and what is where in them */
  struct space **spaces;
  size_t count, room;

  pthread_mutex_t mutex; /* of the rest, and of spaces' done and left */
  pthread_cond_t changed;
  unsigned char *claimed; /* units that are being read */
  size_t next;            /* where to look for one that is not */

  int finished; /* eventfd: nothing is left */
} loader;

static void send_status(struct restore_status *status) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  status->ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
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

/* Both with the mutex held, and the spaces steady. */
static bool claim_next(size_t *unit) {
  for (size_t i = 0; i < loader.units; i++) {
    *unit = (loader.next + i) % loader.units;
    if (loader.claimed[*unit] || !is_wanted(*unit))
      continue;
    loader.claimed[*unit] = 1;
    loader.next = *unit + 1;
    return true;
  }
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

struct loaded {
  size_t unit;
  bool first_thread; /* which reads events itself */
};

static int copy_to_all(uint64_t origin, const void *data, size_t pages,
                       void *context) {
  const struct loaded *loaded = context;
  for (bool again = true; again;) {
    again = false;
    pthread_rwlock_rdlock(&loader.lock);
    for (size_t i = 0; i < loader.count; i++) {
      struct space *space = loader.spaces[i];
      if (space->gone || space->done[loaded->unit])
        continue;
      enum space_result result = address_space_copy(space, origin, data, pages);
      if (result == SPACE_FAILED) {
        struct hwckpt_error error = {0};
        hwckpt_fail(&error, HWCKPT_E_RESTORE_MEMORY, errno,
                    loader.loading->generation->name,
                    "%zu pages of %llx while the program runs", pages,
                    (unsigned long long)origin);
        fail(&error);
      }
      again |= result == SPACE_AGAIN;
    }
    pthread_rwlock_unlock(&loader.lock);
    if (again && loaded->first_thread)
      for (size_t i = 0, count = loader.count; i < count; i++)
        read_events(i);
    else if (again)
      sched_yield(); /* the first thread reads the event */
  }
  return 0;
}

static void load(struct cache_worker *worker, size_t unit, bool first_thread) {
  struct loaded loaded = {unit, first_thread};
  const struct cache_sink sink = {.page = copy_to_all, .context = &loaded};
  struct hwckpt_error error = {0};
  if (cache_plan_read(worker, unit, &sink, &error) < 0)
    fail(&error);
  release(unit);
}

/* ---- workers ---- */

static struct cache_worker *open_worker(void) {
  struct cache_worker *worker;
  struct hwckpt_error error = {0};
  if (cache_worker_open(loader.loading->plan, &worker, &error) < 0)
    fail(&error);
  return worker;
}

static void start_worker(void);

static void *fetch(void *unused) {
  if (is_id_of_program((pid_t)syscall(SYS_gettid))) {
    start_worker();
    return unused;
  }
  struct cache_worker *worker = open_worker();
  for (bool complete = false; !complete;) {
    size_t unit;
    pthread_rwlock_rdlock(&loader.lock);
    pthread_mutex_lock(&loader.mutex);
    bool found = claim_next(&unit);
    complete = !found && is_complete();
    pthread_rwlock_unlock(&loader.lock);
    if (!found && !complete)
      pthread_cond_wait(&loader.changed, &loader.mutex);
    pthread_mutex_unlock(&loader.mutex);
    if (found)
      load(worker, unit, false);
  }
  uint64_t one = 1;
  (void)!write(loader.finished, &one, sizeof one);
  return unused;
}

/* The first thread fetches nothing, so without a worker nothing ends. */
static void start_worker(void) {
  pthread_t thread;
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  int number = pthread_create(&thread, &attributes, fetch, NULL);
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

static bool serve(const struct fault *fault, struct cache_worker *worker) {
  const struct loading *loading = loader.loading;
  struct space *space = fault->space;
  uint64_t origin;
  if (fault->address >= loading->gate.begin &&
      fault->address < loading->gate.end)
    return true; /* waits until all is there */
  if (!address_space_origin(space, fault->address, &origin))
    return serve_zero(fault);
  size_t unit = cache_plan_find(loading->plan, origin);
  if (unit == CACHE_NO_UNIT)
    return serve_zero(fault);
  pthread_mutex_lock(&loader.mutex);
  bool done = space->done[unit], claimed = loader.claimed[unit];
  if (!done && !claimed)
    loader.claimed[unit] = 1;
  pthread_mutex_unlock(&loader.mutex);
  if (done)
    address_space_wake(space, fault->address);
  else if (!claimed) /* else who has it wakes it */
    load(worker, unit, true);
  return true;
}

static void serve_faults(struct cache_worker *worker) {
  size_t kept = 0;
  for (size_t i = 0; i < faults.count; i++)
    if (!faults.at[i].space->gone && !serve(&faults.at[i], worker))
      faults.at[kept++] = faults.at[i];
  faults.count = kept;
}

static void watch(void) {
  struct cache_worker *worker = open_worker();
  struct pollfd *watched = NULL;
  for (size_t room = 0;;) {
    size_t count = loader.count;
    watched = list_grown(watched, count, &room, sizeof *watched);
    for (size_t i = 0; i < count; i++)
      watched[i] = (struct pollfd){
          .fd = loader.spaces[i]->gone ? -1 : loader.spaces[i]->uffd,
          .events = POLLIN};
    watched[count] = (struct pollfd){.fd = loader.finished, .events = POLLIN};
    if (poll(watched, count + 1, faults.count ? 0 : -1) < 0)
      continue;
    for (size_t i = 0; i < count; i++)
      if (watched[i].revents & POLLIN)
        read_events(i);
    if (watched[count].revents)
      break;
    serve_faults(worker);
  }
  free(watched);
}

/* ---- the process ---- */

/* Its first page stays away until the watch ends, the second tells that all
 * came. */
static void open_gate(void) {
  static const char all_came[CACHE_PAGE_SIZE] = {1};
  while (address_space_copy(loader.spaces[0],
                            loader.loading->gate.end - CACHE_PAGE_SIZE,
                            all_came, 1) == SPACE_AGAIN)
    read_events(0);
}

static _Noreturn void run(const struct loading *loading) {
  loader.loading = loading;
  loader.units = cache_plan_units(loading->plan);
  loader.claimed = calloc(loader.units + 1, 1);
  loader.finished = eventfd(0, EFD_CLOEXEC);
  pthread_rwlockattr_t attributes;
  pthread_rwlockattr_init(&attributes);
  pthread_rwlockattr_setkind_np(&attributes,
                                PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
  pthread_rwlock_init(&loader.lock, &attributes);
  pthread_mutex_init(&loader.mutex, NULL);
  pthread_cond_init(&loader.changed, NULL);
  if (!loader.claimed || loader.finished < 0)
    abort();
  add_space(address_space_make(loading->uffd, loader.units));

  cpu_set_t processors;
  int workers = sched_getaffinity(0, sizeof processors, &processors)
                    ? 1
                    : CPU_COUNT(&processors);
  for (int i = 0; i < workers && i < WORKERS_MAX; i++)
    start_worker();
  watch();
  open_gate();
  struct restore_status status = {
      .kind = loader.spaces[0]->gone ? RESTORE_ENDED : RESTORE_COMPLETE};
  send_status(&status);
  _exit(EXIT_SUCCESS);
}

pid_t loader_start(const struct loading *loading) {
  loader.loading = loading;
  for (;;) {
    pid_t pid = fork();
    if (pid < 0)
      return -errno;
    bool needed = is_id_of_program(pid ? pid : getpid());
    if (pid && !needed)
      return pid;
    if (!pid && needed)
      _exit(EXIT_SUCCESS);
    if (!pid)
      break;
    waitpid(pid, NULL, 0);
  }
  prctl(PR_SET_NAME, "hwckpt-loader");
  close(loading->lock);
  /* Who reads what the tool writes waits for its end, not for ours. */
  int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  for (int i = 0; null >= 0 && i < 3; i++)
    dup2(null, i);
  run(loading);
}
