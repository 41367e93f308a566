/* errand.c - see errand.h. */
#include "errand.h"

#include "private.h"
#include "quiesce.h"

#include <errno.h>

#define STACK ((size_t)16 << 10)

int errand_of_all(void (*task)(unsigned thread, void *argument), void *argument,
                  unsigned count, struct hwckpt_error *error) {
  size_t bytes = count * STACK;
  char *stacks = private_map(bytes);
  if (!stacks)
    return hwckpt_fail(error, HWCKPT_E_CAPTURE_MEMORY, ENOMEM, "threads",
                       "%zu bytes of stacks", bytes);
  const struct quiesce_errand errand = {task, argument, stacks, STACK, STACK};
  quiesce_send(&errand);
  quiesce_recall();
  private_unmap(stacks, bytes);
  return 0;
}
