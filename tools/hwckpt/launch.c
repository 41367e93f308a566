/* launch.c - see launch.h.
 *
 * What is durable takes milliseconds on flash, as long as reading a program
 * back: a thread counts while the restorer reads. */
#include "launch.h"
#include "checks.h"
#include "command.h"
#include "key.h"
#include "own_file.h"
#include "posix_queues.h"
#include "system_v.h"

#include "tools/restorer/plan.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8u /* Linux 6.3 */
#endif

void launch_tell_failure(int fd, const struct hwckpt_error *error) {
  struct restore_status status = {.kind = RESTORE_FAILED, .error = *error};
  if (fd < 0)
    return;
  (void)!send(fd, &status, sizeof status, MSG_NOSIGNAL);
}

/* ---- in the new process ---- */

/* The lowest from `from` on that stays open, ~0: none. */
static unsigned next_kept(const struct launch_start *start, unsigned from) {
  unsigned next = ~0u;
  const int own[] = {start->plan, start->status};
  for (size_t i = 0; i < 2; i++)
    if ((unsigned)own[i] >= from && (unsigned)own[i] < next)
      next = (unsigned)own[i];
  for (size_t i = 0; i < start->memory_count; i++) {
    unsigned number = (unsigned)start->memories[i].descriptor;
    if (number >= from && number < next)
      next = number;
  }
  return next;
}

/* What it gets stays open behind 0, 1 and 2, at its numbers. */
static void close_others(const struct launch_start *start) {
  unsigned from = 3, next;
  while ((next = next_kept(start, from)) != ~0u) {
    if (next > from)
      syscall(SYS_close_range, from, next - 1, 0u);
    fcntl((int)next, F_SETFD, 0);
    from = next + 1;
  }
  syscall(SYS_close_range, from, ~0u, 0u);
}

/* A group of its own that was in front of the terminal is so from the start: it
 * must not read before. Of several processes family.c sees to that. */
static void come_in_front(const struct launch_start *start) {
  Session session;
  size_t cursor = 0;
  if (start->generation &&
      generation_next_session(start->generation, &cursor, &session) &&
      session.leads_group && !session.leads_session && session.in_front &&
      !setpgid(0, 0))
    supervise_put_in_front(start->supervisor, getpid());
}

/* Where the kernel puts what the program maps later is settled when the
 * restorer is executed: laid out otherwise, it may be close below the program's
 * stack, which then cannot grow. Not fatal: a filter may forbid it. */
static void choose_layout(uint64_t personality_then) {
  const unsigned layout = ADDR_NO_RANDOMIZE | ADDR_COMPAT_LAYOUT;
  unsigned now = (unsigned)personality(0xffffffff);
  personality((now & ~layout) | (personality_then & layout));
}

__attribute__((noreturn)) void launch_become(void *context) {
  struct launch_start *start = context;
  come_in_front(start);
  if (start->both_ends)
    supervise_leave_life(start->both_ends);
  if (!supervise_release(start->supervisor, start->life))
    _exit(EXIT_TOOL);
  if (!start->is_root) /* its parent's end is not the tool's */
    prctl(PR_SET_PDEATHSIG, 0);
  process_id_keep_right();
  close_others(start);
  choose_layout(start->personality);
  char number[16];
  snprintf(number, sizeof number, "%d", start->plan);
  char *restorer = (char *)start->restorer;
  char *arguments[] = {restorer, number, NULL};
  char *nothing[] = {NULL}; /* the program's environment is in the generation */
  execve(restorer, arguments, nothing);
  struct hwckpt_error error = {0};
  hwckpt_fail(&error, HWCKPT_E_NO_RESTORER, errno, start->restorer, "%s", "");
  launch_tell_failure(start->status, &error);
  _exit(EXIT_TOOL);
}

/* ---- the plan ---- */

int launch_find_restorer(char path[CACHE_PATH_MAX],
                         struct hwckpt_error *error) {
  int failed = own_file("hwckpt-restorer", path);
  return failed
             ? hwckpt_fail(error, HWCKPT_E_NO_RESTORER, -failed, path, "%s", "")
             : 0;
}

