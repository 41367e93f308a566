/* io_uring.c - io_uring_setup(2): rings that have nothing under way.
 *
 * The program knows how far its rings have come, and a new one counts from 0:
 * it is made to count on by operations that do nothing. Its memory is saved
 * with the rest of the memory (memory_map.h) and put back into the new ring,
 * which is mapped where the old one was.
 *
 * Invariant: what the kernel does not tell and a program could notice is found
 * by asking the ring itself, or refused. Not told are flags that only say who
 * does the work and when (COOP_TASKRUN, SUBMIT_ALL, ATTACH_WQ, IOPOLL): a ring
 * without them completes the same operations.
 *
 * Source: fs/io_uring and io_uring/fdinfo.c of Linux, for what is told. */
#include "../arch/sys.h"
#include "../support/live.h"
#include "../support/record_types.h"
#include "borrow.h"
#include "info.h"
#include "ring_asked.h"
#include "ring_buffers.h"
#include "ring_files.h"
#include "ring_issuer.h"
#include "ring_memory.h"
#include "ring_thread.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

/* linux/io_uring.h of Debian 12 is older than what is used of it. */
#define SETUP_THREAD (1u << 1)         /* IORING_SETUP_SQPOLL */
#define SETUP_PROCESSOR (1u << 2)      /* IORING_SETUP_SQ_AFF */
#define SETUP_SIZE (1u << 3)           /* IORING_SETUP_CQSIZE */
#define SETUP_DISABLED (1u << 6)       /* IORING_SETUP_R_DISABLED */
#define SETUP_NOTED (1u << 9)          /* IORING_SETUP_TASKRUN_FLAG */
#define SETUP_ISSUER (1u << 12)        /* IORING_SETUP_SINGLE_ISSUER */
#define SETUP_DEFERRED (1u << 13)      /* IORING_SETUP_DEFER_TASKRUN */
#define ENTER_WAKE 2u                  /* IORING_ENTER_SQ_WAKEUP */
#define OFFSET_SUBMISSIONS 0x10000000u /* IORING_OFF_SQES */
#define OFFSET_PART 0x07ffffffu        /* within one of the things mapped */

struct uring_params {
  uint32_t submissions, completions, flags, processor, unused[6];
  struct {
    uint32_t head, tail, mask, entries, flags, dropped, array, reserved[3];
  } submission;
  struct {
    uint32_t head, tail, mask, entries, overflow, completions, reserved[4];
  } completion;
};
_Static_assert(sizeof(struct uring_params) == 120, "struct io_uring_params");

static bool recognise(const struct resource_sink *sink,
                      const Descriptor *message) {
  (void)sink;
  return info_begins(message->path, "anon_inode:[io_uring]");
}

/* A new ring of that size. */
static long make_ring(const IoUring *state, uint32_t flags,
                      struct uring_params *params) {
  memset(params, 0, sizeof(*params));
  params->flags = SETUP_SIZE | flags;
  params->completions = state->completions;
  if (flags & SETUP_PROCESSOR)
    params->processor = state->processor - 1;
  return SYS(io_uring_setup, state->submissions, params);
}

/* Where things are in the memory of a ring, which the program was told once. */
static void lay_out(const struct uring_params *params, uint32_t layout[6]) {
  layout[0] = params->submission.head;
  layout[1] = params->submission.tail;
  layout[2] = params->completion.head;
  layout[3] = params->completion.tail;
  layout[4] = params->completion.completions;
  layout[5] = params->submission.array;
}

/* ---- saving ---- */

struct seen {
  uint64_t submission_mask, completion_mask, tail, submitted, completed;
  uint64_t files, buffers;
  uint64_t thread; /* of the kernel, 0: none */
  bool told, polled, overflown, identities;
  bool in_polls, in_overflow, in_identities; /* the list that lines are of */
};

static void see_lists(struct seen *seen, const char *line) {
  bool head = line[0] > ' ';
  if (!head) {
    seen->polled |= seen->in_polls;
    seen->overflown |= seen->in_overflow;
    seen->identities |= seen->in_identities;
    return;
  }
  seen->in_polls = info_begins(line, "PollList:");
  seen->in_overflow = info_begins(line, "CqOverflowList:");
  seen->in_identities = info_begins(line, "Personalities:");
}

