/* program_stderr.c - see program_stderr.h. */
#include "program_stderr.h"

#include "../arch/sys.h"
#include "live.h"

#include <fcntl.h>
#include <stdbool.h>

#define STDERR 2

#define PIDFD_THREAD O_EXCL /* Linux 6.9 */

static LIVE int holder;

void program_stderr_is_of(int tid) { holder = tid; }

void program_stderr_borrow(void) {
  int pid = (int)SYS(getpid);
  bool other = holder && holder != pid;
  long pidfd = SYS(pidfd_open, other ? holder : pid, other ? PIDFD_THREAD : 0);
  if (pidfd < 0)
    return;
  long fd = SYS(pidfd_getfd, pidfd, STDERR, 0);
  if (fd >= 0) {
    SYS(dup3, fd, STDERR, O_CLOEXEC);
    SYS(close, fd);
  }
  SYS(close, pidfd);
}

void program_stderr_return(void) {
  long null = SYS(openat, AT_FDCWD, "/dev/null", O_RDWR | O_CLOEXEC, 0);
  if (null >= 0) {
    SYS(dup3, null, STDERR, O_CLOEXEC);
    SYS(close, null);
  }
}
