// What shm_open(), sem_open() and posix_fallocate() make after the checkpoint
// is gone where it is restored: libc makes their system calls in other ways
// than most (runtime/arch/x86_64/program_calls.c). While checkpoints come they
// do what they are asked to.
// RUN: %clang -fhwckpt %s -o %t -pthread
// RUN: (%hwckpt run -- %t %t.file since || test $? = 137) && (%hwckpt restore || test $? = 7)
// RUN: %python %S/Inputs/killed-anywhere --kills=3 --options=every=1ms %hwckpt %t %t.file
// RUN: %python %S/Inputs/killed-anywhere --kills=1 --options=every=1ms:track=mprotect %hwckpt %t %t.file
#define _GNU_SOURCE
#include "Inputs/come-back.h"
#include <errno.h>
#include <fcntl.h>
#include <semaphore.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

static char memory[64], semaphore[64];

static off_t size_of(int fd) {
  struct stat status;
  CHECK(fstat(fd, &status) == 0);
  return status.st_size;
}
static void unlink_both(void) {
  CHECK(shm_unlink(memory) == 0 || errno == ENOENT);
  CHECK(sem_unlink(semaphore) == 0 || errno == ENOENT);
}
static int make(off_t size) {
  int fd = shm_open(memory, O_RDWR | O_CREAT | O_EXCL, 0600);
  sem_t *made = sem_open(semaphore, O_CREAT | O_EXCL, 0600, 1);
  CHECK(fd >= 0 && made != SEM_FAILED && sem_close(made) == 0);
  CHECK(posix_fallocate(fd, 0, size) == 0);
  return fd;
}

static void since(int file) {
  CHECK(ftruncate(file, 100) == 0);
  if (!save()) {
    close(make(4096));
    CHECK(posix_fallocate(file, 50, 4000) == 0 && size_of(file) == 4050);
    kill(getpid(), SIGKILL);
  }
  CHECK(size_of(file) == 100);
  CHECK(shm_open(memory, O_RDWR, 0) < 0 && errno == ENOENT);
  CHECK(sem_open(semaphore, 0) == SEM_FAILED && errno == ENOENT);
}

int main(int argc, char **argv) {
  int file = argc > 1 ? open(argv[1], O_RDWR | O_CREAT, 0600) : -1;
  CHECK(file >= 0);
  snprintf(memory, sizeof memory, "/hwckpt-test-memory-%d", getpid());
  snprintf(semaphore, sizeof semaphore, "/hwckpt-test-semaphore-%d", getpid());
  unlink_both();
  if (argc > 2)
    since(file);
  for (off_t turn = 1; argc == 2 && go_on(); turn++) {
    int fd = make(turn % 100 * 100 + 1);
    CHECK(size_of(fd) == turn % 100 * 100 + 1);
    CHECK(ftruncate(file, turn % 10) == 0);
    CHECK(posix_fallocate(file, turn % 7, 1000) == 0);
    CHECK(size_of(file) == turn % 7 + 1000);
    unlink_both();
    close(fd);
  }
  return 7;
}
