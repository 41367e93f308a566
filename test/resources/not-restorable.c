// A checkpoint that could not be restored is not taken: said once, the program
// goes on, and what was taken before is there.
// Its child is none of it, as it is not run by hwckpt.
// RUN: %clang -fhwckpt -O1 %s -o %t && %by_all bash -c ' \
// RUN:   ! %t 2>err && FileCheck %s <err && [ "$(grep -c HWCKPT-E err)" = 1 ] && \
// RUN:   %hwckpt restore'
// CHECK: HWCKPT-E207: {{.*}}: System V shared memory {{[0-9]+}}: at {{[0-9a-f]+}}: other processes have it attached
// CHECK-NEXT: remedy: see docs/limits.md
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void) {
  int n = __builtin_ckpt_save();
  if (n)
    return n == 1 ? 0 : 1;
  int id = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);
  if (shmat(id, 0, 0) == (void *)-1 || shmctl(id, IPC_RMID, 0))
    return 2;
  pid_t child = fork();
  if (child == 0)
    for (;;)
      pause();
  for (int i = 0; i < 3; i++)
    if (__builtin_ckpt_save() != -ENOTSUP)
      return 3;
  kill(child, SIGKILL);
  waitpid(child, 0, 0);
  kill(getpid(), SIGKILL);
}
