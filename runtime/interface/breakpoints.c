/* breakpoints.c - see breakpoints.h.
 *
 * A perf event of type breakpoint with sigtrap sends SIGTRAP behind the
 * instruction that wrote; no right is needed when the kernel's writes do not
 * count. It belongs to one thread; threads that are born by one that has it
 * have it too (perf_event_open(2): inherit, inherit_thread). A program that was
 * started anew by execve() has none (remove_on_exec).
 *
 * A thread born by one that was not reached yet may get it twice; the second
 * signal of the same write is merged with the first.
 */
#include "breakpoints.h"

#include "../arch/sys.h"
#include "../support/live.h"
#include "../support/private.h"
#include "../support/quiesce.h"
#include "../support/task.h"
#include "trap_actions.h"

#include <errno.h>
#include <linux/hw_breakpoint.h>
#include <linux/perf_event.h>
#include <stdatomic.h>
#include <string.h>

/* What tells a trap of ours, also of one that is cleared meanwhile: sig_data,
 * in siginfo_t, where libc has no name for it. */
#define MARK 0x68776b6370740000u
#define AT_SIG_DATA 24

/* The events of one piece: a descriptor for each thread that was there. */
struct breakpoint {
  _Atomic uint64_t address; /* 0: free */
  enum breakpoints_of owner;
  unsigned length;
  int *descriptors; /* private memory */
  unsigned count, room;
};

static LIVE struct breakpoint breakpoints[BREAKPOINTS];

/* The threads that were reached by the one that is being set. */
struct visit {
  struct breakpoint *breakpoint;
  int *tids; /* private memory */
  unsigned count, room, before;
  int error;
};

static bool append(int **values, unsigned *count, unsigned *room, int value) {
  if (*count == *room) {
    unsigned more = *room ? 2 * *room : 1024;
    int *grown = private_map(more * sizeof *grown);
    if (!grown)
      return false;
    if (*room) {
      memcpy(grown, *values, *count * sizeof *grown);
      private_unmap(*values, *room * sizeof *grown);
    }
    *values = grown;
    *room = more;
  }
  (*values)[(*count)++] = value;
  return true;
}

static void give_back(int **values, unsigned *count, unsigned *room) {
  if (*room)
    private_unmap(*values, *room * sizeof **values);
  *values = 0;
  *count = *room = 0;
}

static long open_event(uint64_t address, unsigned length, int tid) {
  struct perf_event_attr attributes;
  memset(&attributes, 0, sizeof attributes);
  attributes.size = sizeof attributes;
  attributes.type = PERF_TYPE_BREAKPOINT;
  attributes.bp_type = HW_BREAKPOINT_W;
  attributes.bp_addr = address;
  attributes.bp_len = length;
  attributes.sample_period = 1;
  attributes.exclude_kernel = 1;
  attributes.exclude_hv = 1;
  attributes.inherit = 1;
  attributes.inherit_thread = 1;
  attributes.remove_on_exec = 1;
  attributes.sigtrap = 1;
  attributes.sig_data = address ^ MARK;
  return SYS(perf_event_open, &attributes, tid, -1, -1, PERF_FLAG_FD_CLOEXEC);
}

static void visit_thread(int tid, void *context) {
  struct visit *visit = context;
  struct breakpoint *breakpoint = visit->breakpoint;
  if (visit->error || quiesce_is_runtime_thread(tid))
    return;
  for (unsigned i = 0; i < visit->count; i++)
    if (visit->tids[i] == tid)
      return;
  long descriptor = open_event(breakpoint->address, breakpoint->length, tid);
  /* It has ended, or was born with it. */
  bool needless =
      descriptor == -ESRCH || (descriptor == -ENOSPC && visit->before);
  if (descriptor < 0 && !needless)
    visit->error = (int)descriptor;
  else if (descriptor >= 0 &&
           !append(&breakpoint->descriptors, &breakpoint->count,
                   &breakpoint->room, (int)descriptor)) {
    SYS(close, descriptor);
    visit->error = -ENOMEM;
  }
  if (!append(&visit->tids, &visit->count, &visit->room, tid))
    visit->error = -ENOMEM;
}

