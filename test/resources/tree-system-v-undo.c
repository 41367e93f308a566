// What processes changed of System V semaphores with SEM_UNDO is taken back at
// their end, not at that of the program that was killed; also when the
// semaphores are gone by the time of the restore, and where a process waits to
// change them.
// RUN: %behaviour %s -o %t && %restored -- %t && %restored_by_all -- %t gone
#include "behaviour.h"
#include <sys/sem.h>
#include <sys/wait.h>
enum { COUNT = 2, CHILDREN = 3 };
static int set, gates[CHILDREN][2], ready[2];
static pid_t children[CHILDREN];
static void change(int number, int by) {
  struct sembuf operation = {number, by, SEM_UNDO};
  CHECK(semop(set, &operation, 1) == 0);
}
/* The first takes 2, the second gives 4, the third waits for one that comes. */
static _Noreturn void be_child(int which) {
  char byte;
  for (int i = 0; i < CHILDREN; i++)
    close(gates[i][1]);
  if (which == 0)
    change(0, -2);
  else if (which == 1)
    change(0, 4);
  CHECK(write(ready[1], "r", 1) == 1);
  if (which == 2)
    change(1, -1);
  CHECK(read(gates[which][0], &byte, 1) == 0);
  _exit(0);
}
static void end(int which, int value) {
  int status;
  close(gates[which][1]);
  CHECK(waitpid(children[which], &status, 0) == children[which]);
  CHECK_EQUAL(status, 0);
  CHECK_EQUAL(semctl(set, which == 2, GETVAL), value);
}
static void wait_until(int command, int count) {
  for (double begin = now(); semctl(set, 1, command) != count;)
    CHECK(now() - begin < 20);
}
int main(int argc, char **argv) {
  unsigned short values[COUNT] = {5, 0};
  char byte;
  (void)argv;
  CHECK((set = semget(IPC_PRIVATE, COUNT, IPC_CREAT | 0600)) >= 0);
  CHECK(semctl(set, 0, SETALL, values) == 0 && pipe(ready) == 0);
  for (int i = 0; i < CHILDREN; i++)
    CHECK(pipe(gates[i]) == 0);
  for (int i = 0; i < CHILDREN; i++) {
    CHECK((children[i] = fork()) >= 0);
    if (!children[i])
      be_child(i);
  }
  for (int i = 0; i < CHILDREN; i++)
    CHECK(read(ready[0], &byte, 1) == 1);
  wait_until(GETNCNT, 1);
  CHECK_EQUAL(semctl(set, 0, GETVAL), 7);
  if (!came_back()) {
    for (int i = 0; i < CHILDREN; i++)
      CHECK(!kill(children[i], SIGKILL) && wait(0) > 0);
    CHECK(argc == 1 || semctl(set, 0, IPC_RMID) == 0);
    die();
  }
  CHECK_EQUAL(semctl(set, 0, GETVAL), 7);
  wait_until(GETNCNT, 1);
  struct sembuf raise = {1, 1, 0};
  CHECK(semop(set, &raise, 1) == 0);
  wait_until(GETVAL, 0);
  end(0, 9);
  end(1, 5);
  end(2, 1);
  CHECK(semctl(set, 0, IPC_RMID) == 0);
  return 0;
}
