// System V shared memory comes back attached, with its content; the segment of
// the program that was killed is taken, one that was removed is made anew, and
// so are all when they are gone.
// RUN: %behaviour %s -o %t && %restored -- %t && %restored_by_all -- %t gone
#include "behaviour.h"
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
enum { PAGE = 4096, SIZE = 5 * PAGE + 100 };
static unsigned long attached(int id) {
  struct shmid_ds facts;
  CHECK(shmctl(id, IPC_STAT, &facts) == 0 && facts.shm_segsz == SIZE);
  return facts.shm_nattch;
}
int main(int argc, char **argv) {
  (void)argv;
  int stays = shmget(IPC_PRIVATE, SIZE, IPC_CREAT | 0600);
  int removed = shmget(IPC_PRIVATE, SIZE, IPC_CREAT | 0600);
  CHECK(stays >= 0 && removed >= 0);
  char *one = shmat(stays, NULL, 0), *two = shmat(stays, NULL, SHM_RDONLY);
  char *gone = shmat(removed, NULL, 0);
  CHECK(one != (void *)-1 && two != (void *)-1 && gone != (void *)-1);
  CHECK(shmctl(removed, IPC_RMID, NULL) == 0);
  strcpy(one + 3 * PAGE, "stays");
  strcpy(gone + 5 * PAGE, "removed");
  CHECK(mprotect(one + PAGE, PAGE, PROT_READ) == 0);
  if (!came_back()) {
    strcpy(one + 3 * PAGE, "wrong");
    one[4 * PAGE] = 'w';
    CHECK(argc == 1 || shmctl(stays, IPC_RMID, NULL) == 0);
    die();
  }
  struct shmid_ds facts;
  int kept = shmctl(stays, IPC_STAT, &facts) == 0;
  CHECK(strcmp(two + 3 * PAGE, "stays") == 0 && !one[4 * PAGE]);
  CHECK(strcmp(gone + 5 * PAGE, "removed") == 0);
  one[0] = 'x';
  CHECK(two[0] == 'x' && kept);
  CHECK_EQUAL(attached(stays), 4); /* mappings */
  CHECK(shmctl(stays, IPC_RMID, NULL) == 0);
  CHECK(shmdt(one) == 0 && shmdt(two) == 0);
  CHECK(shmctl(stays, IPC_STAT, &facts) < 0);
  CHECK(shmdt(gone) == 0);
  return 0;
}