static int kernel_refused(const char *what, int number,
                          struct hwckpt_error *error) {
  return hwckpt_fail(error, HWCKPT_E_RESTORE_KERNEL, number, what, "%s", "");
}

static void fill_plan(const struct restore_request *request,
                      const struct launch_part *part, int status_fd,
                      struct restore_plan *plan) {
  *plan = (struct restore_plan){
      .magic = RESTORE_PLAN_MAGIC,
      .size = sizeof *plan,
      .generation = part->number,
      .in_tree = part->in_tree,
      .status_fd = status_fd,
      .keep_ids = request->policy != IDS_ANY,
      .start_ns = tool_start_ns,
      .threads = request->threads,
      .lazy = request->lazy != LAZY_FAULT ? RESTORE_AT_ONCE
              : request->tracked          ? RESTORE_LAZILY_TRACKED
                                          : RESTORE_LAZILY,
      .other_kernel = checks_other_kernel(part->generation),
  };
  snprintf(plan->cache, sizeof plan->cache, "%s", part->cache);
  snprintf(plan->application, sizeof plan->application, "%s",
           part->application);
  snprintf(plan->name, sizeof plan->name, "%s",
           request->name ? request->name : "");
  snprintf(plan->options, sizeof plan->options, "%s", request->options);
  plan->has_key = key_taken() != NULL;
  if (plan->has_key)
    memcpy(plan->key, key_taken()->bytes, sizeof plan->key);
}

/* Where the program's areas are; behind the plan. */
static struct cache_range *list_areas(const struct generation *generation) {
  struct cache_range *ranges = calloc(generation->areas + 1, sizeof *ranges);
  size_t count = 0, cursor = 0;
  for (Area area; ranges && generation_next_area(generation, &cursor, &area);)
    ranges[count++] = (struct cache_range){area.start, area.end};
  return ranges;
}

static bool write_all(int fd, const void *data, size_t length) {
  const char *at = data;
  for (ssize_t put; length; at += put, length -= (size_t)put)
    if ((put = write(fd, at, length)) <= 0)
      return false;
  return true;
}

/* Writes the plan into a memfd that nobody can change any more. */
int launch_plan(const struct restore_request *request,
                const struct launch_part *part, int status_fd, int *fd,
                struct hwckpt_error *error) {
  static struct restore_plan filled, *const plan = &filled;
  const struct generation *generation = part->generation;
  struct cache_range *areas = list_areas(generation);
  fill_plan(request, part, status_fd, plan);
  plan->areas = generation->areas;
  plan->memories = (uint32_t)part->memory_count;
  *fd = (int)syscall(SYS_memfd_create, "hwckpt-plan",
                     MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);
  if (*fd < 0 && errno == EINVAL)
    *fd = (int)syscall(SYS_memfd_create, "hwckpt-plan",
                       MFD_CLOEXEC | MFD_ALLOW_SEALING);
  bool written = areas && *fd >= 0 && write_all(*fd, plan, sizeof *plan) &&
                 write_all(*fd, areas, generation->areas * sizeof *areas) &&
                 write_all(*fd, part->memories,
                           part->memory_count * sizeof *part->memories);
  int number = errno;
  explicit_bzero(plan->key, sizeof plan->key);
  free(areas);
  if (!written)
    return kernel_refused("memfd", number, error);
  fcntl(*fd, F_ADD_SEALS,
        F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);
  return 0;
}

/* ---- counting ---- */

struct counting {
  char cache[CACHE_PATH_MAX], application[CACHE_NAME_MAX];
  uint64_t generation;
  int tool_end, restorer_end; /* of the status socket; the thread's own */
};

/* Another program of the same generation may be counted just now, or the
 * application's own may write. */
#define COUNT_MOMENT_NS 1000000
#define COUNT_MOMENTS 120000u

/* Of a file for the count, and what the file system adds. */
#define COUNT_ROOM (UINT64_C(1) << 20)

void launch_make_room(const struct selection *selection) {
  struct statvfs status;
  if (statvfs(selection->path, &status) == 0 &&
      (uint64_t)status.f_bavail * status.f_frsize < COUNT_ROOM)
    cache_reclaim(selection->cache, selection->application, NULL);
}

