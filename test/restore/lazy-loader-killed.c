// The process that loads the memory of a program that runs already is killed:
// the program is too, before it takes for empty what is missing, and can be
// restored again.
// REQUIRES: root
// RUN: %behaviour %s -o %t && bash %S/../tools/Inputs/status 137 %hwckpt run --name app -- %t
// RUN: bash %S/../tools/Inputs/status 125 %hwckpt restore --lazy app 2>&1 | FileCheck %s
// CHECK: HWCKPT-E322: program was killed, {{.*}}: app/1: the process that loads it was killed
// RUN: bash %S/../tools/Inputs/status 3 %hwckpt restore --lazy=no app
#include "behaviour.h"
#include <dirent.h>
#include <sys/mman.h>

enum { SIZE = 256 << 20, WORDS = SIZE / 8 };

static unsigned long word(unsigned long at) {
  return (at + 1) * 0x9e3779b97f4a7c15ul;
}

// What hwckpt has started besides this program.
static void kill_others(void) {
  char name[64];
  snprintf(name, sizeof name, "/proc/%d/task", getppid());
  DIR *threads = opendir(name);
  CHECK(threads);
  for (const struct dirent *thread; (thread = readdir(threads));) {
    char text[256] = "", *next = text;
    snprintf(name, sizeof name, "%.16s/children", thread->d_name);
    int file = openat(dirfd(threads), name, O_RDONLY);
    CHECK(file < 0 || read(file, text, sizeof text - 1) >= 0);
    close(file);
    for (long pid; (pid = strtol(next, &next, 10)) > 0;)
      if (pid != getpid())
        CHECK_EQUAL(kill((pid_t)pid, SIGKILL), 0);
  }
  closedir(threads);
}

int main(void) {
  unsigned long *memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE,
                               MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(memory != MAP_FAILED);
  for (unsigned long i = 0; i < WORDS; i++)
    memory[i] = word(i);
  die_and_come_back();
  kill_others();
  for (unsigned long i = 0; i < WORDS; i++)
    CHECK_EQUAL(memory[i], word(i));
  return 3;
}
