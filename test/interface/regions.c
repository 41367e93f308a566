// Named regions are saved and loaded by the program itself, in another process,
// by another build and on a machine of the other order of bytes; with no
// checkpoint and no `hwckpt run`. What does not fit is an error that says so,
// and nothing is overwritten. A damaged generation is passed over. A restored
// program, and one that is rolled back, goes on saving.
// RUN: %behaviour %s -o %t && %t save && %t load && %t again && %t load2
// RUN: %behaviour -DOTHER_BUILD -O0 %s -o %t2 && cp %t %t.first && cp %t2 %t && %t load2 && cp %t.first %t
// RUN: %t size 2>&1 | grep -c "HWCKPT-E361: .*: set/numbers: it had 3000 elements, and has 2999$"
// RUN: %t type 2>&1 | grep -c "HWCKPT-E361: .*: set/numbers: its elements were of type 10, and are of type 8$"
// RUN: %t missing 2>&1 | grep -c "HWCKPT-E361: .*: set/other: it is not among those that were saved$"
// RUN: %t fewer 2>&1 | grep -c "HWCKPT-E361: .*: set/numbers: it was saved, and the program does not describe it: left out$"
// RUN: %t wrong 2>&1 | grep -c HWCKPT-E360 | grep -cx 6
// RUN: %t nowhere 2>&1 | grep -c "HWCKPT-E362: .*: numbers: .*"
// RUN: rm -rf %t.two && HWCKPT_CACHE=%t.two %t sets && HWCKPT_CACHE=%t.two %t others 2>&1 | grep -c HWCKPT-E361 | grep -cx 4
// RUN: %t rollback && %t load2
// RUN: rm -rf %t.turned && HWCKPT_CACHE=%t.turned %t save && %objects/test/interface/turned %t.turned regions_c_tmp.set 1 && HWCKPT_CACHE=%t.turned %t turned
// RUN: HWCKPT_CACHE=%t.waits timeout 60 %t waits
// RUN: %hwckpt list | grep -Ec '^[a-z_.]*regions_c_tmp.set/5 +base .* regions '
// RUN: %hwckpt show --json regions_c_tmp.set/5 | %python -c 'import json, sys; r = json.load(sys.stdin)["regions"]; assert [(o["name"], o["type"], o["count"]) for o in r] == [("step", "int32", 1), ("numbers", "double", 3000)], r'
// RUN: %hwckpt show regions_c_tmp.set/5 | grep -c 'numbers .* double.3000., 23.4 KiB'
// RUN: %hwckpt verify regions_c_tmp.set
// RUN: not %hwckpt restore regions_c_tmp.set 2>%t.said && grep -q HWCKPT-E363 %t.said
// RUN: for f in $HWCKPT_CACHE/regions_c_tmp.set/g0000000005.ckpt; do printf 'xxxxxxxx' | dd of=$f bs=1 seek=200 conv=notrunc 2>/dev/null; done
// RUN: %t older 2>%t.said && grep -q 'HWCKPT-E1' %t.said
// RUN: rm -rf %t.entered && HWCKPT_CACHE=%t.entered %t entered
// RUN: rm -rf %t.busy && HWCKPT_CACHE=%t.busy %t busy 2>&1 | grep -c HWCKPT-E113
// RUN: rm -rf %t.kept && HWCKPT_CACHE=%t.kept HWCKPT_OPTIONS=keep=3:level=0 %t kept
// RUN: rm -rf %t.kept && HWCKPT_CACHE=%t.kept HWCKPT_OPTIONS=keep=1000:quota=65536:level=0 %t kept
// RUN: rm -rf %t.large && HWCKPT_CACHE=%t.large %t large
// RUN: rm -rf %t.large && HWCKPT_CACHE=%t.large HWCKPT_OPTIONS=level=0 %t torn 2>&1 | grep -c HWCKPT-E1
// RUN: rm -rf %t.misfit && HWCKPT_CACHE=%t.misfit %t misfit 2>&1 | grep -c HWCKPT-E361 | grep -cx 2
// RUN: rm -rf $HWCKPT_CACHE/* %t.once && %restored -- %t die %t.once
// RUN: rm -rf $HWCKPT_CACHE/* %t.once && timeout 100 %restored -- %t killed %t.once
#include "behaviour.h"
#include <pthread.h>
#include <stdint.h>
#include <sys/file.h>
#include <sys/mman.h>

