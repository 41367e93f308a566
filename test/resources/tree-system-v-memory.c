// System V shared memory of several processes, attached at several places and
// in part, with its ids and keys; also when the segments are gone by the time
// of the restore, as after a reboot.
// RUN: %behaviour %s -o %t && %restored -- %t
// RUN: %restored_by_all -- %t gone
#include "behaviour.h"
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/wait.h>
enum { PAGE = 4096, SIZE = 6 * PAGE };
static int keyed, nameless, apart, removed, up[2], down[2];
static key_t key;
static char *whole, *twice, *part, *gone;
static pid_t child;
static void put(int fd, char letter) { CHECK(write(fd, &letter, 1) == 1); }
static void expect(int fd, char letter) {
  char got = 0;
  CHECK(read(fd, &got, 1) == 1);
  CHECK_EQUAL(got, letter);
}
static unsigned long attached(int id) {
  struct shmid_ds facts;
  CHECK(shmctl(id, IPC_STAT, &facts) == 0);
  return facts.shm_nattch;
}
static _Noreturn void be_child(void) {
  close(up[0]);
  close(down[1]);
  /* Of the one, only what the parent has not; of another, a part. */
  char *own = shmat(nameless, 0, 0);
  CHECK(munmap(own, 3 * PAGE) == 0);
  CHECK(shmdt(twice) == 0);
  strcpy(own + 4 * PAGE, "of the child");
  put(up[1], 'r');
  expect(down[0], 'g');
  CHECK(strcmp(whole, "of the parent") == 0);
  CHECK(strcmp(own + 4 * PAGE, "of the child") == 0);
  CHECK(strcmp(gone, "removed") == 0);
  strcpy(whole + PAGE, "answer");
  strcpy(gone + PAGE, "answer");
  CHECK(shmdt(gone) == 0 && shmdt(own) == 0);
  put(up[1], 'd');
  expect(down[0], 'e');
  _exit(7);
}
static void make_all(void) {
  key = 0x68770000 + getpid();
  CHECK((keyed = shmget(key, SIZE, IPC_CREAT | IPC_EXCL | 0600)) >= 0);
  CHECK((nameless = shmget(IPC_PRIVATE, SIZE, IPC_CREAT | 0640)) >= 0);
  CHECK((apart = shmget(IPC_PRIVATE, 3 * PAGE + 7, IPC_CREAT | 0600)) >= 0);
  CHECK((removed = shmget(IPC_PRIVATE, SIZE, IPC_CREAT | 0600)) >= 0);
  CHECK((whole = shmat(keyed, 0, 0)) != (void *)-1);
  CHECK((twice = shmat(keyed, 0, SHM_RDONLY)) != (void *)-1);
  CHECK((gone = shmat(removed, 0, 0)) != (void *)-1);
  CHECK(shmctl(removed, IPC_RMID, 0) == 0);
  char *unattached = shmat(apart, 0, 0);
  strcpy(unattached + 2 * PAGE, "nobody has it");
  CHECK(shmdt(unattached) == 0);
}
static void lose_all(int argc) {
  strcpy(whole, "wrong");
  part[PAGE] = 'w';
  if (argc > 1)
    CHECK(!shmctl(keyed, IPC_RMID, 0) && !shmctl(nameless, IPC_RMID, 0) &&
          !shmctl(apart, IPC_RMID, 0));
}
static void look(void) {
  int status;
  CHECK_EQUAL(shmget(key, SIZE, 0), keyed);
  CHECK(strcmp(whole, "of the parent") == 0);
  CHECK(strcmp(twice, "of the parent") == 0);
  CHECK(strcmp(part, "in part") == 0 && !part[PAGE]);
  char *unattached = shmat(apart, 0, 0);
  CHECK(unattached != (void *)-1);
  CHECK(strcmp(unattached + 2 * PAGE, "nobody has it") == 0);
  CHECK(shmdt(unattached) == 0 && shmctl(apart, IPC_RMID, 0) == 0);
  CHECK_EQUAL(attached(keyed), 3);
  CHECK_EQUAL(attached(nameless), 2);
  CHECK_EQUAL(attached(removed), 2);
  put(down[1], 'g');
  expect(up[0], 'd');
  CHECK(strcmp(twice + PAGE, "answer") == 0);
  CHECK(strcmp(gone + PAGE, "answer") == 0);
  CHECK_EQUAL(attached(removed), 1);
  /* Nobody has the middle attached, and it holds what it held. */
  char *all = shmat(nameless, 0, 0);
  CHECK(strcmp(all + 2 * PAGE, "in the middle") == 0);
  CHECK(strcmp(all + 4 * PAGE, "of the child") == 0);
  CHECK(shmdt(all) == 0 && shmdt(gone) == 0 && shmdt(twice) == 0);
  CHECK(shmctl(removed, IPC_STAT, &(struct shmid_ds){0}) < 0);
  put(down[1], 'e');
  CHECK_EQUAL(waitpid(child, &status, 0), child);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 7);
  CHECK_EQUAL(attached(keyed), 1);
  CHECK(!shmctl(keyed, IPC_RMID, 0) && !shmctl(nameless, IPC_RMID, 0));
}
int main(int argc, char **argv) {
  (void)argv;
  make_all();
  CHECK(pipe(up) == 0 && pipe(down) == 0);
  CHECK((child = fork()) >= 0);
  if (!child)
    be_child();
  close(up[1]);
  close(down[0]);
  CHECK((part = shmat(nameless, 0, 0)) != (void *)-1);
  strcpy(part, "in part");
  strcpy(part + 2 * PAGE, "in the middle");
  CHECK(munmap(part + 2 * PAGE, 4 * PAGE) == 0);
  strcpy(whole, "of the parent");
  strcpy(gone, "removed");
  expect(up[0], 'r');
  if (!came_back()) {
    lose_all(argc);
    CHECK(!kill(child, SIGKILL) && waitpid(child, 0, 0) == child);
    die();
  }
  look();
  return 0;
}