static void see_line(struct seen *seen, const char *line) {
  see_lists(seen, line);
  if (info_begins(line, "SqThread:"))
    info_number(line, "SqThread:", 10, &seen->thread);
  else if (info_begins(line, "SqTail:"))
    info_number(line, "SqTail:", 10, &seen->tail);
  else if (info_begins(line, "SqMask:"))
    info_number(line, "SqMask:\t0x", 16, &seen->submission_mask);
  else if (info_begins(line, "CqMask:"))
    info_number(line, "CqMask:\t0x", 16, &seen->completion_mask);
  else if (info_begins(line, "CachedSqHead:"))
    info_number(line, "CachedSqHead:", 10, &seen->submitted);
  else if (info_begins(line, "CachedCqTail:"))
    info_number(line, "CachedCqTail:", 10, &seen->completed);
  else if (info_begins(line, "UserFiles:"))
    info_number(line, "UserFiles:", 10, &seen->files);
  else if (info_begins(line, "UserBufs:"))
    seen->told = info_number(line, "UserBufs:", 10, &seen->buffers);
}

static long see(int number, struct seen *seen) {
  struct info info;
  memset(seen, 0, sizeof(*seen));
  long result = info_open(&info, number);
  if (result < 0)
    return result;
  for (const char *line; (line = info_line(&info));)
    see_line(seen, line);
  info_close(&info);
  return 0;
}

static bool has_come_to_rest(const struct seen *seen) {
  return seen->told && seen->submitted == seen->completed && !seen->polled &&
         (!seen->thread || seen->submitted == seen->tail);
}

/* What the program has put there may be submitted at any time: it is now. */
static void have_all_submitted(int ring, const struct seen *seen) {
  if (seen->thread && seen->submitted != seen->tail)
    SYS(io_uring_enter, ring, 0, 0, ENTER_WAKE, 0, 0);
}

/* What the device or a worker of the kernel has in hand is soon done. While one
 * of them looks at the ring, the kernel tells nothing. */
#define REST_TRIES 60
static void wait_a_moment(void) {
  const struct timespec millisecond = {.tv_nsec = 1000000};
  SYS(nanosleep, &millisecond, 0);
}

/* Files, pipes and the like are saved when nothing writes to them any more.
 * Where one thread alone is answered, it has waited for that itself, but for
 * what a thread of the kernel submits. */
static bool come_to_rest(const struct resource_sink *sink,
                         const Descriptor *message) {
  struct seen seen;
  int tries = 0;
  long ring = borrow_number(sink, message->number);
  bool has_issuer = ring >= 0 && ring_has_another_issuer((int)ring);
  bool waited = has_issuer && ring_issuers_attend(sink);
  for (; ring >= 0 && tries < REST_TRIES; tries++) {
    if (see(message->number, &seen) < 0 || has_come_to_rest(&seen) ||
        (has_issuer && seen.told && !seen.thread))
      break;
    have_all_submitted((int)ring, &seen);
    wait_a_moment();
  }
  if (ring >= 0)
    SYS(close, ring);
  return tries > 0 || waited;
}

static long see_when_told(int number, struct seen *seen) {
  long result = see(number, seen);
  for (int i = 0; i < REST_TRIES && result >= 0 && !seen->told; i++) {
    wait_a_moment();
    result = see(number, seen);
  }
  return result;
}

static const char *why_not(const struct seen *seen) {
  return !seen->told               ? "its state is not told"
         : seen->overflown         ? "completions that its ring has no room for"
         : seen->identities        ? "registered credentials"
         : !has_come_to_rest(seen) ? "operations that are not completed, or "
                                     "not each by one completion"
                                   : 0;
}

/* ---- provided buffers ----
 *
 * One request tells of one group of 65,536, which take 15 ms. So only the
 * groups that programs use are asked for in the stop, and all of them when the
 * program runs again, before the checkpoint counts; once one was found there,
 * in the stop from then on. */

static LIVE bool looks_at_all;

static void begin(void) { looks_at_all = false; }

/* Whether the rest of its groups can be asked for later, or all were. */
static bool keep_for_later(struct resource_sink *sink, int ring,
                           const IoUring *state) {
  if (looks_at_all || state->issuer || state->disabled)
    return true;
  long kept = sink->later_count < RESOURCE_LATER
                  ? SYS(fcntl, ring, F_DUPFD_CLOEXEC, 0)
                  : -EMFILE;
  if (kept < 0)
    return !ring_has_buffers(ring, 0, RING_GROUPS);
  sink->later[sink->later_count++] = (int)kept;
  return true;
}

static int confirm(struct resource_sink *sink, struct hwckpt_error *error) {
  int result = 0;
  while (sink->later_count) {
    int ring = sink->later[--sink->later_count];
    if (error && !result && ring_has_buffers(ring, 0, RING_GROUPS)) {
      looks_at_all = true;
      result = hwckpt_fail(error, HWCKPT_E_NOT_SUPPORTED, 0,
                           "anon_inode:[io_uring]", "%s", ring_has_provided);
    }
    SYS(close, ring);
  }
  return result;
}

/* ---- where it is ---- */

