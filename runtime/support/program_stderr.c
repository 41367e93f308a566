/* program_stderr.c - see program_stderr.h. */
#include "program_stderr.h"

#include "../arch/sys.h"

#include <fcntl.h>

#define STDERR 2

void program_stderr_borrow(void) {
  long pidfd = SYS(pidfd_open, SYS(getpid), 0);
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
