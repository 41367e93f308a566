// A checkpoint that could not be restored is not taken: said once, the program
// goes on, and what was taken before is there.
// RUN: rm -rf %t && mkdir %t && %clang -fhwckpt -O1 %s -o %t/main
// RUN: (! %hwckpt run --cache %t/cache -- %t/main 2>%t/err)
// RUN: FileCheck %s <%t/err && grep -c HWCKPT-E %t/err | grep -x 1
// CHECK: HWCKPT-E207: {{.*}}: /memfd:here: a deleted file is mapped at
// CHECK-NEXT: remedy: see docs/limits.md
// RUN: %hwckpt restore --cache %t/cache
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

int main(void) {
  int n = __builtin_ckpt_save();
  if (n)
    return n == 1 ? 0 : 1;
  int fd = memfd_create("here", 0);
  if (ftruncate(fd, 4096))
    return 2;
  void *map = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  for (int i = 0; i < 3; i++)
    if (__builtin_ckpt_save() != -ENOTSUP)
      return 3;
  munmap(map, 4096);
  kill(getpid(), SIGKILL);
}
