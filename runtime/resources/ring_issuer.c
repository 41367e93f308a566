/* ring_issuer.c - see ring_issuer.h.
 *
 * What such a ring tells others is that they are others. So all threads, which
 * are stopped, try each ring: one finds that it is the ring's issuer. It waits
 * for what is under way, as with DEFER_TASKRUN nothing is completed but when it
 * asks, and then asks what else the runtime's thread would ask itself: for the
 * first time all, then by turns what nearly no program has. */
#include "ring_issuer.h"

#include "../arch/sys.h"
#include "../support/live.h"
#include "../support/record_types.h"
#include "borrow.h"
#include "elsewhere.h"
#include "info.h"
#include "ring_memory.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define RINGS 256u
/* In so many stops all groups of provided buffers are asked for. */
#define TURNS 16u
#define TURN ((RING_GROUPS - RING_FIRST_GROUPS) / TURNS)
#define REGISTER_ENABLE 12u /* IORING_REGISTER_ENABLE_RINGS */
#define ENTER_AWAIT 1u      /* IORING_ENTER_GETEVENTS */
#define ENTER_TIME 8u       /* IORING_ENTER_EXT_ARG */
#define REST_NS 60000000u

/* struct io_uring_getevents_arg */
struct await {
  uint64_t signals;
  uint32_t signals_size, least_us;
  uint64_t time;
};

struct attended {
  int32_t number;
  uint32_t count; /* completions that there will be, once all is done */
  uint64_t inode;
  bool known; /* all its groups were asked for once */
  struct ring_issuer issuer;
};

/* Of this stop. */
static LIVE struct {
  bool done, too_many, waited;
  const char *reason;
  unsigned count;
  struct attended rings[RINGS];
} attended;

/* Of all stops. */
static LIVE struct {
  bool looks_at_all; /* some had buffers */
  unsigned turn;
  unsigned count;
  uint64_t inodes[RINGS];
} known;

static void first(void) {
  attended.done = attended.too_many = attended.waited = false;
  attended.reason = 0;
  attended.count = 0;
}

/* ---- on the runtime's thread ---- */

/* What the ring has in its memory that is not taken, and what is under way. Not
 * told while the kernel works on the ring: then it is asked without a wait. */
static uint32_t completions_to_come(int number) {
  uint64_t submitted = 0, completed = 0, taken = 0;
  if (!info_find(number, "CachedSqHead:", 10, &submitted) ||
      !info_find(number, "CachedCqTail:", 10, &completed) ||
      !info_find(number, "CqHead:", 10, &taken) || submitted == completed)
    return 0;
  attended.waited = true;
  return (uint32_t)(submitted - taken);
}

static bool is_added(uint64_t inode) {
  for (unsigned i = 0; i < attended.count; i++)
    if (attended.rings[i].inode == inode)
      return true;
  return false;
}

static bool is_known(uint64_t inode) {
  for (unsigned i = 0; i < known.count; i++)
    if (known.inodes[i] == inode)
      return true;
  return false;
}

static void add(const struct descriptor_fact *fact) {
  if (attended.count == RINGS) {
    attended.too_many = true;
    return;
  }
  struct attended *ring = &attended.rings[attended.count++];
  memset(ring, 0, sizeof *ring);
  ring->number = fact->number;
  ring->inode = fact->inode;
  ring->known = is_known(fact->inode) && !known.looks_at_all;
  ring->count = completions_to_come(fact->number);
}

/* They have no type, like all that has no file. */
static void find_all(const struct resource_sink *sink) {
  for (size_t i = 0; i < sink->fact_count; i++) {
    if (sink->facts[i].mode & S_IFMT || is_added(sink->facts[i].inode))
      continue;
    long own = borrow_number(sink, sink->facts[i].number);
    if (own >= 0 && ring_has_another_issuer((int)own))
      add(&sink->facts[i]);
    if (own >= 0)
      SYS(close, own);
  }
}

/* ---- on each of the program's threads ---- */

