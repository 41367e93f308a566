// What a program writes again while it is copied goes to flash once all the
// same: before the rounds a sample tells that they would be in vain. The first
// checkpoints of one that writes all of its memory as fast as it can hold 1.1
// times its pages at most, copies included that were replaced; one that writes
// a little meanwhile is copied in rounds. Where rounds are in vain again and
// again, new memory is no reason to stop the program twice. A busy machine may
// keep the writer from writing just while the sample is watched: there are some
// tries.
// RUN: %behaviour %s -o %t
// RUN: for try in 1 2 3 4 5; do %hwckpt run -- %t fast && break; test $try != 5; done
// RUN: for try in 1 2 3 4 5; do %hwckpt run -- %t new && break; test $try != 5; done
// RUN: for try in 1 2 3 4 5; do %hwckpt run -- %t slow && break; test $try != 5; done
#include "behaviour.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <time.h>
enum { PAGES = 16384, PAGE = 4096, CHECKPOINTS = 5, NEW = 1024 };
static char *memory;
static atomic_bool over;
static bool slow;
static void write_all(void) {
  for (size_t i = 0; i < PAGES; i++)
    memory[i * PAGE]++;
}
static void *writer(void *unused) {
  const struct timespec moment = {.tv_nsec = 1000000};
  for (size_t i = 0; !over; i++)
    if (slow) {
      memory[i % PAGES * PAGE]++;
      nanosleep(&moment, NULL);
    } else {
      write_all();
    }
  return unused;
}
// More than waits for the stop in the end without more ado, written once.
static void have_more(void) {
  char *more = mmap(NULL, (size_t)NEW * PAGE, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(more != MAP_FAILED);
  for (size_t i = 0; i < NEW; i++)
    more[i * PAGE] = 1;
}
int main(int argc, char **argv) {
  pthread_t thread;
  uint64_t copied = 0, in_rounds = 0, twice = 0, vain = 0;
  CHECK_EQUAL(argc, 2);
  slow = strcmp(argv[1], "slow") == 0;
  uint64_t more = strcmp(argv[1], "new") == 0 ? NEW : 0;
  CHECK((memory = malloc((size_t)PAGES * PAGE)) != NULL);
  write_all();
  CHECK_EQUAL(hwckpt_checkpoint(), 0);
  write_all();
  CHECK_EQUAL(hwckpt_checkpoint(), 0);
  CHECK_EQUAL(pthread_create(&thread, NULL, writer, NULL), 0);
  for (int i = 0; i < CHECKPOINTS; i++) {
    struct hwckpt_statistics statistics;
    write_all();
    if (more)
      have_more();
    CHECK_EQUAL(hwckpt_checkpoint(), 0);
    CHECK_EQUAL(hwckpt_statistics(&statistics, sizeof statistics), 0);
    if (vain > 0)
      twice += statistics.track_ns > 0;
    vain += statistics.rounds == 1;
    copied += statistics.pages_written;
    in_rounds += statistics.pages_precopied;
  }
  over = true;
  CHECK_EQUAL(pthread_join(thread, NULL), 0);
  fprintf(stderr, "%llu pages, of them %llu in rounds\n",
          (unsigned long long)copied, (unsigned long long)in_rounds);
  CHECK(twice == 0);
  CHECK(copied * 10 <= (PAGES + more) * CHECKPOINTS * 11);
  CHECK(!slow || in_rounds * 10 > (uint64_t)PAGES * CHECKPOINTS * 9);
  return 0;
}