static void clear(struct breakpoint *breakpoint) {
  atomic_store(&breakpoint->address, 0);
  for (unsigned i = 0; i < breakpoint->count; i++)
    SYS(close, breakpoint->descriptors[i]);
  give_back(&breakpoint->descriptors, &breakpoint->count, &breakpoint->room);
}

/* As breakpoints_set(). */
static int set(enum breakpoints_of owner, uint64_t address, unsigned length) {
  struct breakpoint *free = breakpoints;
  while (free < breakpoints + BREAKPOINTS && free->address)
    free++;
  if (free == breakpoints + BREAKPOINTS)
    return 0;
  trap_actions_keep_open(SIGTRAP);
  free->owner = owner;
  free->length = length;
  atomic_store(&free->address, address);
  struct visit visit = {.breakpoint = free};
  unsigned found;
  do { /* until a look finds nobody new */
    found = visit.before = visit.count;
    task_each(visit_thread, &visit);
  } while (!visit.error && visit.count != found);
  give_back(&visit.tids, &visit.count, &visit.room);
  if (visit.error)
    clear(free);
  return visit.error ? visit.error : 1;
}

/* One of those that are alike: ranges may share a piece. */
static void clear_one(enum breakpoints_of owner, uint64_t address,
                      unsigned length) {
  for (unsigned i = 0; i < BREAKPOINTS; i++)
    if (breakpoints[i].address == address && breakpoints[i].owner == owner &&
        breakpoints[i].length == length) {
      clear(&breakpoints[i]);
      return;
    }
}

unsigned breakpoints_split(uint64_t address, uint64_t length,
                           uint64_t addresses[BREAKPOINTS],
                           unsigned lengths[BREAKPOINTS]) {
  unsigned count = 0;
  while (length) {
    unsigned piece = 8;
    while (piece > length || address % piece)
      piece /= 2;
    if (count == BREAKPOINTS)
      return 0;
    addresses[count] = address;
    lengths[count++] = piece;
    address += piece;
    length -= piece;
  }
  return count;
}

int breakpoints_set(enum breakpoints_of owner, uint64_t address,
                    uint64_t length) {
  uint64_t addresses[BREAKPOINTS];
  unsigned lengths[BREAKPOINTS];
  unsigned count = breakpoints_split(address, length, addresses, lengths);
  for (unsigned i = 0; i < count; i++) {
    int done = set(owner, addresses[i], lengths[i]);
    if (done <= 0) {
      while (i-- > 0)
        clear_one(owner, addresses[i], lengths[i]);
      return done;
    }
  }
  return count != 0;
}

void breakpoints_clear(enum breakpoints_of owner, uint64_t address,
                       uint64_t length) {
  uint64_t addresses[BREAKPOINTS];
  unsigned lengths[BREAKPOINTS];
  unsigned count = breakpoints_split(address, length, addresses, lengths);
  for (unsigned i = 0; i < count; i++)
    clear_one(owner, addresses[i], lengths[i]);
}

bool breakpoints_hit(const siginfo_t *info, uint64_t *address) {
  uint64_t mark;
  memcpy(&mark, (const char *)info + AT_SIG_DATA, sizeof mark);
  *address = (uint64_t)info->si_addr;
  return mark == (*address ^ MARK);
}

unsigned breakpoints_in(enum breakpoints_of owner, uint64_t begin,
                        uint64_t end) {
  unsigned found = 0;
  for (unsigned i = 0; i < BREAKPOINTS; i++) {
    uint64_t address = atomic_load(&breakpoints[i].address);
    if (address && breakpoints[i].owner == owner && address < end &&
        begin < address + breakpoints[i].length)
      found |= 1u << i;
  }
  return found;
}

unsigned breakpoints_piece(unsigned index, uint64_t *address) {
  *address = atomic_load(&breakpoints[index].address);
  return *address ? breakpoints[index].length : 0;
}

void breakpoints_forget(void) { memset(breakpoints, 0, sizeof breakpoints); }
