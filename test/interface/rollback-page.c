// Each command `hwckpt run` that docs/rollback.md shows has the program go back
// as the page says: at each of the failures, alone, at a signal, at a file.
// RUN: %behaviour %s -o %t && rm -rf %t.folder && %python %S/Inputs/rollback_page.py %hwckpt %src/docs/rollback.md %t %t.folder
#include "behaviour.h"
static volatile int zero;

static void fail(int way) {
  switch (way) {
  case 0:
    *(volatile int *)(unsigned long)(16 + zero) = 1;
    break;
  case 1:
    __asm__ volatile("idivl %0" : : "r"(zero), "a"(1), "d"(0));
    break;
  case 2:
    abort();
  default:
    hwckpt_check(zero);
  }
}

int main(int argc, char **argv) {
  CHECK(argc == 2);
  if (!strcmp(argv[1], "asked")) {
    int times = __builtin_ckpt_save();
    CHECK(times >= 0);
    printf("%d after %d\n", getpid(), times);
    fflush(stdout);
    while (times == 0)
      usleep(1000);
  } else if (!strcmp(argv[1], "alone")) {
    int times = hwckpt_thread_save(NULL);
    if (times < 3)
      fail(times);
    CHECK_EQUAL(times, 3);
    struct hwckpt_statistics is;
    CHECK_EQUAL(hwckpt_statistics(&is, sizeof is), 0);
    CHECK(is.thread_rollbacks == 3 && !is.rollbacks && !is.checkpoints);
  } else {
    for (int way = 0; way < 4; way++)
      if (__builtin_ckpt_save() == 0)
        fail(way);
  }
  return 7;
}
