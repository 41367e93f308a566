/* interpose_ioctl.c - libc's ioctl(), which an executable with sites brings
 * itself: what the program registers with a userfaultfd of its own the runtime
 * lets go (let_go.h). As interpose.c, of whose object it is a part. */
#include "let_go.h"

#include <errno.h>
#include <linux/ioctl.h>
#include <linux/userfaultfd.h>
#include <stdarg.h>
#include <sys/syscall.h>
#include <unistd.h>

#define WEAK __attribute__((weak, visibility("default")))

extern int __interceptor_ioctl(int, unsigned long, ...) __attribute__((weak));

static int pass_on(int descriptor, unsigned long request, void *argument) {
  return __interceptor_ioctl
             ? __interceptor_ioctl(descriptor, request, argument)
             : (int)syscall(SYS_ioctl, descriptor, request, argument);
}

static bool let_go(const struct uffdio_range *range) {
  return __hwckpt_let_go(range->start, range->start + range->len);
}

WEAK int ioctl(int descriptor, unsigned long request, ...) {
  va_list arguments;
  va_start(arguments, request);
  void *argument = va_arg(arguments, void *);
  va_end(arguments);
  int result = pass_on(descriptor, request, argument);
  /* Another one has it: perhaps we, and when the next checkpoint has come
   * meanwhile, we again. */
  while (result < 0 && errno == EBUSY && (uint32_t)request == UFFDIO_REGISTER &&
         let_go(argument))
    result = pass_on(descriptor, request, argument);
  return result;
}
