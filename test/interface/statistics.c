// hwckpt_statistics() tells what checkpoints cost, a new program and a restored
// one alike; a smaller and a larger structure than ours are filled as well.
// RUN: %behaviour %s -o %t && %restored -o method=precopy -- %t
#include "behaviour.h"
static struct hwckpt_statistics read_all(void) {
  struct hwckpt_statistics all;
  CHECK_EQUAL(hwckpt_statistics(&all, sizeof all), 0);
  return all;
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
  return 0;
}