static uint64_t now_ns(void) {
  struct timespec now = {0};
  SYS(clock_gettime, CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* All rings of a thread together have that time. */
static void bring_to_rest(const struct attended *ring, uint64_t end_ns) {
  uint64_t now = now_ns();
  struct timespec left = {0};
  const struct await await = {.time = (uint64_t)&left};
  left.tv_nsec = now < end_ns ? (long)(end_ns - now) : 0;
  SYS(io_uring_enter, ring->number, 0, left.tv_nsec ? ring->count : 0,
      ENTER_AWAIT | ENTER_TIME, &await, sizeof await);
}

/* Nobody else can ask when the program runs again. */
static void ask(const struct attended *ring, struct ring_answers *answers) {
  uint32_t turn = RING_FIRST_GROUPS + known.turn * TURN;
  ring_ask(ring->number, ring->known ? RING_FIRST_GROUPS : RING_GROUPS,
           answers);
  if (ring->known && !answers->reason &&
      ring_has_buffers(ring->number, turn, turn + TURN))
    answers->reason = ring_has_provided;
}

static void attend(unsigned thread, void *argument) {
  (void)thread;
  (void)argument;
  int self = (int)SYS(gettid);
  uint64_t end_ns = now_ns() + REST_NS;
  for (unsigned i = 0; i < attended.count; i++) {
    struct attended *ring = &attended.rings[i];
    if (!ring_answers_caller(ring->number))
      continue;
    ring->issuer.tid = self;
    if (ring->count)
      bring_to_rest(ring, end_ns);
  }
  for (unsigned i = 0; i < attended.count; i++)
    if (attended.rings[i].issuer.tid == self)
      ask(&attended.rings[i], &attended.rings[i].issuer.answers);
}

/* ---- on the runtime's thread again ---- */

static void note_answers(void) {
  known.count = 0;
  known.turn = (known.turn + 1) % TURNS;
  for (unsigned i = 0; i < attended.count; i++) {
    const struct ring_issuer *issuer = &attended.rings[i].issuer;
    known.looks_at_all |= issuer->answers.reason == ring_has_provided;
    if (issuer->tid && !issuer->answers.reason)
      known.inodes[known.count++] = attended.rings[i].inode;
  }
}

bool ring_issuers_attend(const struct resource_sink *sink) {
  struct hwckpt_error error;
  if (attended.done)
    return false;
  attended.done = true;
  if (resources_forbid_rings()) {
    attended.reason = "one thread alone may submit (SINGLE_ISSUER), and a "
                      "filter of the program keeps it from asking for it";
    return false;
  }
  find_all(sink);
  if (sink->on_threads(sink, attend, 0, &error) < 0)
    attended.reason = "there is no memory for what its thread does for it";
  else
    note_answers();
  return attended.waited;
}

const struct ring_issuer *ring_issuer_of(uint64_t inode, const char **reason) {
  for (unsigned i = 0; i < attended.count && !attended.reason; i++)
    if (attended.rings[i].inode == inode)
      return &attended.rings[i].issuer;
  *reason = attended.reason     ? attended.reason
            : attended.too_many ? "more than 256 rings of single threads"
                                : "its state is not told";
  return 0;
}

/* ---- restoring ---- */

/* Until the issuers are there. */
static struct {
  unsigned count;
  struct {
    int32_t number;
    size_t record;
  } rings[RINGS];
} handed;

static void begin(void) {
  handed.count = 0;
  memset(&known, 0, sizeof known);
}

/* They are linked once more where what a descriptor had open strayed. */
long ring_issuer_hand_on(const struct resource_source *source, int ring) {
  unsigned i = 0;
  while (i < handed.count && handed.rings[i].number != ring)
    i++;
  if (i == RINGS)
    return -ENFILE;
  handed.rings[i].number = ring;
  handed.rings[i].record = source->at;
  handed.count += i == handed.count;
  return 0;
}

struct enabling {
  int32_t issuer; /* its id now */
  int32_t number;
  long result;
  const char *part; /* that failed */
  IoUring state;
};
_Static_assert(RINGS * sizeof(struct enabling) <= RESOURCE_SCRATCH_FACTS,
               "they have room in the scratch memory");

static void enable(void *argument) {
  struct enabling *ring = argument;
  ring->part = "enabling it";
  ring->result = SYS(io_uring_register, ring->number, REGISTER_ENABLE, 0, 0);
}

static void enable_own(void *argument) {
  struct enabling *rings = argument;
  int self = (int)SYS(gettid);
  for (unsigned i = 0; i < handed.count; i++) {
    if (rings[i].issuer != self)
      continue;
    enable(&rings[i]);
    if (rings[i].result < 0)
      continue;
    rings[i].part = "the memory of its rings";
    rings[i].result = ring_memory_fill(rings[i].number, &rings[i].state);
  }
}

static int read_own(struct resource_source *source, unsigned i,
                    struct enabling *ring, struct hwckpt_error *error) {
  source->at = handed.rings[i].record;
  ring->number = handed.rings[i].number;
  ring->result = -ESRCH;
  ring->part = "its thread";
  int result = resource_get_own(source, RECORD_IO_URING, IoUring_fields,
                                &ring->state, error);
  ring->issuer = RING_ISSUER_ENDED;
  if (result == 0 && ring->state.issuer != RING_ISSUER_ENDED)
    result = ring->issuer = resource_tid(source, ring->state.issuer, error);
  return result < 0 ? result : 0;
}

/* By a process that ends, or, after the issuer has: where it was. */
static int complete(struct resource_source *source, struct enabling *ring,
                    struct hwckpt_error *error) {
  if (ring->issuer == RING_ISSUER_ENDED) {
    char *stack = (char *)source->scratch + RESOURCE_SCRATCH;
    long result = elsewhere(stack, true, enable, ring);
    ring->result = result < 0 ? result : ring->result;
  } else if (ring->result >= 0)
    ring->result = ring_memory_take_place(source, ring->number, &ring->state);
  return ring->result < 0
             ? hwckpt_fail(error, HWCKPT_E_RESTORE_KERNEL, (int)-ring->result,
                           "anon_inode:[io_uring]", "descriptor %d: %s",
                           (int)ring->number, ring->part)
             : 0;
}

static int finish(struct resource_source *source, struct hwckpt_error *error) {
  struct enabling *rings = source->scratch;
  int result = 0;
  bool others = false;
  if (source->rolls_back)
    return 0;
  for (unsigned i = 0; i < handed.count && !result; i++) {
    result = read_own(source, i, &rings[i], error);
    others |= rings[i].issuer > 0 && rings[i].issuer != (int)SYS(gettid);
  }
  if (!result && handed.count)
    enable_own(rings);
  if (!result && others)
    source->on_others(source, enable_own, rings);
  for (unsigned i = 0; i < handed.count && !result; i++)
    result = complete(source, &rings[i], error);
  handed.count = 0;
  return result;
}

const struct resource_kind hwckpt_resource_ring_issuers = {
    .name = "io_uring issuers",
    .begin = begin,
    .first = first,
    .finish = finish,
};
