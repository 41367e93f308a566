// What could not be opened for the first checkpoint - the cache, its key,
// memory for the runtime - is tried again for the next one: the program is
// checkpointed when it can be. What the tries in vain have taken is not lost.
// RUN: %behaviour %s -o %t
// RUN: rm -rf %t.cache && touch %t.cache
// RUN: HWCKPT_CACHE=%t.cache %t storage 2>%t.said && FileCheck %s --check-prefix=STORAGE <%t.said
// STORAGE: hwckpt: HWCKPT-E1{{[0-9]*}}: {{.*}}: {{.*}}.cache
// STORAGE-NOT: HWCKPT-E
// RUN: %hwckpt verify --cache %t.cache
// By a timer, without being asked.
// RUN: rm -rf %t.cache && touch %t.cache
// RUN: HWCKPT_CACHE=%t.cache HWCKPT_OPTIONS=every=20ms %t timer 2>%t.said && grep -c HWCKPT-E %t.said | FileCheck %s --check-prefix=ONCE
// ONCE: {{^}}1{{$}}
// A key that is there later.
// RUN: rm -f %t.key && HWCKPT_OPTIONS=key_file=%t.key %t key %t.key 2>%t.said && FileCheck %s --check-prefix=KEY <%t.said
// KEY: hwckpt: HWCKPT-E132: {{.*}}: {{.*}}.key
// KEY-NOT: HWCKPT-E
// RUN: %hwckpt verify --key-file %t.key
// RUN: %t memory 2>%t.said >%t.little && FileCheck %s --check-prefix=MEMORY <%t.said
// MEMORY: hwckpt: HWCKPT-E204: not enough memory to take the checkpoint
// RUN: %t plain >%t.plain && test $(cat %t.little) -le $(($(cat %t.plain) + 1048576)) || { cat %t.little %t.plain; exit 1; }
// RUN: bash %S/../tools/Inputs/status 137 %hwckpt run --name back -- %t back 2>%t.said
// RUN: %hwckpt restore back 2>%t.said && FileCheck %s --check-prefix=MEMORY <%t.said
// RUN: %hwckpt verify back
#include "behaviour.h"
#include <sys/resource.h>

// Bytes of address space.
static size_t size(void) {
  char text[64] = "";
  int file = open("/proc/self/statm", O_RDONLY);
  CHECK(file >= 0 && read(file, text, sizeof text - 1) > 0);
  close(file);
  return (size_t)atol(text) * 4096;
}

static int descriptors(void) {
  int count = 0;
  for (int i = 0; i < 1024; i++)
    count += fcntl(i, F_GETFD) >= 0;
  return count;
}

static void give_storage(const char *unused) {
  (void)unused;
  CHECK_EQUAL(unlink(getenv("HWCKPT_CACHE")), 0);
}

static void give_key(const char *path) {
  int file = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
  CHECK_EQUAL(write(file, "12345678901234567890123456789012", 32), 32);
  CHECK_EQUAL(close(file), 0);
}

static void lacks(void (*give)(const char *), const char *path) {
  for (int i = 0; i < 3; i++)
    CHECK_EQUAL(__builtin_ckpt_save(), -EIO);
  give(path);
  double begin = now();
  while (__builtin_ckpt_save() < 0)
    CHECK(now() - begin < 20);
  CHECK_EQUAL(generations(), 1);
  CHECK_EQUAL(__builtin_ckpt_save(), 0);
}

static void timer(void) {
  struct hwckpt_statistics is;
  double begin = now();
  do {
    CHECK(now() - begin < 20);
    CHECK_EQUAL(hwckpt_statistics(&is, sizeof is), 0);
    usleep(1000);
  } while (now() - begin < 0.1);
  CHECK_EQUAL(is.checkpoints, 0);
  give_storage(0);
  wait_for_generations(2);
}

static void with_little(void) {
  struct rlimit all, some;
  CHECK_EQUAL(getrlimit(RLIMIT_AS, &all), 0);
  size_t most = size(), step = (size_t)256 << 10;
  int failed = 0;
  for (int result = -EIO; result < 0; most += step) {
    some = all;
    some.rlim_cur = most;
    CHECK_EQUAL(setrlimit(RLIMIT_AS, &some), 0);
    double begin = now();
    // The next try is a moment later.
    for (int i = 0; i < 3 && (result = __builtin_ckpt_save()) < 0; i++) {
      CHECK(result == -EIO || result == -EAGAIN); // no room for the thread
      CHECK(now() - begin < 20);
      usleep(100);
    }
    failed += result < 0;
    CHECK(size() <= most);
    CHECK(most < (size_t)64 << 30);
  }
  CHECK_EQUAL(setrlimit(RLIMIT_AS, &all), 0);
  CHECK(failed > 0);
}

static void memory(void) {
  int before = descriptors();
  with_little();
  CHECK_EQUAL(descriptors(), before);
  CHECK_EQUAL(__builtin_ckpt_save(), 0);
}

// What tracks memory since the restore is taken over once.
static void back(void) {
  static char bytes[1 << 20];
  memset(bytes, 1, sizeof bytes);
  die_and_come_back();
  memset(bytes, 2, sizeof bytes / 2);
  memory();
  memset(bytes, 3, sizeof bytes / 4);
  if (!came_back()) {
    memset(bytes, 4, sizeof bytes);
    roll_back();
  }
  CHECK(bytes[0] == 3 && bytes[sizeof bytes / 3] == 2);
  CHECK_EQUAL(bytes[sizeof bytes - 1], 1);
}

int main(int argc, char **argv) {
  CHECK(argc >= 2);
  if (!strcmp(argv[1], "storage"))
    lacks(give_storage, 0);
  else if (!strcmp(argv[1], "key"))
    lacks(give_key, argv[2]);
  else if (!strcmp(argv[1], "timer"))
    timer();
  else if (!strcmp(argv[1], "memory"))
    memory();
  else if (!strcmp(argv[1], "back"))
    back();
  CHECK_EQUAL(__builtin_ckpt_save(), 0);
  if (!strcmp(argv[1], "memory") || !strcmp(argv[1], "plain"))
    dprintf(1, "%zu\n", size());
  return 0;
}
