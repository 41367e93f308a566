// System V semaphores and message queues come back with their values, messages,
// ids and keys, and those who wait at them go on waiting; also when they are
// gone by the time of the restore, as after a reboot.
// RUN: %behaviour %s -o %t && %restored -- %t && %restored_by_all -- %t gone
#include "behaviour.h"
#include <pthread.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/wait.h>
enum { SEMAPHORES = 5 };
struct message {
  long type;
  char text[64];
};
static int set, queue, answers, waiting[2];
static key_t key;
static volatile int timed_out;
static pid_t child;
static int change(int number, int by) {
  struct sembuf operation = {number, by, 0};
  return semop(set, &operation, 1);
}
static void queue_up(int id, long type, const char *text) {
  struct message message = {type, ""};
  strcpy(message.text, text);
  CHECK(msgsnd(id, &message, strlen(text), 0) == 0);
}
static void expect(int id, long type, const char *text) {
  struct message message = {0, ""};
  CHECK_EQUAL(msgrcv(id, &message, sizeof message.text, type, 0), strlen(text));
  CHECK(strcmp(message.text, text) == 0);
}
/* Waits for a semaphore that comes, then for a message that comes. */
static _Noreturn void be_child(void) {
  close(waiting[0]);
  CHECK(write(waiting[1], "r", 1) == 1);
  CHECK(change(1, -3) == 0);
  expect(queue, 9, "for the child");
  queue_up(answers, 1, "got both");
  _exit(3);
}
/* Nobody raises this one. */
static void *wait_in_vain(void *unused) {
  struct sembuf operation = {2, -1, 0};
  struct timespec time = {1, 0};
  int result = semtimedop(set, &operation, 1, &time), error = errno;
  while (result < 0 && error == EIDRM) /* in the life that ends */
    pause();
  CHECK(result < 0 && error == EAGAIN);
  timed_out = 1;
  return unused;
}
static void make_all(void) {
  unsigned short values[SEMAPHORES] = {7, 2, 0, 300, 0};
  struct msqid_ds facts;
  key = 0x68780000 + getpid();
  CHECK((set = semget(key, SEMAPHORES, IPC_CREAT | IPC_EXCL | 0600)) >= 0);
  CHECK(semctl(set, 0, SETALL, values) == 0);
  CHECK((queue = msgget(key, IPC_CREAT | IPC_EXCL | 0640)) >= 0);
  CHECK((answers = msgget(IPC_PRIVATE, IPC_CREAT | 0600)) >= 0);
  queue_up(queue, 5, "first");
  queue_up(queue, 2, "");
  queue_up(queue, 5, "second");
  CHECK(msgctl(queue, IPC_STAT, &facts) == 0);
  facts.msg_qbytes = 1000;
  CHECK(msgctl(queue, IPC_SET, &facts) == 0);
}
static void wait_until(int number, int command, int count) {
  for (double begin = now(); semctl(set, number, command) != count;)
    CHECK(now() - begin < 20);
}
static void lose_all(int argc) {
  CHECK(change(0, -7) == 0);
  expect(queue, 5, "first");
  queue_up(queue, 5, "wrong");
  queue_up(answers, 5, "wrong");
  if (argc > 1)
    CHECK(!semctl(set, 0, IPC_RMID) && !msgctl(queue, IPC_RMID, 0) &&
          !msgctl(answers, IPC_RMID, 0));
}
static void look(void) {
  struct msqid_ds facts;
  struct semid_ds about;
  int status;
  CHECK_EQUAL(semget(key, 0, 0), set);
  CHECK_EQUAL(msgget(key, 0), queue);
  CHECK_EQUAL(semctl(set, 0, GETVAL), 7);
  CHECK_EQUAL(semctl(set, 3, GETVAL), 300);
  CHECK(semctl(set, 0, IPC_STAT, &about) == 0);
  CHECK_EQUAL(about.sem_perm.mode & 0777, 0600);
  CHECK(msgctl(queue, IPC_STAT, &facts) == 0);
  CHECK_EQUAL(facts.msg_perm.mode & 0777, 0640);
  CHECK_EQUAL(facts.msg_qbytes, 1000);
  CHECK_EQUAL(facts.msg_qnum, 3);
  expect(queue, 5, "first");
  expect(queue, 0, "");
  wait_until(1, GETNCNT, 1);
  CHECK(change(1, 1) == 0);
  queue_up(queue, 9, "for the child");
  expect(answers, 0, "got both");
  expect(queue, 5, "second");
  CHECK_EQUAL(semctl(set, 1, GETVAL), 0);
  CHECK_EQUAL(waitpid(child, &status, 0), child);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 3);
}
int main(int argc, char **argv) {
  pthread_t thread;
  char byte;
  (void)argv;
  make_all();
  CHECK(pipe(waiting) == 0);
  CHECK((child = fork()) >= 0);
  if (!child)
    be_child();
  CHECK(read(waiting[0], &byte, 1) == 1);
  CHECK(pthread_create(&thread, 0, wait_in_vain, 0) == 0);
  wait_until(1, GETNCNT, 1);
  wait_until(2, GETNCNT, 1);
  if (!came_back()) {
    CHECK(!kill(child, SIGKILL) && waitpid(child, 0, 0) == child);
    lose_all(argc);
    die();
  }
  look();
  CHECK(pthread_join(thread, 0) == 0 && timed_out);
  CHECK(!semctl(set, 0, IPC_RMID) && !msgctl(queue, IPC_RMID, 0) &&
        !msgctl(answers, IPC_RMID, 0));
  return 0;
}
