/* alternate_stacks.c - see alternate_stacks.h. Whose a stack is nobody keeps:
 * the threads' signal frames tell. */
#include "alternate_stacks.h"

#include "../arch/sys.h"

#include <string.h>
#include <sys/mman.h>

/* Room for the kernel's frame and the handler; the program's handlers that ask
 * for an alternate stack run there too. */
#define STACK ((size_t)64 << 10)
#define STACKS 256u /* threads beyond go without */

static char *stacks; /* memory of the program */

void alternate_stacks_reserve(void) {
  if (stacks)
    return;
  long at = SYS(mmap, 0, STACKS * STACK, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  stacks = at > 0 ? (char *)at : 0;
}

/* The stack's place, or STACKS when it is none of ours. */
static unsigned place_of(const stack_t *stack) {
  uint64_t distance = (uint64_t)stack->ss_sp - (uint64_t)stacks;
  return distance < STACKS * STACK ? (unsigned)(distance / STACK) : STACKS;
}

void alternate_stacks_give(const struct parked *threads, unsigned count) {
  bool used[STACKS] = {false};
  if (!stacks)
    return;
  for (unsigned i = 0; i < count; i++) {
    unsigned place = place_of(&threads[i].context->uc_stack);
    if (place < STACKS)
      used[place] = true;
  }
  unsigned next = 0;
  for (unsigned i = 0; i < count; i++) {
    stack_t *stack = &threads[i].context->uc_stack;
    if (stack->ss_size) /* the flag SS_DISABLE is not always set */
      continue;
    while (next < STACKS && used[next])
      next++;
    if (next == STACKS)
      return;
    *stack = (stack_t){.ss_sp = stacks + next++ * STACK, .ss_size = STACK};
  }
}
