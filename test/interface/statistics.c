// hwckpt_statistics() tells what checkpoints cost, a new program and a restored
// one alike; what they are in sum and at most, how many failed, and where
// threads stood; a smaller and a larger structure than ours are filled as well.
// RUN: %behaviour %s -o %t && %restored -o method=precopy -- %t
#include "behaviour.h"
#include <hwckpt.h>
#include <pthread.h>
static struct hwckpt_statistics read_all(void) {
  struct hwckpt_statistics all;
  CHECK_EQUAL(hwckpt_statistics(&all, sizeof all), 0);
  return all;
}
static int refuses(enum hwckpt_moment moment, void *unused) {
  (void)unused;
  return moment == HWCKPT_BEFORE;
}
static void failures(void) {
  struct hwckpt_statistics before = read_all(), after;
  CHECK_EQUAL(hwckpt_callback("refuses", refuses, 0), 0);
  CHECK_EQUAL(__builtin_ckpt_save(), -ECANCELED);
  CHECK_EQUAL(__builtin_ckpt_save(), -ECANCELED);
  CHECK_EQUAL(hwckpt_callback("refuses", 0, 0), 0);
  after = read_all();
  CHECK_EQUAL(after.failures, before.failures + 2);
  CHECK_EQUAL(after.checkpoints, before.checkpoints);
}
// What it is of all, beside what each was.
static void sums(void) {
  struct hwckpt_statistics is = read_all();
  unsigned long long total = is.pause_total_ns, most = is.pause_max_ns;
  for (int i = 0; i < 20; i++) {
    CHECK_EQUAL(__builtin_ckpt_save(), 0);
    is = read_all();
    total += is.pause_ns;
    most = most > is.pause_ns ? most : is.pause_ns;
    CHECK_EQUAL(is.pause_total_ns, total);
    CHECK_EQUAL(is.pause_max_ns, most);
  }
}
static int ends[2];
static volatile int done;
static void *reads(void *byte) {
  CHECK_EQUAL(read(ends[0], byte, 1), 1);
  return 0;
}
static void *spins(void *argument) {
  for (unsigned long *sum = argument; !done; (*sum)++)
    ;
  return 0;
}
// One thread saves, one waits in a call, one is in a loop.
static void threads(void) {
  pthread_t waits, runs;
  char byte = 0;
  unsigned long sum = 0;
  CHECK_EQUAL(pipe(ends), 0);
  CHECK_EQUAL(pthread_create(&waits, 0, reads, &byte), 0);
  CHECK_EQUAL(pthread_create(&runs, 0, spins, &sum), 0);
  struct hwckpt_statistics is;
  double begin = now();
  do {
    CHECK(now() - begin < 60);
    CHECK_EQUAL(__builtin_ckpt_save(), 0);
    is = read_all();
    CHECK(is.threads_at_sites <= 1 && is.signalled <= 2);
  } while (is.threads_at_sites != 1 || is.signalled != 1);
  CHECK_EQUAL(is.threads, 3);
  CHECK_EQUAL(write(ends[1], &byte, 1), 1);
  done = 1;
  pthread_join(waits, 0);
  pthread_join(runs, 0);
}
int main(void) {
  struct hwckpt_statistics before = read_all(), after;
  struct {
    struct hwckpt_statistics known;
    unsigned long long later;
  } larger = {.later = 7};
  CHECK_EQUAL(before.checkpoints, 0);
  CHECK_EQUAL(before.generation, 0);
  CHECK_EQUAL(__builtin_ckpt_save(), 0);
  CHECK_EQUAL(__builtin_ckpt_save(), 0);
  after = read_all();
  CHECK_EQUAL(after.checkpoints, 2);
  CHECK_EQUAL(after.failures, 0);
  CHECK_EQUAL(after.generation, 2);
  CHECK_EQUAL(after.method, 2);
  CHECK(after.rounds >= 1 && after.precopy_ns > 0);
  CHECK(after.stop_ns > 0 && after.scan_ns > 0 && after.describe_ns > 0);
  CHECK(after.pause_ns >= after.stop_ns + after.describe_ns + after.scan_ns +
                              after.copy_ns + after.resume_ns);
  CHECK(after.arm_ns > 0);
  CHECK(after.stop_ns >= after.arm_ns + after.signal_ns + after.arrive_ns);
  CHECK_EQUAL(after.threads, 1);
  CHECK_EQUAL(after.threads_at_sites, 0);
  CHECK_EQUAL(after.signalled, 0); // the only thread stands in its save
  CHECK(after.pause_max_ns >= after.pause_ns);
  CHECK(after.pause_total_ns >= after.pause_max_ns);
  CHECK(after.pages_written >= 1 && after.pages_scanned >= after.pages_written);
  CHECK(after.pages_precopied <= after.pages_written);
  CHECK_EQUAL(after.interval_ns, 0);
  CHECK_EQUAL(hwckpt_statistics(&before, 8), 0);
  CHECK_EQUAL(before.checkpoints, 2);
  CHECK_EQUAL(before.generation, 0);
  CHECK_EQUAL(hwckpt_statistics(&larger.known, sizeof larger), 0);
  CHECK_EQUAL(larger.known.checkpoints, 2);
  CHECK_EQUAL(larger.later, 0);
  die_and_come_back();
  after = read_all(); // the one that it came back from was not counted yet
  CHECK_EQUAL(after.checkpoints, 2);
  CHECK_EQUAL(__builtin_ckpt_save(), 0);
  after = read_all();
  CHECK_EQUAL(after.checkpoints, 3);
  CHECK_EQUAL(after.generation, 4);
  sums();
  threads();
  failures();
  return 0;
}
