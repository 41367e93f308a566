// What is to be taken back at the end (SEM_UNDO) of many operations at once is
// not kept, and refuses the checkpoint; calls of that kind which failed changed
// nothing, and refuse none. The kernel says what is wrong with them.
// RUN: %behaviour %s -o %t && %by_all %t
#include "behaviour.h"
#include <sys/sem.h>

enum { MANY = 40, TOO_MANY = 600 };

int main(void) {
  struct sembuf operations[TOO_MANY];
  int id = semget(IPC_PRIVATE, 1, IPC_CREAT | 0600);
  CHECK(id >= 0);
  for (int i = 0; i < TOO_MANY; i++)
    operations[i] = (struct sembuf){0, 1, SEM_UNDO};
  int accepted = semop(id, operations, TOO_MANY) == 0;
  int wrong = errno;
  CHECK_EQUAL(semctl(id, 0, IPC_RMID), 0);
  if (accepted)
    SKIP("the kernel takes as many");
  CHECK_EQUAL(wrong, E2BIG);
  CHECK((id = semget(IPC_PRIVATE, 1, IPC_CREAT | 0600)) >= 0);
  for (int i = 0; i < TOO_MANY; i++)
    operations[i].sem_flg = 0;
  CHECK(semop(id, operations, (size_t)1 << 30) < 0 && errno == E2BIG);
  for (int i = 0; i < MANY; i++)
    operations[i].sem_flg = SEM_UNDO;
  operations[MANY - 1] = (struct sembuf){0, -2 * MANY, SEM_UNDO | IPC_NOWAIT};
  CHECK(semop(id, operations, MANY) < 0 && errno == EAGAIN);
  CHECK_EQUAL(__builtin_ckpt_save(), 0);
  CHECK_EQUAL(semop(id, operations, MANY - 1), 0);
  int refused = __builtin_ckpt_save();
  CHECK_EQUAL(semctl(id, 0, IPC_RMID), 0);
  CHECK_EQUAL(refused, -ENOTSUP);
  return 0;
}