static const char *hexadecimal(const char *text, uint64_t *value) {
  for (*value = 0;; text++) {
    unsigned digit = (unsigned char)*text;
    if (digit >= '0' && digit <= '9')
      digit -= '0';
    else if (digit >= 'a' && digit <= 'f')
      digit -= 'a' - 10;
    else
      return text;
    *value = *value << 4 | digit;
  }
}

/* start-end perms offset major:minor inode   name */
static const char *note_mapping(const char *line, uint64_t inode,
                                IoUring *state) {
  uint64_t start, end, offset, number = 0;
  const char *protection = hexadecimal(hexadecimal(line, &start) + 1, &end) + 1;
  const char *device = hexadecimal(protection + 5, &offset) + 1;
  if (!info_number(device, " ", 10, &number) || number != inode)
    return 0;
  size_t i = state->mapping_count;
  if (i == sizeof(state->mapping) / sizeof(*state->mapping))
    return "rings that are mapped many times";
  if (offset & OFFSET_PART || offset > OFFSET_SUBMISSIONS)
    return "rings that are mapped in parts";
  state->mapping[i].start = start;
  state->mapping[i].length = end - start;
  state->mapping[i].offset = (uint32_t)offset;
  state->mapping[i].protection = (protection[0] == 'r' ? PROT_READ : 0u) |
                                 (protection[1] == 'w' ? PROT_WRITE : 0u);
  state->mapping_count++;
  return 0;
}

static const char *find_mappings(uint64_t inode, IoUring *state) {
  struct info info;
  char path[64];
  const char *reason = 0;
  info_path(path, "maps");
  if (info_open_path(&info, path) < 0)
    return "its mappings are not told";
  for (const char *line; !reason && (line = info_line(&info));)
    reason = note_mapping(line, inode, state);
  info_close(&info);
  /* With NO_MMAP the kernel writes to memory of the program's own. */
  return reason                 ? reason
         : state->mapping_count ? 0
                                : "rings that are not mapped (NO_MMAP)";
}

/* Nobody can use it any more, so what is registered with it does not matter,
 * nor where the kernel's counts stand; but for what a thread of the kernel
 * submits. */
static const char *take_as_left(int ring, IoUring *state) {
  if (state->has_thread)
    return "one thread alone may ask (SINGLE_ISSUER), and it has ended";
  state->issuer = RING_ISSUER_ENDED;
  state->count = 0;
  state->deferred = ring_is_deferred_by_another(ring);
  return 0;
}

/* Asked by its issuer, in the stop before, or by us. */
static const char *ask(const Descriptor *message, int ring, IoUring *state) {
  struct ring_answers answers = {0};
  if (ring_has_another_issuer(ring)) {
    const char *reason = 0;
    const struct ring_issuer *issuer = ring_issuer_of(message->inode, &reason);
    if (!issuer)
      return reason;
    if (!issuer->tid)
      return take_as_left(ring, state);
    state->issuer = issuer->tid;
    answers = issuer->answers;
  } else {
    ring_ask(ring, looks_at_all ? RING_GROUPS : RING_FIRST_GROUPS, &answers);
  }
  state->deferred = answers.deferred;
  state->disabled = answers.disabled;
  return answers.reason;
}

/* Entries of twice the size (SQE128, CQE32) take more memory than the same
 * number of ours; small ones fit into a page either way, and serve devices,
 * which are refused. */
static const char *compare_sizes(IoUring *state) {
  struct uring_params params;
  long fd = make_ring(state, 0, &params);
  if (fd < 0)
    return "a ring of its size cannot be had";
  SYS(close, fd);
  state->layout_count = 6;
  lay_out(&params, state->layout);
  for (size_t i = 0; i < state->mapping_count; i++)
    if (state->mapping[i].length >
        ring_memory_size(state, state->mapping[i].offset))
      return "large entries (SQE128, CQE32)";
  return 0;
}

static const char *describe(const struct resource_sink *sink,
                            const Descriptor *message, int ring,
                            const struct seen *seen, IoUring *state) {
  const char *reason = why_not(seen);
  state->submissions = (uint32_t)seen->submission_mask + 1;
  state->completions = (uint32_t)seen->completion_mask + 1;
  state->count = (uint32_t)seen->submitted;
  state->buffers = (uint32_t)seen->buffers;
  state->files = (uint32_t)seen->files;
  reason = reason ? reason : message->shared ? "another process has it too" : 0;
  if (!reason && seen->thread)
    reason = ring_thread_save(sink, (int)seen->thread, state);
  reason = reason ? reason : ask(message, ring, state);
  reason = reason ? reason : find_mappings(message->inode, state);
  return reason ? reason : compare_sizes(state);
}

