// Every hook serves polls and saves, in one program too, before and after a
// restore; a child that was forked meanwhile has none of it.
// RUN: rm -rf %t && mkdir %t
// RUN: for hook in trap insn syscall interrupt auto; do %clang -fhwckpt -fhwckpt-hook=$hook -O1 -c -DPART=part_$hook %s -o %t/$hook.o || exit; done
// RUN: %clang -fhwckpt -O1 -pthread %s %t/*.o -o %t/main
// RUN: cd %t && %python %S/Inputs/each-hook %hwckpt %t/main
// The hook is in the object, not in the command that links it.
// RUN: llvm-objdump -d %t/insn.o | FileCheck --check-prefix=INSN %s
// INSN: 0f 1f 84 00 00 00 57 48
// RUN: llvm-objdump -d %t/syscall.o | FileCheck --check-prefix=SYSCALL %s
// SYSCALL: movl $0x4857001, %eax
// SYSCALL-NEXT: syscall
// RUN: llvm-objdump -d %t/interrupt.o | FileCheck --check-prefix=INTERRUPT %s
// INTERRUPT: int3
// INTERRUPT-NEXT: nopl 0x48570102(%rax,%rax)
// RUN: %clang -fhwckpt -fhwckpt-hook=insn -O1 -flto -fuse-ld=lld -c -DPART=part %s -o %t/lto.o
// RUN: %clang -fhwckpt -O1 -flto -fuse-ld=lld -shared %t/lto.o -o %t/lto.so
// RUN: llvm-objdump -d %t/lto.so | FileCheck --check-prefix=INSN %s
#ifdef PART
unsigned long PART(unsigned long x, long n) {
  for (long i = 0; i < n; i++)
    x = x * 6364136223846793005UL + 1442695040888963407UL;
  return x ^ (unsigned long)(__builtin_ckpt_save() < 0);
}
#else
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

typedef unsigned long part(unsigned long x, long n);
part part_trap, part_insn, part_syscall, part_interrupt, part_auto;
static part *const parts[] = {part_trap, part_insn, part_syscall,
                              part_interrupt, part_auto};
#define PARTS (int)(sizeof parts / sizeof parts[0])
static volatile int done;
static pthread_barrier_t begun;

// They begin at once, with the way that installs something for all of them.
static void *spin(void *argument) {
  unsigned long *x = argument;
  pthread_barrier_wait(&begun);
  part_syscall(*x, 0);
  while (!done)
    *x = parts[*x % PARTS](*x, 200000);
  return 0;
}

// Whenever the checkpoint is taken that it comes back from, it goes on when
// the other file is there, which is made after the kill.
static void wait_for_the_kill(const char *file, const char *killed) {
  close(open(file, O_CREAT | O_EXCL | O_WRONLY, 0600));
  while (access(killed, F_OK))
    usleep(1000);
}

int main(int argc, char **argv) {
  int saves = 0, chosen = atoi(argv[1]);
  pthread_t threads[4];
  unsigned long x[4] = {1, 2, 3, 4};
  setbuf(stdout, 0);
  pthread_barrier_init(&begun, 0, 4);
  for (int i = 0; i < 4; i++)
    pthread_create(&threads[i], 0, spin, &x[i]);
  for (int round = 0; round < 4; round++) {
    if (chosen < PARTS)
      parts[chosen](round, 100000);
    pid_t child = fork();
    if (child == 0) {
      // No runtime there: a save fails, and polls do nothing.
      unsigned long y = 0;
      for (int i = 0; i < PARTS; i++)
        y = parts[i](i, 1000000);
      _exit(y == 0);
    }
    int status;
    if (waitpid(child, &status, 0) != child || status)
      return printf("child: %x\n", status), 1;
    int n = __builtin_ckpt_save();
    if (n < 0)
      return printf("save: %d\n", n), 1;
    saves++;
    if (round == 2)
      wait_for_the_kill(argv[2], argv[3]);
  }
  done = 1;
  for (int i = 0; i < 4; i++)
    pthread_join(threads[i], 0);
  printf("%d saves\n", saves);
  return 0;
}
#endif
