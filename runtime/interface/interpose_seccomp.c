/* interpose_seccomp.c - libc functions that an executable with sites brings
 * itself, so that it is known which filters of system calls the program has
 * installed (resources/filters_seen.h). As interpose.c, of whose object it is a
 * part: its syscall() comes here with these calls. */
#include "../arch/sys.h"
#include "../resources/filters_seen.h"
#include "../support/quiesce.h"
#include "confined.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <stdarg.h>
#include <sys/prctl.h>
#include <unistd.h>

#define WEAK __attribute__((weak, visibility("default")))

extern int __interceptor_prctl(int, unsigned long, unsigned long, unsigned long,
                               unsigned long) __attribute__((weak));

static const struct filters_runtime runtime = {
    .begin = __hwckpt_before_filter,
    .is_alone = __hwckpt_is_alone,
    .begin_all = __hwckpt_before_filter_of_all,
    .forbid_undo = __hwckpt_undo_forbidden,
    .forbid_asking = __hwckpt_asking_forbidden,
};

static long answer(long result) {
  if (result >= 0)
    return result;
  errno = (int)-result;
  return -1;
}

/* prctl(PR_SET_SECCOMP, ...) takes modes, one above the operations. */
static long set_mode(unsigned long mode, unsigned long program) {
  if (mode == SECCOMP_MODE_STRICT)
    return __hwckpt_seccomp(SECCOMP_SET_MODE_STRICT, 0, NULL, &runtime);
  if (mode == SECCOMP_MODE_FILTER)
    return __hwckpt_seccomp(SECCOMP_SET_MODE_FILTER, 0, (void *)program,
                            &runtime);
  return -EINVAL;
}

/* For syscall(): its first arguments, of seccomp(2), or of prctl(2) with
 * PR_SET_SECCOMP. */
__attribute__((visibility("hidden"))) long
__hwckpt_syscall_seccomp(long number, unsigned long first, unsigned long second,
                         unsigned long third) {
  return answer(number == SYS_prctl
                    ? set_mode(second, third)
                    : __hwckpt_seccomp((unsigned)first, (unsigned)second,
                                       (void *)third, &runtime));
}

WEAK int prctl(int option, ...) {
  unsigned long a[4];
  va_list arguments;
  va_start(arguments, option);
  for (int i = 0; i < 4; i++)
    a[i] = va_arg(arguments, unsigned long);
  va_end(arguments);
  if (option == PR_SET_SECCOMP)
    return (int)answer(set_mode(a[0], a[1]));
  if (__interceptor_prctl)
    return __interceptor_prctl(option, a[0], a[1], a[2], a[3]);
  return (int)syscall(SYS_prctl, option, a[0], a[1], a[2], a[3]);
}
