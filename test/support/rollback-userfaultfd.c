// A rollback does not begin while a userfaultfd is open that was not at the
// checkpoint: it would wait for pages that only the program can give.
// RUN: %behaviour -I%S/../resources/Inputs %s -o %t && HWCKPT_OPTIONS=track=full %t 2>&1 | FileCheck %s
// CHECK: HWCKPT-E325: {{.*}}: anon_inode:[userfaultfd]: descriptor 3
// CHECK: rolled back
#include "faults.h"

int main(void) {
  static volatile int value = 1;
  map_memory();
  memory[0] = 1;
  int times = __builtin_ckpt_save();
  if (times > 0) {
    CHECK_EQUAL(value, 1);
    CHECK_EQUAL(memory[0], 1);
    dprintf(2, "rolled back\n");
    return 0;
  }
  CHECK_EQUAL(times, 0);
  value = 2;
  begin(0, UFFDIO_REGISTER_MODE_MISSING);
  CHECK_EQUAL(madvise(memory, PAGE, MADV_DONTNEED), 0);
  CHECK_EQUAL(__builtin_ckpt_load(), -ENOTSUP);
  CHECK_EQUAL(value, 2);
  give(0);
  CHECK_EQUAL(memory[0], content(0));
  CHECK_EQUAL(close(faults), 0);
  roll_back();
}
