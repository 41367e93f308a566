/* rings.c [WORK [alone]] - writes a file by an io_uring and reads it back by
 * another, with several operations under way at once; says what it read. The
 * file only grows: what an io_uring overwrites no undo log has
 * (docs/limits.md). Half of what is read goes to registered buffers, which
 * nobody else writes. alone: both are of one thread, and complete when it asks.
 */
#include <liburing.h>

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH 8
#define BLOCK 512
#define ROUNDS 60000

static struct io_uring writes, reads;
static uint64_t written[DEPTH][BLOCK / 8], got[DEPTH][BLOCK / 8];

static void need(int so, const char *what) {
  if (!so) {
    fprintf(stderr, "rings: %s\n", what);
    exit(1);
  }
}

static uint64_t next(uint64_t value, unsigned round, int work) {
  for (int i = 0; i < work; i++)
    value = value * 6364136223846793005u + round;
  return value;
}

static void finish(struct io_uring *ring) {
  struct io_uring_cqe *done;
  need(io_uring_submit_and_wait(ring, DEPTH) == DEPTH, "submit");
  for (int i = 0; i < DEPTH; i++) {
    need(io_uring_wait_cqe(ring, &done) == 0 && done->res == BLOCK, "result");
    io_uring_cqe_seen(ring, done);
  }
}

int main(int argc, char **argv) {
  int work = argc > 1 ? atoi(argv[1]) : 1; /* for each word that is written */
  unsigned flags =
      argc > 2 ? IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN : 0;
  uint64_t value = 1, sum = 0;
  int file = open("data", O_RDWR | O_CREAT | O_TRUNC, 0600);
  need(io_uring_queue_init(DEPTH, &writes, flags) == 0 &&
           io_uring_queue_init(2 * DEPTH, &reads, flags) == 0,
       "queue");
  struct iovec buffers = {got, sizeof got / 2};
  need(io_uring_register_buffers(&reads, &buffers, 1) == 0, "buffers");
  for (unsigned round = 0; round < ROUNDS; round++) {
    for (unsigned i = 0; i < DEPTH; i++) {
      struct io_uring_sqe *entry = io_uring_get_sqe(&writes);
      need(entry != NULL, "entry");
      for (int k = 0; k < BLOCK / 8; k++)
        written[i][k] = value = next(value, round, work);
      io_uring_prep_write(entry, file, written[i], BLOCK,
                          (uint64_t)(round * DEPTH + i) * BLOCK);
    }
    finish(&writes);
    memset(got[DEPTH / 2], 0, sizeof got / 2);
    for (unsigned i = 0; i < DEPTH; i++) {
      struct io_uring_sqe *entry = io_uring_get_sqe(&reads);
      need(entry != NULL, "entry");
      uint64_t at = (uint64_t)(round * DEPTH + i) * BLOCK;
      if (i < DEPTH / 2)
        io_uring_prep_read_fixed(entry, file, got[i], BLOCK, at, 0);
      else
        io_uring_prep_read(entry, file, got[i], BLOCK, at);
    }
    finish(&reads);
    need(memcmp(got, written, sizeof got) == 0, "content");
    for (int k = 0; k < BLOCK / 8; k++)
      sum = sum * 31 + got[round % DEPTH][k];
    if (round % 1000 == 0) {
      printf("%u %016llx\n", round, (unsigned long long)sum);
      fflush(stdout);
    }
  }
  printf("%016llx\n", (unsigned long long)sum);
  return 0;
}
