/* cow_child.c - see cow_child.h. What the child may not see is memory that the
 * program took from its children (MADV_DONTFORK) or has cleared for them
 * (MADV_WIPEONFORK): there are no pages where the scan found some. */
#include "cow_child.h"

#include "../arch/sys.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#define EXIT_FAILED 1

static _Noreturn void leave(int status) {
  for (;;)
    SYS(exit_group, status);
}

static _Noreturn void copy_all(struct capture *capture,
                               const struct memory_map *map,
                               const struct runs *runs, long parent) {
  static struct hwckpt_error error;
  SYS(prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  if (SYS(getppid) != parent)
    leave(EXIT_FAILED);
  SYS(prctl, PR_SET_NAME, "hwckpt-copy", 0, 0, 0);
  capture->error = &error;
  if (capture_reopen(capture) < 0)
    leave(EXIT_FAILED);
  if (!dirty_all_there(map, runs->list, runs->count))
    leave(EXIT_FAILED);
  if (capture_runs(capture, map, runs) < 0)
    leave(EXIT_FAILED);
  ring_publish(capture->ring);
  leave(0);
}

long cow_child_start(const struct capture *capture,
                     const struct memory_map *map, const struct runs *runs) {
  struct capture own = *capture;
  struct ring ring = *capture->ring;
  own.ring = &ring;
  ring_publish(capture->ring);
  long parent = SYS(getpid);
  long pid = SYS(clone, 0, 0, 0, 0, 0);
  if (pid == 0)
    copy_all(&own, map, runs, parent);
  return pid;
}

bool cow_child_wait(struct capture *capture, long pid) {
  int status = 0;
  long result = SYS(wait4, pid, &status, __WCLONE, 0);
  ring_adopt(capture->ring);
  return result == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}
