/* interpose_clone.c - clone(), in the place of libc's: a child that returns
 * from its function ends with its only thread, but where the runtime has
 * threads in it, it would never end. */
#include "ending.h"

#include <errno.h>
#include <sched.h>
#include <stdarg.h>

#define WEAK __attribute__((weak, visibility("default")))

extern int __clone(int (*function)(void *), void *stack, int flags,
                   void *argument, ...) __attribute__((weak));

struct begun {
  int (*function)(void *);
  void *argument;
};

/* With memory of its own, in which this is as it was. */
static int run(void *context) {
  struct begun begun = *(struct begun *)context;
  int status = begun.function(begun.argument);
  __hwckpt_before_thread_end(status);
  return status;
}

WEAK int clone(int (*function)(void *), void *stack, int flags, void *argument,
               ...) {
  va_list rest;
  va_start(rest, argument);
  void *parent_tid = va_arg(rest, void *), *tls = va_arg(rest, void *),
       *child_tid = va_arg(rest, void *);
  va_end(rest);
  struct begun begun = {function, argument};
  if (!__clone) {
    errno = ENOSYS;
    return -1;
  }
  if (!function || flags & CLONE_VM)
    return __clone(function, stack, flags, argument, parent_tid, tls,
                   child_tid);
  return __clone(run, stack, flags, &begun, parent_tid, tls, child_tid);
}
