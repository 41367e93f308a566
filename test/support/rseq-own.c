// Restartable sequences that the program registers itself, in the place of
// libc's, are registered again where they were, in every thread, after a
// restore and a rollback. What an earlier thread had at the place of a new one
// is not, and where there are none, there are none.
// RUN: rm -f %t.once && %behaviour -I%S/Inputs %s -o %t && %restored_by_all -- %t
// RUN: %t %t.once
#include "rseq.h"
#include <pthread.h>
#include <stdbool.h>
#define SIGNATURE 0x11223344
#define NOBODY 12345
static pthread_barrier_t met;
static __thread struct rseq own __attribute__((aligned(32)));

// Threads of one that has none of libc's have none.
static void leave_libcs(void) {
  unsigned length = __rseq_size > 32 ? __rseq_size : 32;
  if ((int)of_libc()->cpu_id >= 0)
    CHECK_EQUAL(
        syscall(SYS_rseq, of_libc(), length, RSEQ_FLAG_UNREGISTER, RSEQ_SIG),
        0);
}

static void register_own(void) {
  CHECK_EQUAL(syscall(SYS_rseq, &own, 32, 0, SIGNATURE), 0);
  CHECK(syscall(SYS_rseq, &own, 32, 0, SIGNATURE) == -1 && errno == EBUSY);
}

static void take_libcs_place(void) {
  leave_libcs();
  register_own();
}

static void *passes(void *unused) {
  take_libcs_place();
  return unused;
}

static void *begins_late(void *unused) {
  leave_libcs();
  pthread_barrier_wait(&met);
  pthread_barrier_wait(&met);
  register_own();
  check(&own);
  return unused;
}

static void *work(void *has_own) {
  if (has_own)
    take_libcs_place();
  else
    own.cpu_id = NOBODY;
  pthread_barrier_wait(&met);
  pthread_barrier_wait(&met);
  check(has_own ? &own : of_libc());
  CHECK(has_own || own.cpu_id == NOBODY);
  return has_own;
}

int main(int argc, char **argv) {
  if (!__rseq_size)
    SKIP("libc does not register restartable sequences");
  pthread_t threads[3];
  bool has_own = true;
  pthread_barrier_init(&met, NULL, 4);
  CHECK_EQUAL(pthread_create(&threads[0], NULL, passes, NULL), 0);
  CHECK_EQUAL(pthread_join(threads[0], NULL), 0);
  // Most likely where the first one was.
  CHECK_EQUAL(pthread_create(&threads[0], NULL, work, NULL), 0);
  take_libcs_place();
  CHECK_EQUAL(pthread_create(&threads[1], NULL, work, &has_own), 0);
  CHECK_EQUAL(pthread_create(&threads[2], NULL, begins_late, NULL), 0);
  pthread_barrier_wait(&met);
  check(&own);
  if (argc == 2) {
    CHECK(__builtin_ckpt_save() >= 0);
    if (first_time(argv[1]))
      roll_back();
  } else {
    die_and_come_back();
  }
  check(&own);
  CHECK(syscall(SYS_rseq, &own, 32, 0, SIGNATURE) == -1 && errno == EBUSY);
  pthread_barrier_wait(&met);
  for (int i = 0; i < 3; i++)
    CHECK_EQUAL(pthread_join(threads[i], NULL), 0);
  return 0;
}
