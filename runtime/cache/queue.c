/* queue.c - writes under way by io_uring (io_uring(7)), without a library.
 *
 * The rings lie in memory of ours (IORING_SETUP_NO_MMAP, Linux 6.5): there is
 * no mapping of the kernel's in the process, which a capture would find and a
 * restore could not make again, and a child of fork() shares no ring.
 *
 * Invariant: the kernel starts no thread for a queue. A write that would have
 * to wait in the kernel is refused (RWF_NOWAIT) instead of being left to a
 * worker, for workers are threads of the process, which stopping it would wait
 * for in vain. What is refused is for pwrite().
 */
#include "queue.h"

#include "../arch/sys.h"

#include <errno.h>
#include <stdatomic.h>

/* linux/io_uring.h of Debian 12 is older than what is used of it. */
#define SETUP_NO_MMAP (1u << 14)
#define ENTER_GETEVENTS 1u
#define OPERATION_WRITE 23u
#define WRITE_NOWAIT 8u /* RWF_NOWAIT */

struct uring_offsets { /* of io_sqring_offsets and io_cqring_offsets */
  uint32_t head, tail, mask, entries;
  uint32_t flags_or_overflow, dropped_or_entries, array_or_flags, reserved;
  uint64_t memory;
};
struct uring_params {
  uint32_t submissions, completions, flags, cpu, idle, features, worker;
  uint32_t reserved[3];
  struct uring_offsets submission, completion;
};
struct uring_submission {
  uint8_t operation, flags;
  uint16_t priority;
  int32_t fd;
  uint64_t offset, address;
  uint32_t length, write_flags;
  uint64_t tag;
  uint64_t unused[3];
};
struct uring_completion {
  uint64_t tag;
  int32_t result;
  uint32_t flags;
};
_Static_assert(sizeof(struct uring_params) == 120, "struct io_uring_params");
_Static_assert(sizeof(struct uring_submission) == 64, "struct io_uring_sqe");
_Static_assert(sizeof(struct uring_completion) == 16, "struct io_uring_cqe");

/* The caller's memory: a page of our own, one of both rings, one of
 * submissions. */
struct queue {
  int fd;
  uint32_t submission_mask, completion_mask;
  _Atomic uint32_t *tail;             /* of submissions: ours */
  _Atomic uint32_t *head, *completed; /* of completions */
  struct uring_submission *submissions;
  const struct uring_completion *completions;
};

static int enter(const struct queue *queue, unsigned submit, unsigned wait) {
  long result;
  do
    result = SYS(io_uring_enter, queue->fd, submit, wait,
                 wait ? ENTER_GETEVENTS : 0, 0, 0);
  while (result == -EINTR);
  return (int)result;
}

int queue_open(void *memory) {
  struct queue *queue = memory;
  char *rings = (char *)memory + CACHE_PAGE_SIZE;
  char *submissions = rings + CACHE_PAGE_SIZE;
  struct uring_params params = {.flags = SETUP_NO_MMAP};
  params.completion.memory = (uintptr_t)rings;
  params.submission.memory = (uintptr_t)submissions;
  long fd = SYS(io_uring_setup, CACHE_QUEUE_DEPTH, &params);
  if (fd < 0)
    return (int)fd;
  *queue = (struct queue){
      .fd = (int)fd,
      .submission_mask = params.submissions - 1,
      .completion_mask = params.completions - 1,
      .tail = (void *)(rings + params.submission.tail),
      .head = (void *)(rings + params.completion.head),
      .completed = (void *)(rings + params.completion.tail),
      .submissions = (void *)submissions,
      .completions = (void *)(rings + params.completion.dropped_or_entries),
  };
  uint32_t *order = (void *)(rings + params.submission.array_or_flags);
  for (uint32_t i = 0; i < params.submissions; i++)
    order[i] = i;
  return 0;
}

int queue_write(void *memory, int fd, const void *buffer, size_t length,
                uint64_t offset, unsigned tag) {
  struct queue *queue = memory;
  uint32_t tail = atomic_load_explicit(queue->tail, memory_order_relaxed);
  queue->submissions[tail & queue->submission_mask] = (struct uring_submission){
      .operation = OPERATION_WRITE,
      .fd = fd,
      .offset = offset,
      .address = (uintptr_t)buffer,
      .length = (uint32_t)length,
      .write_flags = WRITE_NOWAIT,
      .tag = tag,
  };
  atomic_store_explicit(queue->tail, tail + 1, memory_order_release);
  int result = enter(queue, 1, 0);
  if (result == 1)
    return 0;
  /* Not taken: the kernel looks at the ring in that call only. */
  atomic_store_explicit(queue->tail, tail, memory_order_release);
  return result < 0 ? result : -EAGAIN;
}

int queue_wait(void *memory, unsigned *tag, long *result) {
  struct queue *queue = memory;
  uint32_t head = atomic_load_explicit(queue->head, memory_order_relaxed);
  while (head == atomic_load_explicit(queue->completed, memory_order_acquire)) {
    int entered = enter(queue, 0, 1);
    if (entered < 0)
      return entered;
  }
  const struct uring_completion *completion =
      &queue->completions[head & queue->completion_mask];
  *tag = (unsigned)completion->tag;
  *result = completion->result;
  atomic_store_explicit(queue->head, head + 1, memory_order_release);
  return 0;
}

void queue_close(void *memory) {
  const struct queue *queue = memory;
  SYS(close, queue->fd);
}
