// A program that is told of writes to its memory: what was write-protected by
// its userfaultfd is so after a restore, and nothing else is; pages of zeros
// too, and those that are to be there before they are written to.
// RUN: %behaviour -I%S/Inputs %s -o %t
// RUN: %restored_by_all %t
// RUN: %restored_by_all -- %t missing
// RUN: %restored_by_all -- %t unpopulated
#include "faults.h"

#define WP_UNPOPULATED (1ull << 13)

static void protect(int page) {
  struct uffdio_writeprotect on = {{(unsigned long)memory + page * PAGE, PAGE},
                                   UFFDIO_WRITEPROTECT_MODE_WP};
  CHECK_EQUAL(ioctl(faults, UFFDIO_WRITEPROTECT, &on), 0);
}

static void change(int page, int times) {
  memory[page * PAGE + 7] = (char)page;
  CHECK_EQUAL(unprotected[page], times);
}

int main(int argc, char **argv) {
  int missing = argc > 1 && strcmp(argv[1], "missing") == 0;
  int unpopulated = argc > 1 && !missing;
  begin(unpopulated ? WP_UNPOPULATED : 0,
        UFFDIO_REGISTER_MODE_WP | (missing ? UFFDIO_REGISTER_MODE_MISSING : 0));
  begin_serving();
  for (int i = 0; i < PAGES; i++) {
    if (i % 4 == 0 && !missing)
      memset(memory + i * PAGE, 'a', PAGE);
    if (i % 4 != 3) /* zeros, or what is given */
      CHECK(memory[i * PAGE] >= 0);
    if (i % 8 < 4 && (unpopulated || i % 4 != 3))
      protect(i);
  }
  CHECK_EQUAL(__builtin_ckpt_save(), 0);
  for (int i = 0; i < PAGES; i += 16) /* protected until then */
    change(i, 1);
  for (int i = 4; i < PAGES; i += 16)
    protect(i);
  die_and_come_back();
  for (int i = 0; i < PAGES; i++) {
    int marked = i % 8 < 4 && (unpopulated || i % 4 != 3);
    change(i, marked || i % 16 == 4);
    CHECK_EQUAL(asked[i], missing);
  }
  return 0;
}
