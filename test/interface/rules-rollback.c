// Rules fire after a rollback as before it, and those that a restore adds too.
// RUN: %behaviour %s -o %t && rm -f %t.*.mark
// RUN: bash %S/Inputs/permitted %hwckpt run --on perf=page-faults,5k -- %t faults %t.1.mark
// RUN: %hwckpt run --on cpu=20ms,spacing=50ms -- %t cpu %t.2.mark
// RUN: %hwckpt run --on fileio=fsync -- %t fsync %t.3.mark
// RUN: %hwckpt run --on file=%t.4.trigger -- %t file %t.4.mark %t.4.trigger; status=$?; rm -f %t.4.trigger; exit $status
// RUN: bash %S/../tools/Inputs/status 137 %hwckpt run --name added -- %t added %t.5.mark
// RUN: %hwckpt restore -o on=cpu=20ms added
// RUN: %hwckpt show added | FileCheck %s
// CHECK: cause {{ *}}cpu=20ms
#include "once.h"
#include <sys/mman.h>
static unsigned long long before;
static unsigned long long checkpoints(void) {
  struct hwckpt_statistics is;
  CHECK_EQUAL(hwckpt_statistics(&is, sizeof is), 0);
  return is.checkpoints;
}
static void await(const char *mode, const char *trigger, unsigned more) {
  size_t size = 1 << 21;
  double begin = now();
  while (checkpoints() < before + more) {
    CHECK(now() - begin < 20);
    if (*mode == 'f' && mode[1] == 'a') {
      char *pages = mmap(NULL, size, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
      madvise(pages, size, MADV_NOHUGEPAGE);
      for (size_t at = 0; at < size; at += 4096)
        pages[at] = 1;
      munmap(pages, size);
    } else if (*mode == 'f' && mode[1] == 's') {
      fsync(1);
      usleep(1000);
    } else if (*mode == 'f') {
      close(open(trigger, O_CREAT | O_WRONLY, 0600));
      usleep(10000);
    }
  }
}
int main(int argc, char **argv) {
  CHECK(argc >= 3);
  if (!strcmp(argv[1], "added")) {
    die_and_come_back();
    before = checkpoints();
    await("cpu", NULL, 1);
    return 0;
  }
  before = checkpoints();
  CHECK_EQUAL(__builtin_ckpt_save() < 0, 0);
  await(argv[1], argv[3], 3);
  roll_back_once(argv[2]);
  before = checkpoints();
  await(argv[1], argv[3], 2);
  return 0;
}
