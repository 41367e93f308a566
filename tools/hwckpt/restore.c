/* restore.c - `hwckpt restore`: starts a process from a generation and stands
 * by.
 *
 * In order: choose the generation, check all that can be checked, settle how
 * the process gets its id, count the restore, make the process; in it, execute
 * the restorer, which becomes the program. Nothing is changed on disk before
 * the last check has passed. */
#include "arguments.h"
#include "checks.h"
#include "fallback.h"
#include "last_words.h"
#include "lazy.h"
#include "loader.h"
#include "options_text.h"
#include "own_file.h"
#include "process_id.h"
#include "selection.h"
#include "supervise.h"
#include "text.h"

#include "tools/restorer/plan.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8u /* Linux 6.3 */
#endif

extern char **environ;

struct request {
  const char *cache_option, *which;
  char **argv;     /* of the command, options first */
  uint64_t before; /* generations from this on are not to be taken; 0: any */
  enum id_policy policy;
  enum lazy_mode lazy;
  unsigned threads; /* that read; 0: one a processor */
  const char *timing;
  bool verbose;
  char options[OPTIONS_TEXT_MAX]; /* what overrides the program's options */
};

/* All that the new process needs. */
struct start {
  const struct supervisor *supervisor;
  int life, plan, status; /* descriptors; status is the end that is written */
  char restorer[CACHE_PATH_MAX];
};

/* What restorer, resume code and loader said so far. */
struct progress {
  bool running, failed;
  enum hwckpt_code damage; /* in what only they read; 0: none */
  bool complete;           /* all memory is there, or not needed */
  struct loading loading;  /* uffd: -1 when nothing is loading */
  const struct supervised *program;
  const struct generation *generation;
  const struct request *request;
  uint64_t running_ns, complete_ns; /* after the tool began */
  struct supervise_also also[2];    /* where they say it: status, loader */
};

/* ---- the command line ---- */

/* A number from 1 to `most`. */
static bool parse_number(const char *text, uint64_t most, uint64_t *number) {
  char *end;
  errno = 0;
  *number = strtoull(text, &end, 10);
  return *text >= '0' && *text <= '9' && !*end && !errno && *number >= 1 &&
         *number <= most;
}

static int read_arguments(int argc, char **argv, struct request *request) {
  static const struct option rows[] = {
      {"cache", required_argument, NULL, OPTION_CACHE},
      {"pid", required_argument, NULL, OPTION_PID},
      {"every", required_argument, NULL, OPTION_EVERY},
      {"mtbf", required_argument, NULL, OPTION_MTBF},
      {"lazy", optional_argument, NULL, 'l'},
      {"eager", no_argument, NULL, 'e'},
      {"threads", required_argument, NULL, 't'},
      {"timing", required_argument, NULL, 'T'},
      {"options", required_argument, NULL, 'o'},
      {"verbose", no_argument, NULL, 'v'},
      {"before", required_argument, NULL, 'b'},
      {0},
  };
  const char *every = NULL, *mtbf = NULL;
  uint64_t number;
  int failed;
  request->argv = argv;
  for (int result;
       (result = getopt_long(argc, argv, ":o:v", rows, NULL)) != -1;)
    switch (result) {
    case OPTION_CACHE:
      request->cache_option = optarg;
      break;
    case OPTION_PID:
      if (!id_policy_parse(optarg, &request->policy))
        return report_usage(&command_restore, "--pid",
                            "'%s' is not same, namespace or any", optarg);
      break;
    case OPTION_EVERY:
      every = optarg;
      break;
    case OPTION_MTBF:
      mtbf = optarg;
      break;
    case 'l':
      if (!lazy_mode_parse(optarg ? optarg : "fault", &request->lazy))
        return report_usage(&command_restore, "--lazy",
                            "'%s' is not auto, fault or no", optarg);
      break;
    case 'e':
      request->lazy = LAZY_NO;
      break;
    case 't':
      if (!parse_number(optarg, 1024, &number))
        return report_usage(&command_restore, "--threads",
                            "'%s' is no number from 1 to 1024", optarg);
      request->threads = (unsigned)number;
      break;
    case 'T':
      request->timing = optarg;
      break;
    case 'o':
      if ((failed = arguments_options(optarg, request->options)))
        return failed;
      break;
    case 'v':
      request->verbose = true;
      break;
    case 'b':
      if (!parse_number(optarg, UINT64_MAX, &request->before))
        return report_usage(&command_restore, "--before",
                            "'%s' is no number of a generation", optarg);
      break;
    default:
      return arguments_refused(&command_restore, result, argv);
    }
  if (every &&
      (failed = arguments_every(&command_restore, every, request->options)))
    return failed;
  if (mtbf &&
      (failed = arguments_mtbf(&command_restore, mtbf, request->options)))
    return failed;
  if (strlen(request->options) >= sizeof((struct restore_plan *)0)->options)
    return report_usage(&command_restore, "-o", "longer than %zu bytes",
                        sizeof((struct restore_plan *)0)->options - 1);
  return arguments_which(&command_restore, argc, argv, &request->which);
}

