// A checkpoint that cannot be written is a negative errno and an error that
// names the cache and the remedy; the program goes on, and the next one that
// can be written is whole.
// RUN: %behaviour %s -o %t && touch %t.file
// RUN: HWCKPT_OPTIONS=cache=/proc/none %t refused 2>&1 | FileCheck %s --check-prefix=REFUSED
// RUN: HWCKPT_OPTIONS=cache=%t.file %t refused 2>&1 | FileCheck %s --check-prefix=REFUSED
// REFUSED: hwckpt: HWCKPT-E1{{01|11}}: {{.*}}: {{/proc/none|.*\.file}}
// REFUSED-NEXT: remedy:
// REFUSED: goes on
// RUN: %hwckpt run --name it -- %t full 2>&1 | FileCheck %s --check-prefix=FULL
// FULL: hwckpt: HWCKPT-E112: no space left for the checkpoint
// FULL-NEXT: remedy:
// FULL: goes on
// RUN: %hwckpt list it | FileCheck %s --check-prefix=LIST && %hwckpt verify it
// LIST: base
// LIST-NOT: delta
// LIST: base
#include "behaviour.h"
#include <sys/resource.h>
static void refused(void) {
  for (int i = 0; i < 3; i++)
    CHECK(__builtin_ckpt_save() < 0 && __builtin_ckpt_save() > -4096);
  CHECK(hwckpt_checkpoint() < 0);
}
static void full(void) {
  static unsigned char memory[1 << 20];
  for (unsigned i = 0; i < sizeof memory; i++)
    memory[i] = (unsigned char)(i * 2654435761u >> 13);
  CHECK_EQUAL(__builtin_ckpt_save(), 0);
  struct rlimit limit, small;
  CHECK_EQUAL(getrlimit(RLIMIT_FSIZE, &limit), 0);
  small = limit;
  small.rlim_cur = 65536;
  CHECK_EQUAL(setrlimit(RLIMIT_FSIZE, &small), 0);
  for (unsigned i = 0; i < sizeof memory; i++)
    memory[i] ^= (unsigned char)(i * 40503u >> 7);
  CHECK(__builtin_ckpt_save() < 0);
  CHECK_EQUAL(setrlimit(RLIMIT_FSIZE, &limit), 0);
  /* What the failed one had marked as seen must be in this one. */
  CHECK_EQUAL(__builtin_ckpt_save(), 0);
}
int main(int argc, char **argv) {
  CHECK(argc == 2);
  if (strcmp(argv[1], "full") == 0)
    full();
  else
    refused();
  dprintf(2, "goes on\n");
  return 0;
}