#define COUNT 3000
#ifdef OTHER_BUILD
char padding[12345] = "p";
#endif
static int32_t step;
static double numbers[COUNT + 1];

static void fill(int value) {
  step = value;
  for (int i = 0; i <= COUNT; i++)
    numbers[i] = value + i % 2500; // pages of zeros too
  for (int i = 0; i < 600; i++)
    numbers[i] = 0;
}

static void check_is(int value) {
  CHECK_EQUAL(step, value);
  for (int i = 600; i < COUNT; i++)
    CHECK(numbers[i] == value + i % 2500);
  for (int i = 0; i < 600; i++)
    CHECK(numbers[i] == 0);
}

static void describe(void) {
  CHECK_EQUAL(hwckpt_region("set", "step", &step, 1, HWCKPT_INT32), 0);
  CHECK_EQUAL(hwckpt_region("set", "numbers", numbers, COUNT, HWCKPT_DOUBLE),
              0);
}

static void load(int number, int value) {
  memset(numbers, 1, sizeof numbers);
  double behind = numbers[COUNT];
  describe();
  CHECK_EQUAL(hwckpt_region_load("set"), number);
  check_is(value);
  CHECK(memcmp(&numbers[COUNT], &behind, sizeof behind) == 0);
}

// Loading fails, and nothing is changed.
static void refused(int result) {
  fill(5);
  CHECK_EQUAL(hwckpt_region_load("set"), result);
  check_is(5);
  CHECK_EQUAL(hwckpt_region_save("set"), -EINVAL); // nor what is in the cache
}

static void wrong(void) {
  char long_name[100];
  memset(long_name, 'n', sizeof long_name);
  long_name[99] = 0;
  CHECK_EQUAL(hwckpt_region("a/b", "x", &step, 1, HWCKPT_INT32), -EINVAL);
  CHECK_EQUAL(hwckpt_region("set", long_name, &step, 1, HWCKPT_INT32), -EINVAL);
  CHECK_EQUAL(hwckpt_region("set", "x", &step, 1, (enum hwckpt_type)99),
              -EINVAL);
  CHECK_EQUAL(hwckpt_region("set", "x", &step, (size_t)1 << 40, HWCKPT_INT32),
              -EINVAL);
  CHECK_EQUAL(hwckpt_region_save("nothing"), -ENOENT);
  for (int i = 0; i < 512; i++) {
    char name[16];
    snprintf(name, sizeof name, "%d", i);
    CHECK_EQUAL(hwckpt_region("set", name, &step, 1, HWCKPT_INT32), 0);
  }
  CHECK_EQUAL(hwckpt_region("set", "one too many", &step, 1, HWCKPT_INT32),
              -ENOSPC);
  CHECK_EQUAL(hwckpt_region("set", "7", 0, 0, HWCKPT_INT32), 0);
  CHECK_EQUAL(hwckpt_region("set", "7", 0, 0, HWCKPT_INT32), -ENOENT);
  CHECK_EQUAL(hwckpt_region("set", "in its place", &step, 1, HWCKPT_INT32), 0);
}

