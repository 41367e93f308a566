/* undo_keeper.c - the thread that writes the undo log.
 *
 * A thread of the runtime, with a table of descriptors of its own: what it
 * opens is nowhere in the program's numbers, and closing it lets go of none of
 * the program's locks. It serves one request after the other; when it says a
 * request is done, what the request is about is whole in the log.
 *
 * What it puts there, and in which invariant, is in the files that
 * undo_keeping.h lists.
 */
#include "../arch/arch.h"
#include "../arch/sys.h"
#include "private.h"
#include "undo_keeping.h"

#include <errno.h>
#include <linux/futex.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

/* ---- intervals ---- */

/* The one that nobody uses; its log is closed. */
static int begin_interval(uint64_t generation) {
  struct undo_interval *interval =
      atomic_load(&undo_state.now) == undo_state.both[0] ? undo_state.both[1]
                                                         : undo_state.both[0];
  if (!undo_keeper.chunk)
    undo_keeper.chunk = private_map(UNDO_DATA_MAX);
  if (!interval || !undo_keeper.chunk)
    return -ENOMEM;
  if (interval->generation && interval->log >= 0)
    SYS(close, interval->log);
  SYS(madvise, interval, sizeof *interval, MADV_DONTNEED);
  interval->generation = generation;
  interval->log = -1;
  undo_state.next = interval;
  return 0;
}

/* The generation that began the interval is none: what is kept leads back to
 * the one before. */
static void not_committed(uint64_t generation) {
  undo_keeper.interval->generation = generation;
  if (undo_keeper.interval->log < 0)
    return;
  if (atomic_load(&undo_keeper.interval->lost) || !undo_put_generation(false))
    undo_lose();
}

static void retain(void) {
  if (undo_keeper.cache)
    cache_undo_retain(undo_keeper.cache, undo_state.application, 0);
}

static int serve(struct undo_request *request) {
  if (request->wish != UNDO_KEEP_RANGE)
    undo_close_last();
  if (request->wish == UNDO_BEGIN_INTERVAL)
    return begin_interval(request->argument);
  undo_keeper.interval = atomic_load(&undo_state.now);
  if (!undo_keeper.interval)
    return 0;
  switch (request->wish) {
  case UNDO_NOT_COMMITTED:
    not_committed(request->argument);
    break;
  case UNDO_RETAIN:
    retain();
    break;
  case UNDO_KEEP_RANGE:
    return undo_keep_range(request);
  case UNDO_KEEP_MAPPED:
    undo_keep_mapping(request);
    break;
  case UNDO_KEEP_CUT:
    undo_keep_cut(request);
    break;
  case UNDO_KEEP_NAME:
    undo_keep_name(request);
    break;
  case UNDO_KEEP_FOLDER:
    undo_keep_folder(request);
    break;
  case UNDO_KEEP_LINK:
    undo_keep_linked(request);
    break;
  case UNDO_KEEP_UNSEEN:
    undo_keep_unseen(request);
    break;
  case UNDO_KEEP_REMOVE:
    undo_keep_removed(request);
    break;
  default:
    undo_keep_renamed(request);
  }
  return 0;
}

/* In the order in which they were made. */
static struct undo_request *take_requests(void) {
  struct undo_request *taken = atomic_exchange(&undo_state.requests, 0);
  struct undo_request *first = 0;
  while (taken) {
    struct undo_request *next = taken->next;
    taken->next = first;
    first = taken;
    taken = next;
  }
  return first;
}

static void wait_for_requests(uint32_t wakes) {
  struct timespec moment = {0, 10000000};
  for (unsigned i = 0; i < UNDO_SPIN; i++) {
    if (atomic_load(&undo_state.wakes) != wakes)
      return;
    arch_relax();
  }
  if (SYS(futex, &undo_state.wakes, FUTEX_WAIT_PRIVATE, wakes,
          undo_last_is_open() ? &moment : 0, 0, 0) == -ETIMEDOUT)
    undo_close_last();
}

void undo_keep(void *unused) {
  (void)unused;
  memset(&undo_keeper, 0, sizeof undo_keeper);
  undo_begin_contents();
  for (;;) {
    uint32_t wakes = atomic_load(&undo_state.wakes);
    struct undo_request *request = take_requests();
    if (!request)
      wait_for_requests(wakes);
    while (request) {
      /* It is gone as soon as it is done. */
      struct undo_request *next = request->next;
      request->result = serve(request);
      atomic_store(&request->done, 1);
      SYS(futex, &request->done, FUTEX_WAKE_PRIVATE, 1, 0, 0, 0);
      request = next;
    }
  }
}
