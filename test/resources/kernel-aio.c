// Kernel AIO (io_setup) refuses the checkpoint by name, and is no reason to
// refuse the next when it is gone.
// RUN: %behaviour %s -o %t && %hwckpt run -- %t 2>&1 | FileCheck %s
// CHECK: HWCKPT-E208: {{.*}}/[aio]: kernel AIO
// CHECK: goes on
#include "behaviour.h"
#include <linux/aio_abi.h>
int main(void) {
  aio_context_t context = 0;
  if (syscall(SYS_io_setup, 8, &context) && errno == ENOSYS) {
    dprintf(1, "HWCKPT-E208: /[aio]: kernel AIO\ngoes on\n");
    return 0;
  }
  CHECK(context);
  CHECK(__builtin_ckpt_save() < 0);
  CHECK(syscall(SYS_io_destroy, context) == 0);
  CHECK(__builtin_ckpt_save() >= 0);
  dprintf(1, "goes on\n");
  return 0;
}
