// Undo logs are not made durable: a restore after another start of the machine
// takes back what they say, and says that it cannot know whether that is all,
// once; not where the machine ran on, and not where nothing is taken back. The
// start of the machine is another one in a mount namespace that says so.
// REQUIRES: root
// RUN: cat /proc/sys/kernel/random/uuid > %t.boot
// RUN: unshare --mount mount --bind %t.boot /proc/sys/kernel/random/boot_id || { echo "SKIP: mount namespaces are not allowed here"; exit 77; }
// RUN: %behaviour %s -o %t
// RUN: rm -f %t.file && %hwckpt run -- %t %t.file || test $? = 137
// RUN: %hwckpt restore 2> %t.same && printf 'first\nrestored\n' | cmp - %t.file && ! grep . %t.same
// RUN: rm -rf $HWCKPT_CACHE %t.file && %hwckpt run -- %t %t.file || test $? = 137
// RUN: unshare --mount bash -c 'mount --bind %t.boot /proc/sys/kernel/random/boot_id && exec %hwckpt restore' 2> %t.other
// RUN: printf 'first\nrestored\n' | cmp - %t.file && FileCheck %s < %t.other && grep -c HWCKPT-E330 %t.other | grep -x 1
// CHECK: warning: HWCKPT-E330: {{.*}}started again since: {{.*}}: generation 1
// RUN: rm -rf $HWCKPT_CACHE %t.file && %hwckpt run -o files=keep -- %t %t.file || test $? = 137
// RUN: unshare --mount bash -c 'mount --bind %t.boot /proc/sys/kernel/random/boot_id && exec %hwckpt restore' 2> %t.kept
// RUN: printf 'first\nafter\nrestored\n' | cmp - %t.file && ! grep . %t.kept
#include "behaviour.h"
int main(int argc, char **argv) {
  CHECK_EQUAL(argc, 2);
  int fd = open(argv[1], O_WRONLY | O_CREAT | O_APPEND, 0600);
  CHECK(fd >= 0 && write(fd, "first\n", 6) == 6);
  if (!came_back()) {
    CHECK_EQUAL(write(fd, "after\n", 6), 6);
    die();
  }
  CHECK_EQUAL(write(fd, "restored\n", 9), 9);
  return 0;
}