static void nowhere(void) {
  describe();
  char *page = mmap(0, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK_EQUAL(hwckpt_region("set", "numbers", page, 512, HWCKPT_DOUBLE), 0);
  CHECK_EQUAL(hwckpt_region_save("set"), -EFAULT);
  // The last one saved is there; what cannot be written is found out before.
  mprotect(page, 4096, PROT_READ);
  CHECK_EQUAL(hwckpt_region("set", "numbers", page, COUNT, HWCKPT_DOUBLE), 0);
  step = 17;
  CHECK_EQUAL(hwckpt_region_load("set"), -EFAULT);
  CHECK_EQUAL(step, 17);
}

static void rolled_back(void) {
  describe();
  fill(30);
  int n = __builtin_ckpt_save();
  CHECK(n >= 0);
  fill(40 + n);
  int number = hwckpt_region_save("set");
  CHECK_EQUAL(number, 3 + n);
  if (n == 0)
    roll_back();
  fill(20); // what it was
  CHECK_EQUAL(hwckpt_region_save("set"), 5);
}

static void restored(const char *once) {
  describe();
  fill(50);
  CHECK_EQUAL(hwckpt_region_save("set"), 1);
  if (came_back()) {
    CHECK_EQUAL(hwckpt_region_load("set"), 2);
    check_is(51);
    fill(52);
    CHECK_EQUAL(hwckpt_region_save("set"), 3);
    return;
  }
  CHECK(first_time(once));
  fill(51);
  CHECK_EQUAL(hwckpt_region_save("set"), 2);
  die();
}

static _Atomic int enough;
static void *save_on(void *argument) {
  while (!enough)
    CHECK(hwckpt_region_save("set") > 0);
  return argument;
}

// A thread that waits for a save when the checkpoint is taken has it after the
// rollback.
static void rolled_back_waiting(void) {
  pthread_t thread;
  describe();
  for (int round = 0; round < 5; round++) {
    enough = 0;
    CHECK_EQUAL(pthread_create(&thread, 0, save_on, 0), 0);
    int n = __builtin_ckpt_save();
    CHECK(n >= 0);
    enough = 1;
    CHECK_EQUAL(pthread_join(thread, 0), 0);
    if (n == 0)
      roll_back();
  }
}

// So in the restored program, of several that wait for each other.
static void killed_waiting(const char *once) {
  pthread_t threads[4];
  describe();
  for (int i = 0; i < 4; i++)
    CHECK_EQUAL(pthread_create(&threads[i], 0, save_on, 0), 0);
  if (!came_back()) {
    CHECK(first_time(once));
    die();
  }
  enough = 1;
  for (int i = 0; i < 4; i++)
    CHECK_EQUAL(pthread_join(threads[i], 0), 0);
}

// None of several sets is saved over what could not be loaded.
static void sets(int others) {
  static const char *const names[] = {"one", "two"};
  for (int i = 0; i < 2; i++)
    hwckpt_region(names[i], "numbers", numbers, COUNT - others, HWCKPT_DOUBLE);
  for (int i = 0; i < 2 && others; i++)
    CHECK_EQUAL(hwckpt_region_load(names[i]), -EINVAL);
  for (int i = 0; i < 2; i++)
    CHECK_EQUAL(hwckpt_region_save(names[i]), others ? -EINVAL : 1);
}

// Each set is loaded the first time that it is entered, and no other time,
// however many there are.
static void each_is_entered_once(void) {
  char set[16];
  for (int round = 0; round < 2; round++)
    for (int i = 0; i < 512; i++) {
      snprintf(set, sizeof set, "s%d", i);
      step = i;
      CHECK_EQUAL(hwckpt_region(set, "step", &step, 1, HWCKPT_INT32), 0);
      if (round == 0 && i % 8 == 0)
        CHECK_EQUAL(hwckpt_region_save(set), 1);
      step = -1;
      CHECK_EQUAL(hwckpt_region_enter(set), round == 0 && i % 8 == 0);
      CHECK_EQUAL(step, round == 0 && i % 8 == 0 ? i : -1);
      CHECK_EQUAL(hwckpt_region(set, "step", 0, 0, HWCKPT_INT32), 0);
    }
  CHECK_EQUAL(hwckpt_region("more", "step", &step, 1, HWCKPT_INT32), 0);
  CHECK_EQUAL(hwckpt_region_enter("more"), -ENOSPC);
}

// Somebody else saves the set.
static void busy(void) {
  glob_t found;
  char pattern[4096];
  describe();
  CHECK_EQUAL(hwckpt_region_save("set"), 1);
  snprintf(pattern, sizeof pattern, "%s/*.set/lock", getenv("HWCKPT_CACHE"));
  CHECK_EQUAL(glob(pattern, 0, 0, &found), 0);
  int other = open(found.gl_pathv[0], O_RDWR);
  CHECK_EQUAL(flock(other, LOCK_EX), 0);
  CHECK_EQUAL(hwckpt_region_save("set"), -EBUSY);
  CHECK_EQUAL(flock(other, LOCK_UN), 0);
  CHECK_EQUAL(hwckpt_region_save("set"), 2);
}

// No more than three generations of 24 KiB are kept: by their number, or their
// bytes.
static void kept(void) {
  describe();
  for (int i = 1; i <= 8; i++) {
    for (int k = 0; k < COUNT; k++)
      numbers[k] = (double)i * k;
    CHECK_EQUAL(hwckpt_region_save("set"), i);
  }
  CHECK(generations() >= 1 && generations() <= 3);
}

#define LARGE 1500001 // no whole pages, of more than what is read at once
static double large[LARGE + 1];
static char odd[300001];

static void describe_large(void) {
  CHECK_EQUAL(hwckpt_region("large", "large", large, LARGE, HWCKPT_DOUBLE), 0);
  CHECK_EQUAL(hwckpt_region("large", "odd", odd, sizeof odd - 1, HWCKPT_BYTES),
              0);
}

static void fill_large(double value) {
  for (int i = 0; i <= LARGE; i++)
    large[i] = value + i;
  for (size_t i = 0; i < sizeof odd; i++)
    odd[i] = (char)(value + (double)(i % 101));
}

// And what lies behind them is of another value.
static void check_large(double value, double behind) {
  for (int i = 0; i < LARGE; i++)
    CHECK(large[i] == value + i);
  CHECK(large[LARGE] == behind + LARGE);
  for (size_t i = 0; i < sizeof odd - 1; i++)
    CHECK_EQUAL(odd[i], (char)(value + (double)(i % 101)));
  CHECK_EQUAL(odd[sizeof odd - 1],
              (char)(behind + (double)((sizeof odd - 1) % 101)));
}

static void large_regions(void) {
  describe_large();
  fill_large(1);
  CHECK_EQUAL(hwckpt_region_save("large"), 1);
  fill_large(2);
  CHECK_EQUAL(hwckpt_region_load("large"), 1);
  check_large(1, 2);
}

// In the file that holds it: another byte in the place of the first of these.
static int damage(const char *file, const void *content, size_t length) {
  static char text[32 << 20];
  int fd = open(file, O_RDWR);
  ssize_t size = fd < 0 ? 0 : read(fd, text, sizeof text);
  const char *found = memmem(text, (size_t)size, content, length);
  if (found)
    CHECK_EQUAL(pwrite(fd, "x", 1, found - text), 1);
  close(fd);
  return found != 0;
}

// The end of the only generation is damaged: nothing is overwritten, not even
// by its beginning.
static void torn(void) {
  glob_t files;
  char pattern[4096];
  int damaged = 0;
  describe_large();
  fill_large(1);
  CHECK_EQUAL(hwckpt_region_save("large"), 1);
  snprintf(pattern, sizeof pattern, "%s/*.large/*", getenv("HWCKPT_CACHE"));
  CHECK_EQUAL(glob(pattern, 0, 0, &files), 0);
  for (size_t i = 0; i < files.gl_pathc; i++)
    damaged += damage(files.gl_pathv[i], &odd[sizeof odd - 1000], 500);
  CHECK_EQUAL(damaged, 1);
  fill_large(2);
  CHECK_EQUAL(hwckpt_region_load("large"), -EIO);
  check_large(2, 2);
}

// What was saved last does not fit: what was saved before it, and would, is not
// taken in its place. Described as it was it is loaded, and saved again.
static void misfit(void) {
  describe();
  fill(1);
  CHECK_EQUAL(hwckpt_region_save("set"), 1);
  hwckpt_region("set", "numbers", numbers, COUNT - 1, HWCKPT_DOUBLE);
  fill(2);
  CHECK_EQUAL(hwckpt_region_save("set"), 2);
  describe();
  refused(-EINVAL);
  hwckpt_region("set", "numbers", numbers, COUNT - 1, HWCKPT_DOUBLE);
  CHECK_EQUAL(hwckpt_region_load("set"), 2);
  CHECK_EQUAL(step, 2);
  CHECK_EQUAL(hwckpt_region_save("set"), 3);
}

int main(int argc, char **argv) {
  CHECK(argc > 1);
  const char *mode = argv[1];
  if (!strcmp(mode, "save")) {
    describe();
    CHECK_EQUAL(hwckpt_region_load("set"), 0);
    fill(10);
    CHECK_EQUAL(hwckpt_region_save("set"), 1);
    CHECK_EQUAL(generations(), 1); // and no other checkpoint
  } else if (!strcmp(mode, "load")) {
    load(1, 10);
  } else if (!strcmp(mode, "turned")) {
    load(2, 10);
  } else if (!strcmp(mode, "again")) {
    load(1, 10);
    fill(20);
    CHECK_EQUAL(hwckpt_region_save("set"), 2);
  } else if (!strcmp(mode, "load2")) {
    describe();
    CHECK(hwckpt_region_load("set") >= 2);
    check_is(20);
  } else if (!strcmp(mode, "older")) {
    load(4, 41);
  } else if (!strcmp(mode, "size")) {
    describe();
    hwckpt_region("set", "numbers", numbers, COUNT - 1, HWCKPT_DOUBLE);
    refused(-EINVAL);
  } else if (!strcmp(mode, "type")) {
    describe();
    hwckpt_region("set", "numbers", numbers, COUNT, HWCKPT_UINT64);
    refused(-EINVAL);
  } else if (!strcmp(mode, "missing")) {
    describe();
    hwckpt_region("set", "other", numbers, 1, HWCKPT_DOUBLE);
    refused(-EINVAL);
  } else if (!strcmp(mode, "fewer")) {
    hwckpt_region("set", "step", &step, 1, HWCKPT_INT32);
    CHECK_EQUAL(hwckpt_region_load("set"), 2);
    CHECK_EQUAL(step, 20);
  } else if (!strcmp(mode, "sets") || !strcmp(mode, "others")) {
    sets(!strcmp(mode, "others"));
  } else if (!strcmp(mode, "wrong")) {
    wrong();
  } else if (!strcmp(mode, "entered")) {
    each_is_entered_once();
  } else if (!strcmp(mode, "busy")) {
    busy();
  } else if (!strcmp(mode, "kept")) {
    kept();
  } else if (!strcmp(mode, "large")) {
    large_regions();
  } else if (!strcmp(mode, "torn")) {
    torn();
  } else if (!strcmp(mode, "misfit")) {
    misfit();
  } else if (!strcmp(mode, "nowhere")) {
    nowhere();
  } else if (!strcmp(mode, "rollback")) {
    rolled_back();
  } else if (!strcmp(mode, "waits")) {
    rolled_back_waiting();
  } else if (!strcmp(mode, "killed") && argc > 2) {
    killed_waiting(argv[2]);
  } else if (!strcmp(mode, "die") && argc > 2) {
    restored(argv[2]);
  } else {
    CHECK(0);
  }
  return 0;
}
