// A copy-on-write child of one process is no stranger that has System V memory
// attached, to another one that looks a moment later in the same stop.
// RUN: %behaviour %s -o %t && %hwckpt run -o method=cow -- %t 2>&1 | FileCheck --implicit-check-not=HWCKPT-E %s
// RUN: %hwckpt show | FileCheck %s --check-prefix=SHOW
// CHECK: 15 checkpoints
// SHOW: method{{ +}}cow
#include "behaviour.h"
#include <sys/eventfd.h>
#include <sys/ipc.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/wait.h>
enum { CHILDREN = 3, CHECKPOINTS = 15, DESCRIPTORS = 500, SIZE = 1 << 20 };

static void write_for_ever(void) {
  CHECK(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0);
  static volatile char own[SIZE];
  for (;;)
    for (int i = 0; i < SIZE; i += 4096)
      own[i]++;
}
int main(void) {
  pid_t children[CHILDREN];
  int segment = shmget(IPC_PRIVATE, 4096, 0600 | IPC_CREAT);
  CHECK(segment >= 0 && shmat(segment, NULL, 0) != (void *)-1);
  CHECK(shmctl(segment, IPC_RMID, NULL) == 0);
  for (int i = 0; i < CHILDREN; i++)
    if ((children[i] = fork()) == 0)
      write_for_ever();
  // What keeps the first process back.
  for (int i = 0; i < DESCRIPTORS; i++)
    CHECK(eventfd(0, 0) >= 0);
  for (int i = 0; i < CHECKPOINTS; i++)
    CHECK(__builtin_ckpt_save() == 0);
  for (int i = 0; i < CHILDREN; i++)
    CHECK(kill(children[i], SIGKILL) == 0 && wait(NULL) > 0);
  printf("%d checkpoints\n", CHECKPOINTS);
  return 0;
}
