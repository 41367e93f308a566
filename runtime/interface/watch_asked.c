/* watch_asked.c - hwckpt_watch() and hwckpt_unwatch(): memory that the program
 * itself has watched.
 *
 * On the program's threads: a slot is claimed and filled, or given up; what
 * follows is the monitor's (watch_range.c), for which the caller waits.
 */
#include "../../intrinsics/hwckpt.h"
#include "../arch/sys.h"
#include "callbacks.h"
#include "events.h"
#include "watch_range.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/mman.h>

#define EXPORTED __attribute__((visibility("default")))
#define PAGE 4096u
/* A wait for the monitors is 0.1 s at most. */
#define WAITS 100

static bool is_same(const struct watch_range *range, uint64_t address,
                    uint64_t length) {
  uint32_t call = atomic_load(&range->call);
  return (call == CALL_NEW || call == CALL_WATCHED) &&
         atomic_load(&range->address) == address && range->length == length;
}

static struct watch_range *find(uint64_t address, uint64_t length) {
  for (unsigned i = WATCH_RULES; i < WATCH_SLOTS; i++)
    if (is_same(&watch_state.ranges[i], address, length))
      return &watch_state.ranges[i];
  return 0;
}

static struct watch_range *claim(void) {
  for (unsigned i = WATCH_RULES; i < WATCH_SLOTS; i++) {
    uint32_t call = CALL_FREE;
    if (atomic_compare_exchange_strong(&watch_state.ranges[i].call, &call,
                                       CALL_NEW))
      return &watch_state.ranges[i];
  }
  return 0;
}

/* msync(2) looks, and does nothing else. */
static bool is_mapped(uint64_t address, uint64_t length) {
  uint64_t begin = address & ~(uint64_t)(PAGE - 1);
  return SYS(msync, begin, address + length - begin, MS_ASYNC) == 0;
}

/* A callback has the checkpoint thread wait, which hears of it after that. */
static int await(struct watch_range *range) {
  for (int i = 0; i < WAITS; i++) {
    if (atomic_load(&range->call) == CALL_REFUSED) {
      int result = range->result;
      atomic_store(&range->call, CALL_FREE);
      return result;
    }
    uint32_t call = CALL_NEW;
    if (callbacks_own())
      atomic_compare_exchange_strong(&range->call, &call, CALL_WATCHED);
    if (atomic_load(&range->call) == CALL_NEW)
      events_await_monitors();
    else if (atomic_load(&range->call) != CALL_REFUSED)
      return 0;
  }
  atomic_store(&range->call, CALL_GONE);
  return -EAGAIN;
}

EXPORTED int(hwckpt_watch)(void *address, size_t length) {
  uint64_t begin = (uint64_t)address;
  if (!begin || !length || begin + length < begin)
    return -EINVAL;
  if (!events_serve())
    return -ENOSYS;
  if (!is_mapped(begin, length))
    return -EFAULT;
  if (find(begin, length))
    return 0;
  struct watch_range *range = claim();
  if (!range)
    return -ENOSPC;
  range->length = length;
  range->asked = 0;
  atomic_store(&range->how, WATCH_BY_NOTHING);
  atomic_store(&range->address, begin);
  events_monitors_changed(false);
  return await(range);
}

static bool is_going(uint64_t slots) {
  for (; slots; slots &= slots - 1)
    if (atomic_load(&watch_state.ranges[__builtin_ctzll(slots)].call) ==
        CALL_GONE)
      return true;
  return false;
}

EXPORTED int(hwckpt_unwatch)(void *address, size_t length) {
  uint64_t slots = 0;
  struct watch_range *range;
  if (!events_serve())
    return -ENOSYS;
  while ((range = find((uint64_t)address, length))) {
    atomic_store(&range->call, CALL_GONE);
    slots |= 1ull << (range - watch_state.ranges);
  }
  if (!slots)
    return -ENOENT;
  events_monitors_changed(false);
  if (callbacks_own())
    return 0;
  for (int i = 0; is_going(slots); i++) {
    if (i == WAITS)
      return -EAGAIN;
    events_await_monitors();
  }
  return 0;
}
