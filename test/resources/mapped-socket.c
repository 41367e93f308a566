// A socket that is mapped, to receive without copying: no checkpoint is taken
// until it is not mapped any more, for it could not be restored.
// RUN: %behaviour %s -o %t && %restored -- %t 2>%t.err; status=$?; cat %t.err >&2; [ $status = 0 ]
// RUN: FileCheck %s --input-file %t.err
// CHECK: HWCKPT-E207: {{.*}}socket:[{{[0-9]+}}]: what is no file is mapped at
#include "behaviour.h"
#include <sys/mman.h>
#include <sys/socket.h>
int main(void) {
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  void *mapped = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
  if (mapped == MAP_FAILED)
    SKIP("sockets cannot be mapped");
  CHECK_EQUAL(__builtin_ckpt_save(), -ENOTSUP);
  CHECK_EQUAL(munmap(mapped, 4096), 0);
  die_and_come_back();
  return 0;
}