int launch_count(const char *path, const char *application, uint64_t generation,
                 unsigned *restores, struct hwckpt_error *error) {
  const struct timespec moment = {.tv_nsec = COUNT_MOMENT_NS};
  struct cache *cache; /* its own: no two threads use one */
  int failed = key_open_cache(path, false, &cache, error);
  if (failed)
    return failed;
  for (unsigned i = 0; i < COUNT_MOMENTS; i++) {
    failed =
        cache_count_restore(cache, application, generation, restores, error);
    if (failed != -HWCKPT_E_CACHE_BUSY)
      break;
    nanosleep(&moment, NULL);
  }
  cache_close(cache);
  return failed;
}

static struct {
  struct counting counting;
  pthread_t thread;
  bool begun;
} counter;

static void *count_restore(void *argument) {
  const struct counting *counting = argument;
  struct restore_go go = {0};
  struct hwckpt_error error = {0};
  if (launch_count(counting->cache, counting->application, counting->generation,
                   &go.restores, &error)) {
    go.restores = 0;
    launch_tell_failure(counting->restorer_end, &error);
  }
  (void)!send(counting->tool_end, &go, sizeof go, MSG_NOSIGNAL);
  close(counting->tool_end);
  close(counting->restorer_end);
  return NULL;
}

static int start_counting(const struct selection *selection,
                          const int status[2], struct hwckpt_error *error) {
  struct counting *counting = &counter.counting;
  memcpy(counting->cache, selection->path, sizeof counting->cache);
  memcpy(counting->application, selection->application,
         sizeof counting->application);
  counting->generation = selection->number;
  counting->tool_end = fcntl(status[0], F_DUPFD_CLOEXEC, 3);
  counting->restorer_end = fcntl(status[1], F_DUPFD_CLOEXEC, 3);
  int number =
      counting->tool_end < 0 || counting->restorer_end < 0
          ? errno
          : pthread_create(&counter.thread, NULL, count_restore, counting);
  counter.begun = number == 0;
  return counter.begun ? 0 : kernel_refused("thread", number, error);
}

void launch_finish(void) {
  if (counter.begun)
    pthread_join(counter.thread, NULL);
  counter.begun = false;
}

/* ---- all together ---- */

static int prepare(void *context, bool may_part, struct hwckpt_error *error) {
  const struct launch_start *start = context;
  int failed = system_v_make(&start->generation, 1, may_part, error);
  return failed ? failed : posix_queues_make(&start->generation, 1, error);
}

int launch_program(const struct restore_request *request,
                   const struct generation *generation,
                   const struct selection *selection,
                   struct supervisor *supervisor, struct supervised *program,
                   int *status_fd, struct hwckpt_error *error) {
  char restorer[CACHE_PATH_MAX];
  int life[2], status[2];
  int failed = launch_find_restorer(restorer, error);
  if (failed)
    return failed;
  if (pipe2(life, O_CLOEXEC) ||
      socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, status))
    return kernel_refused("pipe", errno, error);
  failed = supervise_begin(supervisor);
  if (failed)
    return kernel_refused("signals", -failed, error);
  const struct launch_part part = {generation,
                                   selection->path,
                                   selection->application,
                                   selection->number,
                                   false,
                                   NULL,
                                   0};
  struct launch_start start = {.supervisor = supervisor,
                               .restorer = restorer,
                               .life = life[0],
                               .both_ends = life,
                               .status = status[1],
                               .is_root = true,
                               .generation = generation,
                               .personality = generation->process.personality};
  failed = launch_plan(request, &part, status[1], &start.plan, error);
  if (failed)
    return failed;
  const struct process_entry entry = {
      .run = launch_become, .context = &start, .prepare = prepare};
  failed = process_id_make(generation->process.pid, request->policy, life,
                           &entry, program, error);
  if (!failed)
    failed = start_counting(selection, status, error);
  close(start.plan);
  close(status[1]);
  *status_fd = status[0];
  return failed;
}