/* ---- choosing ---- */

static void take_older(const struct request *request,
                       struct selection *selection,
                       struct generation *generation, enum hwckpt_code code) {
  bool named = request->which && strchr(request->which, '/');
  fallback_take(selection, generation, code, named, request->argv);
}

/* One restore of an application at a time: holds a lock on its directory as
 * long as we live. Writers of the cache lock a file in it instead. */
static int hold_application(const struct selection *selection, int *lock,
                            struct hwckpt_error *error) {
  int cache = open(selection->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
  int directory = cache < 0
                      ? -1
                      : openat(cache, selection->application,
                               O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  int number = errno;
  if (cache >= 0)
    close(cache);
  if (directory < 0)
    return hwckpt_fail(error, HWCKPT_E_CACHE_IO, number, selection->application,
                       "its directory");
  *lock = directory;
  if (flock(directory, LOCK_EX | LOCK_NB))
    return hwckpt_fail(error, HWCKPT_E_STILL_RUNNING, 0, selection->application,
                       "under another `hwckpt restore`");
  return 0;
}

/* ---- the new process ---- */

/* Tells the tool, over the way the restorer would. */
static void tell_failure(int fd, const struct hwckpt_error *error) {
  struct restore_status status = {.kind = RESTORE_FAILED, .error = *error};
  (void)!write(fd, &status, sizeof status);
}

/* Two descriptors stay open behind 0, 1 and 2, at their numbers. */
static void close_others(int one, int other) {
  unsigned low = (unsigned)(one < other ? one : other);
  unsigned high = (unsigned)(one < other ? other : one);
  if (low > 3)
    syscall(SYS_close_range, 3u, low - 1, 0u);
  if (high > low + 1)
    syscall(SYS_close_range, low + 1, high - 1, 0u);
  syscall(SYS_close_range, high + 1, ~0u, 0u);
}

__attribute__((noreturn)) static void become(void *context) {
  struct start *start = context;
  if (!supervise_release(start->supervisor, start->life))
    _exit(EXIT_TOOL);
  process_id_keep_right();
  close_others(start->plan, start->status);
  fcntl(start->plan, F_SETFD, 0);
  fcntl(start->status, F_SETFD, 0);
  char number[16];
  snprintf(number, sizeof number, "%d", start->plan);
  char *arguments[] = {start->restorer, number, NULL};
  execve(start->restorer, arguments, environ);
  struct hwckpt_error error = {0};
  hwckpt_fail(&error, HWCKPT_E_NO_RESTORER, errno, start->restorer, "%s", "");
  tell_failure(start->status, &error);
  _exit(EXIT_TOOL);
}

static int find_restorer(char path[CACHE_PATH_MAX],
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

/* Writes the plan into a memfd that nobody can change any more. */
static int write_plan(const struct restore_plan *plan, int *fd,
                      struct hwckpt_error *error) {
  *fd = (int)syscall(SYS_memfd_create, "hwckpt-plan",
                     MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);
  if (*fd < 0 && errno == EINVAL)
    *fd = (int)syscall(SYS_memfd_create, "hwckpt-plan",
                       MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (*fd < 0 || write(*fd, plan, sizeof *plan) != sizeof *plan ||
      lseek(*fd, 0, SEEK_SET))
    return kernel_refused("memfd", errno, error);
  fcntl(*fd, F_ADD_SEALS,
        F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);
  return 0;
}

/* ---- the program's progress ---- */

/* One line of JSON, for who measures. */
static void write_timing(const struct progress *progress) {
  const char *path = progress->request->timing;
  if (!path)
    return;
  FILE *file = fopen(path, "we");
  int printed = file ? fprintf(file,
                               "{\"generation\": \"%s\", \"mode\": \"%s\", "
                               "\"running_ms\": %.3f, \"complete_ms\": %.3f}\n",
                               progress->generation->name,
                               progress->loading.plan ? "lazy" : "eager",
                               (double)progress->running_ns / 1e6,
                               (double)progress->complete_ns / 1e6)
                     : -1;
  if ((file && fclose(file)) || printed < 0) {
    struct hwckpt_error error = {0};
    hwckpt_fail(&error, HWCKPT_E_READ_FILE, errno, path, "timing");
    report_warning(&error);
  }
}

/* When it runs and all its memory is there, in whatever order. */
static void take_both(const struct progress *progress) {
  char took[32];
  if (!progress->running || !progress->complete)
    return;
  if (progress->request->verbose && progress->loading.plan)
    report_note("all its memory is there after %s",
                text_duration(took, sizeof took, progress->complete_ns));
  write_timing(progress);
}

static void take_complete(struct progress *progress, uint64_t ns) {
  progress->complete = true;
  progress->complete_ns = ns;
  take_both(progress);
}

static void take_running(struct progress *progress, uint64_t ns) {
  char took[32];
  progress->running = true;
  progress->running_ns = ns;
  if (progress->request->verbose)
    report_note("%s runs again after %s", progress->generation->name,
                text_duration(took, sizeof took, ns));
  if (progress->loading.uffd < 0)
    take_complete(progress, ns);
  else
    take_both(progress);
}

static void kill_program(const struct progress *progress) {
  if (progress->program->pidfd >= 0)
    syscall(SYS_pidfd_send_signal, progress->program->pidfd, SIGKILL, NULL, 0);
  else
    kill(progress->program->pid, SIGKILL);
}

static void take_failure(struct progress *progress,
                         const struct hwckpt_error *error) {
  progress->failed = true;
  if (fallback_is_damage(error->code))
    progress->damage = error->code;
  report_error(error);
  if (progress->loading.uffd >= 0)
    kill_program(progress);
}

static bool loader_ready(int fd, void *context);

/* The program waits for its memory from now on. */
static void take_lazy(struct progress *progress, int uffd) {
  struct loading *loading = &progress->loading;
  int ends[2] = {-1, -1};
  loading->uffd = uffd;
  loading->program = progress->program->pid;
  pid_t loader = -EBADF;
  if (uffd >= 0) {
    loader = socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends)
                 ? -errno
                 : 0;
    loading->status = ends[1];
  }
  if (!loader)
    loader = loader_start(loading);
  close(ends[1]);
  progress->also[1] = (struct supervise_also){ends[0], loader_ready, progress};
  if (loader > 0)
    return;
  struct hwckpt_error error = {0};
  hwckpt_fail(&error, HWCKPT_E_LOADER, (int)-loader, progress->generation->name,
              "its process cannot be made");
  take_failure(progress, &error);
}

/* The other end may be the program's own code, restored from anyone's disk:
 * its strings are made to end, its code to mean something, before they are
 * used. */
static void take_status(struct progress *progress,
                        struct restore_status *status, int descriptor) {
  uint64_t ns = status->ns > tool_start_ns ? status->ns - tool_start_ns : 0;
  status->error.object[sizeof status->error.object - 1] = 0;
  status->error.detail[sizeof status->error.detail - 1] = 0;
  if (!*hwckpt_error_what(status->error.code))
    status->error.code = HWCKPT_E_RESUME;
  switch (status->kind) {
  case RESTORE_WARNING:
    report_warning(&status->error);
    break;
  case RESTORE_FAILED:
    take_failure(progress, &status->error);
    break;
  case RESTORE_LAZY:
    if (progress->loading.plan && progress->loading.uffd < 0) {
      take_lazy(progress, descriptor);
      return;
    }
    break;
  case RESTORE_RUNNING:
    take_running(progress, ns);
    break;
  case RESTORE_COMPLETE:
    take_complete(progress, ns);
    break;
  case RESTORE_ENDED:
    progress->complete = true;
    break;
  }
  if (descriptor >= 0)
    close(descriptor);
}

static ssize_t receive(int fd, struct restore_status *status, int *descriptor) {
  union {
    struct cmsghdr header;
    char room[CMSG_SPACE(sizeof(int))];
  } control = {0};
  struct iovec content = {status, sizeof *status};
  struct msghdr message = {.msg_iov = &content,
                           .msg_iovlen = 1,
                           .msg_control = &control,
                           .msg_controllen = sizeof control};
  ssize_t length = recvmsg(fd, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
  const struct cmsghdr *header = length > 0 ? CMSG_FIRSTHDR(&message) : NULL;
  *descriptor = -1;
  if (header && header->cmsg_type == SCM_RIGHTS)
    memcpy(descriptor, CMSG_DATA(header), sizeof *descriptor);
  return length;
}

static bool status_ready(int fd, void *context) {
  struct restore_status status;
  int descriptor;
  ssize_t length = receive(fd, &status, &descriptor);
  if (length < 0)
    return errno == EINTR || errno == EAGAIN;
  if (length != sizeof status)
    return false;
  take_status(context, &status, descriptor);
  return true;
}

/* At its end the watch on the program's memory ends with our descriptor; it
 * must not when something is missing. */
static bool loader_ready(int fd, void *context) {
  struct progress *progress = context;
  if (status_ready(fd, context))
    return true;
  if (!progress->complete && !progress->failed) {
    struct hwckpt_error error = {0};
    hwckpt_fail(&error, HWCKPT_E_LOADER, 0, progress->generation->name,
                "the process that loads it was killed");
    take_failure(progress, &error);
  }
  if (!progress->failed)
    close(progress->loading.uffd);
  return false;
}

/* The program ended. */
static int conclude(const struct request *request,
                    const struct selection *selection,
                    const struct progress *progress,
                    const struct supervised *program, int status) {
  struct hwckpt_error error = {0};
  if (!progress->running && !progress->failed) {
    hwckpt_fail(&error, HWCKPT_E_RESUME, 0, progress->generation->name,
                WIFSIGNALED(status) ? "the restorer was killed by signal %d"
                                    : "the restorer ended with status %d",
                WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    return report_error(&error);
  }
  if (!progress->running || progress->failed)
    return EXIT_TOOL;
  const struct deceased deceased = {
      .program = progress->generation->process.program,
      .cache = selection->path,
      .cache_is_default = !request->cache_option,
      .application = selection->application,
      .pid = program->pid,
  };
  last_words(&deceased, status);
  supervise_end_likewise(status);
}

/* ---- all together ---- */

static void fill_plan(const struct request *request,
                      const struct selection *selection, int status_fd,
                      unsigned restores, struct restore_plan *plan) {
  *plan = (struct restore_plan){
      .magic = RESTORE_PLAN_MAGIC,
      .size = sizeof *plan,
      .restores = restores,
      .generation = selection->number,
      .status_fd = status_fd,
      .keep_ids = request->policy != IDS_ANY,
      .start_ns = tool_start_ns,
      .threads = request->threads,
      .lazy = request->lazy == LAZY_FAULT,
  };
  snprintf(plan->cache, sizeof plan->cache, "%s", selection->path);
  snprintf(plan->application, sizeof plan->application, "%s",
           selection->application);
  snprintf(plan->options, sizeof plan->options, "%s", request->options);
}

static int prepare_loading(const struct generation *generation,
                           struct loading *loading,
                           struct hwckpt_error *error) {
  struct cache_plan *plan;
  int failed = lazy_plan(generation, &plan, error);
  if (failed)
    return failed; /* the program goes with us */
  loading->plan = plan;
  loading->generation = generation;
  loading->gate = lazy_gate(generation);
  return 0;
}

static int start_program(const struct request *request,
                         const struct generation *generation,
                         struct selection *selection,
                         struct supervisor *supervisor,
                         struct supervised *program, int *status_fd,
                         struct loading *loading, struct hwckpt_error *error) {
  static struct restore_plan plan;
  struct start start;
  int life[2], status[2];
  unsigned restores;
  int failed = find_restorer(start.restorer, error);
  if (failed)
    return failed;
  if (pipe2(life, O_CLOEXEC) ||
      socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, status))
    return kernel_refused("pipe", errno, error);
  failed = supervise_begin(supervisor);
  if (failed)
    return kernel_refused("signals", -failed, error);
  failed = cache_count_restore(selection->cache, selection->application,
                               selection->number, &restores, error);
  if (failed)
    return failed;
  fill_plan(request, selection, status[1], restores, &plan);
  start.supervisor = supervisor;
  start.life = life[0];
  start.status = status[1];
  failed = write_plan(&plan, &start.plan, error);
  if (failed)
    return failed;
  const struct process_entry entry = {become, &start};
  failed = process_id_make(generation->process.pid, request->policy, life[0],
                           &entry, program, error);
  close(start.plan);
  close(status[1]);
  *status_fd = status[0];
  /* While the restorer begins. */
  if (!failed && request->lazy == LAZY_FAULT)
    failed = prepare_loading(generation, loading, error);
  return failed;
}

static int restore_selected(struct request *request,
                            struct selection *selection,
                            struct generation *generation) {
  struct hwckpt_error error = {0};
  struct supervisor supervisor;
  struct supervised program;
  struct progress progress = {.generation = generation,
                              .program = &program,
                              .loading = {.uffd = -1},
                              .request = request};
  if (generation_open(selection->cache, selection->application,
                      selection->number, generation, &error)) {
    report_error(&error);
    take_older(request, selection, generation, error.code);
    return EXIT_TOOL;
  }
  struct supervise_also *also = progress.also;
  also[0] = (struct supervise_also){-1, status_ready, &progress};
  also[1].fd = -1;
  int failed = hold_application(selection, &progress.loading.lock, &error);
  if (!failed)
    failed = process_id_settle(generation, &request->policy, &error);
  if (!failed)
    failed = checks_before_restore(generation, &error);
  if (!failed)
    failed = lazy_settle(generation, &request->lazy, &error);
  if (!failed)
    failed = start_program(request, generation, selection, &supervisor,
                           &program, &also[0].fd, &progress.loading, &error);
  if (failed)
    return report_error(&error);
  /* The records stay; the pages are the restorer's business now. */
  int status = supervise(&supervisor, &program, also, 2);
  int result = conclude(request, selection, &progress, &program, status);
  if (progress.damage) {
    supervise_give_back(&supervisor);
    take_older(request, selection, generation, progress.damage);
  }
  return result;
}

static int restore(int argc, char **argv) {
  static struct request request;
  static struct selection selection;
  static struct generation generation;
  struct hwckpt_error error = {0};
  int status = read_arguments(argc, argv, &request);
  if (status)
    return status;
  if (selection_open(&selection, request.cache_option, &error))
    return report_error(&error);
  selection.before = request.before;
  if (selection_find(&selection, request.which, &error))
    status = report_error(&error);
  else
    status = restore_selected(&request, &selection, &generation);
  generation_close(&generation);
  selection_close(&selection);
  return status;
}

const struct command command_restore = {
    .name = "restore",
    .summary = "Continue a program from a checkpoint",
    .help =
        "usage: hwckpt restore [OPTIONS] [APP|GENERATION]\n"
        "\n"
        "Continues the program from APP's newest generation, or from "
        "GENERATION,\n"
        "written APP/NUMBER (see `hwckpt list`). APP may be shortened to what "
        "makes\n"
        "it unique. With neither, the newest generation of the whole cache is "
        "taken.\n"
        "hwckpt stands by until the program ends, passes signals on to it and "
        "ends\n"
        "with its exit status, or by the same signal.\n"
        "\n"
        "  --cache DIR    where the checkpoints are\n"
        "  --pid=same     the program gets its old process id (default): "
        "directly\n"
        "                 where hwckpt has the right to, else in a pid "
        "namespace\n"
        "  --pid=namespace\n"
        "                 in a pid namespace of its own, even if the id is "
        "taken\n"
        "  --pid=any      a new process id; for programs that do not remember "
        "theirs\n"
        "  --lazy[=MODE]  let the program run while its memory is loaded: "
        "fault (--lazy\n"
        "                 alone), no, or auto (default): when it is large and "
        "hwckpt\n"
        "                 has the right to, that is root\n"
        "  --eager        as --lazy=no\n"
        "  --threads N    read with N threads, instead of one a processor\n"
        "  --timing FILE  write there, as JSON, how long it took\n"
        "  --every DUR    from now on, take a checkpoint this often\n"
        "                 auto: as often as loses least time\n"
        "  --mtbf DUR     for --every auto: mean time between failures (24h)\n"
        "  -o, --options TEXT\n"
        "                 options for the runtime from now on, as in "
        "HWCKPT_OPTIONS\n"
        "  -v, --verbose  say when the program runs again, and after how long\n"
        "  --before N     APP's newest generation that is older than N\n"
        "\n"
        "When the newest generation is damaged the one before it is taken, "
        "after a\n"
        "message about both. A damaged GENERATION is refused: the error names "
        "the one\n"
        "to take.\n"
        "\n"
        "Exit status: the program's; 125 when it could not be restored, 2 when "
        "the\n"
        "command line is wrong.\n",
    .run = restore,
};
