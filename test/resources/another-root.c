// A program that has changed its root directory, to one without /proc, is
// refused with the reason; it goes on.
// RUN: %behaviour %s -o %t && %hwckpt run -- %t %t.d 2>&1 | FileCheck %s
// CHECK: {{HWCKPT-E208: .*the program has another root directory|SKIP: }}
#include "behaviour.h"
#include <sys/stat.h>
int main(int argc, char **argv) {
  CHECK_EQUAL(argc, 2);
  CHECK_EQUAL(__builtin_ckpt_save(), 0);
  CHECK(mkdir(argv[1], 0700) == 0 || errno == EEXIST);
  int null = open("/dev/null", O_WRONLY);
  if (chroot(argv[1]) < 0)
    SKIP("needs the right to change the root directory");
  CHECK_EQUAL(chdir("/"), 0);
  for (int i = 0; i < 2; i++)
    CHECK_EQUAL(__builtin_ckpt_save(), -ENOTSUP);
  CHECK_EQUAL(write(null, "x", 1), 1);
  return 0;
}
