// What hwckpt::exclude and hwckpt_exclude() leave out is not in the cache, is
// zero after a restore whatever it was before and however it was aligned, and
// its neighbours are what they were; what hwckpt_include() takes back is there
// again, in a delta too.
// RUN: %clang -fhwckpt -std=gnu23 -O2 %s -o %t
// RUN: rm -rf %t.cache %t.out
// RUN: for track in wp mprotect full; do \
// RUN:   rm -rf %t.cache; \
// RUN:   (HWCKPT_CACHE=%t.cache %hwckpt run -o level=0:track=$track -- %t || true) && \
// RUN:   HWCKPT_CACHE=%t.cache %hwckpt list && \
// RUN:   (grep -rqa XYZZY-0 %t.cache || (echo the marker is missing; false)) && \
// RUN:   (! grep -rqa PLUGH-0 %t.cache || (echo the secret is stored; false)) && \
// RUN:   HWCKPT_CACHE=%t.cache %hwckpt restore || exit 1; \
// RUN: done
#include <hwckptintrin.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
enum { PAGE = 4096, BIG = 64 * PAGE };

static char before[100], after[100];
[[hwckpt::exclude]] static char small[100];
[[hwckpt::exclude]] static char big[BIG];
// With a value, in the part of the program that comes from the file.
[[hwckpt::exclude]] static volatile int initialised = 7;
static volatile int neighbour = 8;
[[hwckpt::exclude]] static volatile char file_pages[3 * PAGE] = {1, 2, 3};
[[hwckpt::exclude]] volatile int untouched[2 * PAGE] = {5};
[[hwckpt::exclude]] volatile int taken_back[2 * PAGE] = {6};
static char *heap, *map;

// Built where it is to be: no copy of it is on a stack or in a constant.
static void put(volatile char *at, size_t length, const char *shifted) {
  for (size_t i = 0; i < length; i++)
    at[i] = (char)(shifted[i % 7] - 1);
}
#define SECRET "QMVHI.1" /* PLUGH-0 */
#define MARKER "YZ[[Z.1" /* XYZZY-0 */

static int is_zero(const volatile char *at, size_t length) {
  for (size_t i = 0; i < length; i++)
    if (at[i])
      return 0;
  return 1;
}

static int holds(const volatile char *at, size_t length, const char *shifted) {
  for (size_t i = 0; i < length; i++)
    if (at[i] != (char)(shifted[i % 7] - 1))
      return 0;
  return 1;
}

static int failures;
#define CHECK(condition)                                                       \
  ((condition)                                                                 \
       ? (void)0                                                               \
       : (void)(printf("line %d: " #condition "\n", __LINE__), failures++))

int main(void) {
  heap = malloc(BIG);
  map =
      mmap(0, BIG, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  put(before, sizeof before, MARKER);
  put(after, sizeof after, MARKER);
  put(small, sizeof small, SECRET);
  put(big, sizeof big, SECRET);
  put(heap, BIG, MARKER);
  put(map, BIG, MARKER);
  initialised = 9;
  file_pages[PAGE] = 9;
  taken_back[0] = 7;
  CHECK(hwckpt_exclude(heap, (size_t)-1) == -22);
  CHECK(hwckpt_exclude(heap + 100, BIG - 200) == 0);
  put(heap + 100, BIG - 200, SECRET);
  CHECK(__builtin_ckpt_save() == 0);

  // A delta: more is left out, and a part comes back, without a write.
  CHECK(hwckpt_exclude(map + PAGE, PAGE + 10) == 0);
  CHECK(hwckpt_exclude(map + 8 * PAGE, 8 * PAGE) == 0);
  put(small, 21, MARKER);
  CHECK(hwckpt_include(small, 21) == 0);
  put(heap + 100 + 7 * 1000, 7 * 1000, MARKER);
  CHECK(__builtin_ckpt_save() == 0);
  CHECK(hwckpt_include(heap + 100 + 7 * 1000, 7 * 1000) == 0);
  CHECK(hwckpt_include((void *)taken_back, sizeof taken_back) == 0);
  int back = __builtin_ckpt_save();
  if (back == 0) {
    CHECK(initialised == 9 && holds(big, sizeof big, SECRET));
    fflush(stdout);
    kill(getpid(), failures ? SIGABRT : SIGKILL);
  }
  CHECK(back == 1);
  CHECK(holds(before, sizeof before, MARKER));
  CHECK(holds(after, sizeof after, MARKER));
  CHECK(holds(small, 21, MARKER));
  CHECK(is_zero(small + 21, sizeof small - 21));
  CHECK(is_zero(big, sizeof big));
  CHECK(initialised == 0);
  CHECK(neighbour == 8);
  CHECK(is_zero(file_pages, sizeof file_pages));
  CHECK(is_zero((const volatile char *)untouched, sizeof untouched));
  CHECK(taken_back[0] == 7);
  CHECK(holds(heap, 100, MARKER));
  CHECK(is_zero(heap + 100, 7 * 1000));
  CHECK(holds(heap + 100 + 7 * 1000, 7 * 1000, MARKER));
  CHECK(is_zero(heap + 100 + 14 * 1000, BIG - 200 - 14 * 1000));
  CHECK(holds(map, PAGE, MARKER));
  CHECK(is_zero(map + PAGE, PAGE + 10));
  CHECK(map[2 * PAGE + 10] != 0 && map[8 * PAGE - 1] != 0);
  CHECK(is_zero(map + 8 * PAGE, 8 * PAGE));
  CHECK(map[16 * PAGE] != 0);
  // The restored program is checkpointed with the same exclusions.
  put(big, sizeof big, SECRET);
  CHECK(__builtin_ckpt_save() == 0);
  return failures;
}
