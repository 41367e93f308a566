// POSIX shared memory and named semaphores of several processes are as they
// were, with the names that they had, and also those that have none any more.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t
#include "behaviour.h"
#include <semaphore.h>
#include <sys/mman.h>
#include <sys/wait.h>
enum { PAGE = 4096, SIZE = 4 * PAGE };
static char names[3][64];
static sem_t *named, *nameless;
static char *kept, *unlinked;
static int file;
static pid_t child;
static char *make(const char *name) {
  shm_unlink(name);
  file = shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
  CHECK(file >= 0 && ftruncate(file, SIZE) == 0);
  char *at = mmap(0, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  CHECK(at != MAP_FAILED);
  return at;
}
static _Noreturn void be_child(void) {
  strcpy(kept + PAGE, "of the child");
  CHECK(sem_post(nameless) == 0);
  CHECK(sem_wait(named) == 0);
  CHECK(strcmp(kept, "answered") == 0);
  strcpy(unlinked, "answered");
  CHECK(sem_post(nameless) == 0);
  _exit(2);
}
int main(void) {
  int status, value;
  for (int i = 0; i < 3; i++)
    snprintf(names[i], sizeof names[i], "/hwckpt-test-memory-%d-%d",
             (int)getuid(), i);
  unlinked = make(names[0]);
  CHECK(close(file) == 0 && shm_unlink(names[0]) == 0);
  kept = make(names[1]);
  sem_unlink(names[2]);
  named = sem_open(names[2], O_CREAT | O_EXCL, 0600, 0);
  nameless = sem_open(names[0], O_CREAT | O_EXCL, 0600, 0);
  CHECK(named != SEM_FAILED && nameless != SEM_FAILED);
  CHECK(sem_unlink(names[0]) == 0);
  strcpy(kept, "kept");
  strcpy(unlinked, "unlinked");
  CHECK((child = fork()) >= 0);
  if (!child)
    be_child();
  CHECK(sem_wait(nameless) == 0);
  if (!came_back()) {
    CHECK(!kill(child, SIGKILL) && waitpid(child, 0, 0) == child);
    strcpy(kept, "wrong");
    strcpy(kept + PAGE, "wrong");
    strcpy(unlinked, "wrong");
    CHECK(sem_post(named) == 0);
    die();
  }
  CHECK(strcmp(kept, "kept") == 0);
  CHECK(strcmp(kept + PAGE, "of the child") == 0);
  CHECK(strcmp(unlinked, "unlinked") == 0);
  CHECK(sem_getvalue(named, &value) == 0 && value == 0);
  CHECK(sem_getvalue(nameless, &value) == 0 && value == 0);
  sem_t *again = sem_open(names[2], 0);
  strcpy(kept, "answered");
  CHECK(again != SEM_FAILED && sem_post(again) == 0);
  CHECK(sem_wait(nameless) == 0);
  CHECK(strcmp(unlinked, "answered") == 0);
  char text[16] = "";
  CHECK(pread(file, text, 8, 0) == 8 && !strcmp(text, "answered"));
  CHECK(waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 2);
  CHECK(shm_unlink(names[1]) == 0 && sem_unlink(names[2]) == 0);
  return 0;
}
