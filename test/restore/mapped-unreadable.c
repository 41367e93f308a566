// Of a mapped file that cannot be read nothing is kept, and that is said; it
// takes no room from another one.
// RUN: test $(id -u) = 0 && as="bash %S/../tools/Inputs/as-nobody" || as=; %behaviour %s -o %t && $as bash -c 'cd "$HOME" && "$@"' sh %restored -- %t 2>&1 | FileCheck %s
// CHECK: HWCKPT-E315: {{.*}}hidden
// CHECK-NOT: HWCKPT-E3
// CHECK-NOT: not so
#include "behaviour.h"
#include <sys/mman.h>
#include <sys/stat.h>
enum { SIZE = 8192 };

static volatile char *map(const char *name) {
  int fd = open(name, O_RDWR | O_CREAT, 0600);
  CHECK(fd >= 0 && ftruncate(fd, SIZE) == 0);
  volatile char *at = mmap(0, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  CHECK((void *)at != MAP_FAILED && close(fd) == 0);
  return at;
}
int main(void) {
  volatile char *kept = map("kept"), *hidden = map("hidden");
  CHECK(hidden < kept); // it is looked at first
  kept[0] = hidden[0] = 'a';
  CHECK(chmod("hidden", 0) == 0);
  if (!came_back()) {
    CHECK(chmod("hidden", 0600) == 0);
    kept[0]++, hidden[0]++;
    die();
  }
  CHECK(kept[0] == 'a');
  return 0;
}
