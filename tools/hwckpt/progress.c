/* progress.c - see progress.h. */
#include "progress.h"
#include "command.h"
#include "fallback.h"
#include "status_message.h"
#include "supervised.h"
#include "text.h"
#include "time_namespace.h"
#include "timing.h"
#include "tree.h"

#include "tools/restorer/plan.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static struct timing timing_of(const struct progress *progress) {
  return (struct timing){.generation = progress->generation->name,
                         .lazy = progress->loading.generation != NULL,
                         .running_ns = progress->running_ns,
                         .complete_ns = progress->complete_ns};
}

/* When it runs and all its memory is there, in whatever order. */
static void take_both(const struct progress *progress) {
  char took[32];
  if (!progress->running || !progress->complete)
    return;
  /* We stand by for as long as it runs. */
  cache_reader_let_go(progress->generation->reader);
  if (progress->request->verbose && progress->loading.generation)
    report_note("all its memory is there after %s",
                text_duration(took, sizeof took, progress->complete_ns));
  const struct timing timing = timing_of(progress);
  timing_write(progress->request->timing, &timing);
}

/* What is not there yet must not be seen as empty; nothing is missing now. */
static void end_watch(struct progress *progress) {
  if (progress->loading.uffd >= 0 && !progress->complete)
    close(progress->loading.uffd);
}

static void take_complete(struct progress *progress, uint64_t ns) {
  end_watch(progress);
  progress->complete = true;
  progress->complete_ns = ns;
  take_both(progress);
}

static void take_running(struct progress *progress, uint64_t ns) {
  progress->running = true;
  supervised_runs(progress->generation->info->number, progress->program->pid);
  progress->running_ns = ns;
  const struct timing timing = timing_of(progress);
  if (progress->request->verbose)
    timing_say(&timing);
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
  if (progress->failed) /* both read it */
    return;
  progress->failed = true;
  if (fallback_is_damage(error->code))
    progress->damage = error->code;
  report_error(error);
  if (progress->loading.uffd >= 0)
    kill_program(progress);
}

void progress_fail(struct progress *progress,
                   const struct hwckpt_error *error) {
  take_failure(progress, error);
  kill_program(progress);
}

/* Everything else stands: files are next. */
static void roll_back(struct progress *progress) {
  struct restore_go go = {1};
  struct hwckpt_error error = {0};
  if (progress->running || progress->failed)
    return;
  if (progress->roll_back(progress->roll_back_context, &error)) {
    take_failure(progress, &error);
    go.restores = 0;
  }
  union {
    struct cmsghdr header;
    char room[CMSG_SPACE(sizeof(int))];
  } control = {0};
  struct iovec content = {&go, sizeof go};
  struct msghdr message = {.msg_iov = &content, .msg_iovlen = 1};
  if (progress->tracking >= 0) {
    message.msg_control = &control;
    message.msg_controllen = sizeof control;
    control.header.cmsg_level = SOL_SOCKET;
    control.header.cmsg_type = SCM_RIGHTS;
    control.header.cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(&control.header), &progress->tracking, sizeof(int));
  }
  (void)!sendmsg(progress->also[0].fd, &message, MSG_NOSIGNAL);
  if (progress->tracking >= 0)
    close(progress->tracking);
  progress->tracking = -1;
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
  if (loader > 0)
    tree_is_not_of_it(loader);
  close(ends[1]);
  progress->also[1] = (struct supervise_also){ends[0], loader_ready, progress};
  progress->loader = loader;
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
  /* The program's clock may be ahead. */
  uint64_t ahead =
      status->kind == RESTORE_RUNNING ? time_namespace_ahead_ns() : 0;
  uint64_t at = status->ns - ahead;
  uint64_t ns = at > tool_start_ns ? at - tool_start_ns : 0;
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
    if (progress->loading.generation && progress->loading.uffd < 0) {
      take_lazy(progress, descriptor);
      return;
    }
    break;
  case RESTORE_TRACKED:
    if (progress->tracking < 0) {
      progress->tracking = descriptor;
      return;
    }
    break;
  case RESTORE_RUNNING:
    take_running(progress, ns);
    break;
  case RESTORE_COMPLETE:
    take_complete(progress, ns);
    break;
  case RESTORE_ROLL_BACK:
    roll_back(progress);
    break;
  case RESTORE_ENDED:
    end_watch(progress);
    progress->complete = true;
    break;
  }
  if (descriptor >= 0)
    close(descriptor);
}

static bool status_ready(int fd, void *context) {
  struct restore_status status;
  int descriptor;
  ssize_t length = status_receive(fd, &status, &descriptor);
  /* Reset: it ended without having read what we sent; what it sent is there. */
  if (length < 0)
    return errno == EINTR || errno == EAGAIN || errno == ECONNRESET;
  if (length != sizeof status)
    return false;
  take_status(context, &status, descriptor);
  return true;
}

/* At its end the watch on the program's memory would end with our descriptor:
 * it must not when something is missing. */
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
  waitpid(progress->loader, NULL, 0);
  progress->loader = 0;
  return false;
}

/* It sees that the program has ended by what it copies, or by a pidfd. One that
 * was stopped ends when it is continued. */
void progress_finish(struct progress *progress) {
  pid_t ended;
  if (progress->loader <= 0)
    return;
  do
    ended = waitpid(progress->loader, NULL, WUNTRACED);
  while (ended < 0 && errno == EINTR);
}

void progress_begin(struct progress *progress, int status_fd) {
  progress->loading.uffd = -1;
  progress->tracking = -1;
  progress->also[0] =
      (struct supervise_also){status_fd, status_ready, progress};
  progress->also[1].fd = -1;
}