static int put(struct resource_sink *sink, Descriptor *message, int ring,
               struct hwckpt_error *error) {
  IoUring state = IoUring_init_zero;
  struct seen seen;
  long result = see_when_told(message->number, &seen);
  if (result < 0)
    return refuse_to_save(error, message, result, "fdinfo");
  const char *reason = describe(sink, message, ring, &seen, &state);
  int failed = 0;
  if (!reason && seen.buffers)
    failed = ring_buffers_save(sink, message, seen.buffers, &reason, error);
  if (!failed && !reason && seen.files)
    failed = ring_files_save(sink, message, &reason, error);
  if (failed)
    return failed;
  if (!reason && !keep_for_later(sink, ring, &state))
    reason = ring_has_provided;
  if (!reason)
    return resource_put(sink, RECORD_IO_URING, IoUring_fields, &state, error);
  message->kind = DescriptorKind_DESCRIPTOR_UNSUPPORTED;
  return resource_unsupported(sink, error, message->path, "descriptor %d: %s",
                              (int)message->number, reason);
}

static int save(struct resource_sink *sink, Descriptor *message,
                struct hwckpt_error *error) {
  if (message->same_as >= 0)
    return 0;
  int ring = borrow(sink, message, error);
  if (ring < 0)
    return ring;
  int result = put(sink, message, ring, error);
  SYS(close, ring);
  return result;
}

/* ---- restoring ---- */

/* One that had an issuer is disabled until that is there. Where completions are
 * deferred, a program may go by the flag that tells of them. */
static uint32_t setup_flags(const IoUring *state) {
  return (state->issuer ? SETUP_ISSUER : 0) |
         (state->issuer || state->disabled ? SETUP_DISABLED : 0) |
         (state->deferred ? SETUP_ISSUER | SETUP_DEFERRED | SETUP_NOTED : 0) |
         (state->has_thread ? SETUP_THREAD : 0);
}

/* Its thread of the kernel gets an id that no thread of the program is to have:
 * the next ones are behind all of these (tools/hwckpt/process_id.c). */
static long make_as_it_was(const IoUring *state, struct uring_params *params) {
  uint32_t flags = setup_flags(state);
  long fd = -EINVAL;
  if (state->has_thread && state->processor)
    fd = make_ring(state, flags | SETUP_PROCESSOR, params);
  /* There may be no such processor here. */
  return fd == -EINVAL ? make_ring(state, flags, params) : fd;
}

/* Who may submit fills it. */
static long fill(struct resource_source *source, int ring,
                 const struct uring_params *params, const IoUring *state) {
  uint32_t layout[6];
  lay_out(params, layout);
  if (state->layout_count != 6 ||
      memcmp(layout, state->layout, sizeof(layout)) != 0)
    return -EPROTONOSUPPORT;
  if (state->issuer > 0)
    return 0;
  long result = ring_memory_fill(ring, state);
  return result < 0 ? result : ring_memory_take_place(source, ring, state);
}

static int make(struct resource_source *source, const Descriptor *message,
                struct hwckpt_error *error) {
  IoUring state;
  struct uring_params params;
  int failed =
      resource_get_own(source, RECORD_IO_URING, IoUring_fields, &state, error);
  if (failed)
    return failed;
  long fd = make_as_it_was(&state, &params);
  if (fd < 0)
    return refuse_to_restore(error, message, fd, "io_uring_setup");
  const char *part = "the memory of its rings";
  long result = fill(source, (int)fd, &params, &state);
  if (result >= 0) {
    result = ring_buffers_restore(source, (int)fd, state.buffers);
    part = "registering its buffers";
  }
  if (result >= 0 && message->flags & O_NONBLOCK)
    result = SYS(fcntl, fd, F_SETFL, O_NONBLOCK);
  if (result >= 0)
    return (int)fd;
  SYS(close, fd);
  return refuse_to_restore(error, message, result,
                           result == -EPROTONOSUPPORT
                               ? "this kernel lays rings out otherwise"
                               : part);
}

static int link_up(struct resource_source *source, const Descriptor *message,
                   int descriptor, struct hwckpt_error *error) {
  IoUring state;
  int failed =
      resource_get_own(source, RECORD_IO_URING, IoUring_fields, &state, error);
  if (failed)
    return failed;
  long result = ring_files_restore(source, descriptor, state.files);
  if (result < 0)
    return refuse_to_restore(error, message, result, "registering its files");
  if (state.issuer)
    result = ring_issuer_hand_on(source, descriptor);
  return result < 0 ? refuse_to_restore(error, message, result,
                                        "more than 256 rings of single threads")
                    : 0;
}

const struct descriptor_kind hwckpt_descriptor_io_uring = {
    .name = "io_uring",
    .kind = DescriptorKind_DESCRIPTOR_IO_URING,
    .begin = begin,
    .recognise = recognise,
    .rest = come_to_rest,
    .save = save,
    .open = make,
    .link = link_up,
    .confirm = confirm,
    .check = refuse_to_roll_back,
};
