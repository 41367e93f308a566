// What a program writes again while it is copied goes to flash once all the
// same: before the rounds a sample tells that they would be in vain. The first
// checkpoints of one that writes all of its memory as fast as it can hold 1.1
// times its pages at most, copies included that were replaced; one that writes
// a little meanwhile is copied in rounds. Where rounds are in vain again and
// again, new memory is no reason to stop the program twice. A few pages in
// small areas, written again and again, stand for themselves alone, and not for
// what is written elsewhere. A busy machine may keep the writer from writing
// just while the sample is watched: there are some tries.
// RUN: %behaviour %s -o %t
// RUN: for try in $(seq 12); do %hwckpt run -- %t fast && break; test $try != 12; done
// RUN: for try in $(seq 12); do %hwckpt run -- %t new && break; test $try != 12; done
// RUN: for try in $(seq 12); do %hwckpt run -- %t slow && break; test $try != 12; done
// RUN: for try in $(seq 12); do %hwckpt run -- %t beside && break; test $try != 12; done
#include "behaviour.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <time.h>
enum { PAGES = 16384, PAGE = 4096, CHECKPOINTS = 5, NEW = 1024 };
enum { SOME = 12, SMALL = 64 };
static char *memory, *small;
static atomic_bool over;
static bool slow;
static void write_all(void) {
  for (size_t i = 0; i < PAGES; i++)
    memory[i * PAGE]++;
}
static void *writer(void *unused) {
  const struct timespec moment = {.tv_nsec = 1000000};
  for (size_t i = 0; !over; i++)
    if (small) {
      small[i % SMALL * 2 * PAGE]++;
    } else if (slow) {
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
// Areas of one page.
static void have_small(void) {
  small = mmap(NULL, (size_t)SMALL * 2 * PAGE, PROT_READ | PROT_WRITE,
               MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(small != MAP_FAILED);
  for (size_t i = 0; i < SMALL; i++)
    CHECK_EQUAL(mprotect(small + (i * 2 + 1) * PAGE, PAGE, PROT_NONE), 0);
}
// Noise, which takes flash some time.
static void write_some(void) {
  static uint64_t noise = 1;
  for (size_t i = 0; i < PAGES; i += SOME)
    for (size_t at = 0; at < PAGE; at += sizeof noise) {
      noise = noise * 6364136223846793005u + 1442695040888963407u;
      memcpy(memory + i * PAGE + at, &noise, sizeof noise);
    }
}
static uint64_t rounds_before_stop(void) {
  struct hwckpt_statistics statistics;
  CHECK_EQUAL(hwckpt_checkpoint(), 0);
  CHECK_EQUAL(hwckpt_statistics(&statistics, sizeof statistics), 0);
  return statistics.rounds;
}
// After a base, which had more pages by far, and after a delta.
static void write_beside(void) {
  pthread_t thread;
  have_small();
  write_some();
  CHECK_EQUAL(hwckpt_checkpoint(), 0);
  CHECK_EQUAL(pthread_create(&thread, NULL, writer, NULL), 0);
  for (int i = 0; i < CHECKPOINTS; i++) {
    write_some();
    CHECK(rounds_before_stop() > 1);
  }
  over = true;
  CHECK_EQUAL(pthread_join(thread, NULL), 0);
}
int main(int argc, char **argv) {
  pthread_t thread;
  uint64_t copied = 0, in_rounds = 0, twice = 0, vain = 0;
  CHECK_EQUAL(argc, 2);
  slow = strcmp(argv[1], "slow") == 0;
  uint64_t more = strcmp(argv[1], "new") == 0 ? NEW : 0;
  CHECK((memory = malloc((size_t)PAGES * PAGE)) != NULL);
  write_all();
  if (strcmp(argv[1], "beside") == 0) {
    write_beside();
    return 0;
  }
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
