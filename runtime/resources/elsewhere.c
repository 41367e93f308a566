/* elsewhere.c - see elsewhere.h. */
#include "elsewhere.h"

#include "../arch/arch.h"
#include "../arch/sys.h"

#include <errno.h>
#include <sched.h>
#include <sys/wait.h>

long elsewhere(void *stack_top, bool own_descriptors,
               void (*act)(void *context), void *context) {
  uint64_t flags = CLONE_VM | CLONE_VFORK | (own_descriptors ? CLONE_FILES : 0);
  long child = arch_spawn(flags, stack_top, 0, act, context);
  long result = child;
  while (child > 0 && (result = SYS(wait4, child, 0, __WALL, 0)) == -EINTR)
    ;
  return result < 0 ? result : 0;
}
