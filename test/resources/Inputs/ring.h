/* ring.h - an io_uring, by system calls alone: programs link no liburing. */
#ifndef RING_H
#define RING_H

#include "behaviour.h"
#include <linux/io_uring.h>
#include <stdatomic.h>
#include <sys/mman.h>

struct ring {
  int fd;
  struct io_uring_params parameters;
  char *memory, *completions;
  struct io_uring_sqe *entries;
};

static inline unsigned *at(const struct ring *ring, unsigned offset) {
  return (unsigned *)(ring->memory + offset);
}

static inline void map_ring(struct ring *ring, unsigned entries,
                            unsigned flags) {
  ring->parameters.flags = flags;
  ring->fd = (int)syscall(SYS_io_uring_setup, entries, &ring->parameters);
  if (ring->fd < 0)
    SKIP("no io_uring");
  const struct io_uring_params *p = &ring->parameters;
  size_t size = p->sq_off.array + entries * sizeof(unsigned);
  ring->memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_POPULATE, ring->fd, IORING_OFF_SQ_RING);
  ring->completions = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED,
                           ring->fd, IORING_OFF_CQ_RING);
  ring->entries =
      mmap(NULL, entries * sizeof(struct io_uring_sqe), PROT_READ | PROT_WRITE,
           MAP_SHARED | MAP_POPULATE, ring->fd, IORING_OFF_SQES);
  CHECK(ring->memory != MAP_FAILED && ring->completions != MAP_FAILED &&
        ring->entries != MAP_FAILED);
}

static inline void make(struct ring *ring, unsigned entries, unsigned flags) {
  memset(&ring->parameters, 0, sizeof ring->parameters);
  map_ring(ring, entries, flags);
}

static inline void add(struct ring *ring, unsigned char operation, int fd,
                       const void *address, unsigned length,
                       unsigned long offset) {
  unsigned tail = *at(ring, ring->parameters.sq_off.tail);
  unsigned index = tail & *at(ring, ring->parameters.sq_off.ring_mask);
  CHECK(tail - *at(ring, ring->parameters.sq_off.head) <
        ring->parameters.sq_entries);
  ring->entries[index] = (struct io_uring_sqe){
      .opcode = operation,
      .fd = fd,
      .addr = (unsigned long)address,
      .len = length,
      .off = offset,
      .user_data = tail,
  };
  at(ring, ring->parameters.sq_off.array)[index] = index;
  atomic_thread_fence(memory_order_release);
  *at(ring, ring->parameters.sq_off.tail) = tail + 1;
}

static inline void enter(struct ring *ring, unsigned submit, unsigned wait) {
  CHECK_EQUAL(syscall(SYS_io_uring_enter, ring->fd, submit, wait,
                      wait ? IORING_ENTER_GETEVENTS : 0, NULL, 0),
              submit);
}

/* Takes a completion, by the mapping of completions. */
static inline void take(struct ring *ring, unsigned number, int result) {
  const struct io_uring_params *p = &ring->parameters;
  unsigned *head = (unsigned *)(ring->completions + p->cq_off.head);
  CHECK(*head != *(unsigned *)(ring->completions + p->cq_off.tail));
  const struct io_uring_cqe *done =
      (const struct io_uring_cqe *)(ring->completions + p->cq_off.cqes) +
      (*head & (p->cq_entries - 1));
  CHECK_EQUAL(done->user_data, number);
  CHECK_EQUAL(done->res, result);
  ++*head;
}

static inline long control(struct ring *ring, unsigned operation,
                           void *argument, unsigned count) {
  return syscall(SYS_io_uring_register, ring->fd, operation, argument, count);
}

static inline void drop(struct ring *ring) {
  const struct io_uring_params *p = &ring->parameters;
  size_t size = p->sq_off.array + p->sq_entries * sizeof(unsigned);
  CHECK_EQUAL(munmap(ring->memory, size), 0);
  CHECK_EQUAL(munmap(ring->completions, size), 0);
  CHECK_EQUAL(munmap(ring->entries, p->sq_entries * sizeof *ring->entries), 0);
  close(ring->fd);
}

#endif
