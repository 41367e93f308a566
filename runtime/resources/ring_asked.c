/* ring_asked.c - see ring_asked.h.
 *
 * A request that cannot succeed, as its argument is nowhere, fails otherwise
 * where something else comes first. Source: io_uring/register.c and eventfd.c
 * of Linux, for what comes first. */
#include "ring_asked.h"

#include "../arch/sys.h"

#include <errno.h>

#define ENTER_AWAIT 1u /* IORING_ENTER_GETEVENTS */
/* linux/io_uring.h of Debian 12 is older than what is used of it. */
#define REGISTER_EVENTFD 4u
#define REGISTER_RESTRICTIONS 11u
#define REGISTER_BUFFER_STATUS 26u /* IORING_REGISTER_PBUF_STATUS */
#define REGISTER_SIZE 33u          /* IORING_REGISTER_RESIZE_RINGS */
#define REGISTER_REGION 34u        /* IORING_REGISTER_MEM_REGION */

struct buffer_status {
  uint32_t group, head, unused[8];
};

const char ring_has_provided[] =
    "provided buffers, or a kernel that does not tell (before 6.8)";

static long request(int ring, unsigned what) {
  return SYS(io_uring_register, ring, what, ~0ul, 1);
}

bool ring_has_another_issuer(int ring) {
  return request(ring, REGISTER_EVENTFD) == -EEXIST;
}

bool ring_is_deferred_by_another(int ring) {
  return SYS(io_uring_enter, ring, 0, 0, ENTER_AWAIT, 0, 0) == -EEXIST;
}

bool ring_answers_caller(int ring) {
  long result = request(ring, REGISTER_EVENTFD);
  return result == -EFAULT || result == -EBUSY || result == -EACCES;
}

bool ring_has_buffers(int ring, uint32_t first, uint32_t end) {
  struct buffer_status status = {.group = first};
  for (; status.group < end; status.group++)
    if (SYS(io_uring_register, ring, REGISTER_BUFFER_STATUS, &status, 1) !=
        -ENOENT)
      return true;
  return false;
}

/* Of restrictions there can be no second registration. */
static const char *why_not(int ring, bool disabled, uint32_t groups) {
  long event = request(ring, REGISTER_EVENTFD);
  if (event != -EFAULT)
    return event == -EBUSY ? "a registered eventfd" : "it takes no requests";
  if (disabled &&
      SYS(io_uring_register, ring, REGISTER_RESTRICTIONS, 0, 0) == -EBUSY)
    return "restrictions";
  if (request(ring, REGISTER_REGION) == -EBUSY)
    return "a registered region of memory";
  return ring_has_buffers(ring, 0, groups) ? ring_has_provided : 0;
}

void ring_ask(int ring, uint32_t groups, struct ring_answers *answers) {
  long result = SYS(io_uring_enter, ring, 0, 0, 0, 0, 0);
  answers->disabled = result == -EBADFD;
  answers->deferred = request(ring, REGISTER_SIZE) == -EFAULT;
  answers->reason = result < 0 && !answers->disabled
                        ? "it takes no submissions"
                        : why_not(ring, answers->disabled,
                                  answers->disabled ? RING_GROUPS : groups);
}
