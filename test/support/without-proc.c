// A program for which /proc is hidden: no checkpoint can be taken, which is
// said, and it goes on.
// REQUIRES: root
// RUN: %behaviour %s -o %t && { %t 2>%t.said; status=$?; cat %t.said; test $status = 77 && exit 77; test $status = 0; } && FileCheck %s <%t.said
// CHECK: HWCKPT-E206: checkpoint could not be taken: /proc/self/{{.*}}ENOENT
#include "behaviour.h"
#include <hwckpt.h>
#include <sys/mount.h>

int main(void) {
  if (unshare(CLONE_NEWNS) != 0)
    SKIP("mount namespaces are not permitted");
  CHECK_EQUAL(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
  CHECK_EQUAL(mount("none", "/proc", "tmpfs", 0, NULL), 0);
  CHECK_EQUAL(hwckpt_save(), -EIO);
  CHECK_EQUAL(hwckpt_generation(), 0);
  return 0;
}
