// Locks on files are held again; where somebody else holds one by then, the
// program is not restored.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t
// RUN: %hwckpt run -- %t %t.locked || test $? = 137
// RUN: flock %t.locked not %hwckpt restore 2>&1 | FileCheck %s
// CHECK: HWCKPT-E319: {{.*}}.locked
// RUN: %hwckpt restore
#include "behaviour.h"
#include <sys/file.h>
#include <sys/wait.h>
static char directory[] = "/tmp/hwckpt-test-locks-XXXXXX";
static int make(const char *name) {
  int fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0600);
  CHECK(fd >= 0);
  return fd;
}
static void lock(int fd, int command, short type, long start, long size) {
  struct flock range = {.l_type = type, .l_start = start, .l_len = size};
  CHECK_EQUAL(fcntl(fd, command, &range), 0);
}
/* What another process finds. */
static int conflicts(const char *name, int command, short type, long start) {
  int fd = open(name, O_RDWR);
  struct flock range = {.l_type = type, .l_start = start, .l_len = 1};
  CHECK(fd >= 0 && fcntl(fd, command, &range) == 0);
  close(fd);
  return range.l_type != F_UNLCK;
}
static int look(void) {
  int fd = open("whole", O_RDWR);
  CHECK(fd >= 0);
  CHECK(flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK);
  fd = open("shared", O_RDWR);
  CHECK(fd >= 0);
  CHECK(flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK);
  CHECK_EQUAL(flock(fd, LOCK_SH | LOCK_NB), 0);
  CHECK_EQUAL(conflicts("process", F_GETLK, F_WRLCK, 99), 0);
  CHECK_EQUAL(conflicts("process", F_GETLK, F_WRLCK, 100), 1);
  CHECK_EQUAL(conflicts("process", F_GETLK, F_RDLCK, 105), 1);
  CHECK_EQUAL(conflicts("process", F_GETLK, F_WRLCK, 109), 1);
  CHECK_EQUAL(conflicts("process", F_GETLK, F_WRLCK, 110), 0);
  CHECK_EQUAL(conflicts("process", F_GETLK, F_RDLCK, 200), 0);
  CHECK_EQUAL(conflicts("process", F_GETLK, F_WRLCK, 1L << 40), 1);
  CHECK_EQUAL(conflicts("open", F_OFD_GETLK, F_RDLCK, 3), 1);
  CHECK_EQUAL(conflicts("open", F_OFD_GETLK, F_RDLCK, 4), 1);
  CHECK_EQUAL(conflicts("open", F_OFD_GETLK, F_RDLCK, 5), 0);
  return 0;
}
int main(int argc, char **argv) {
  if (argc == 2) {
    int fd = make(argv[1]);
    CHECK_EQUAL(flock(fd, LOCK_EX), 0);
    die_and_come_back();
    return 0;
  }
  CHECK(mkdtemp(directory) && chdir(directory) == 0);
  int whole = make("whole"), process = make("process"), file = make("open");
  int shared = make("shared");
  int copy = dup(whole);
  CHECK_EQUAL(flock(whole, LOCK_EX), 0);
  CHECK_EQUAL(flock(shared, LOCK_SH), 0);
  lock(process, F_SETLK, F_WRLCK, 100, 10);
  lock(process, F_SETLK, F_RDLCK, 200, 0);
  lock(file, F_OFD_SETLK, F_WRLCK, 0, 5);
  die_and_come_back();
  int status;
  pid_t child = fork();
  if (child == 0) {
    close(whole);
    close(copy);
    _exit(look());
  }
  CHECK(waitpid(child, &status, 0) == child && status == 0);
  /* One open file, so one lock. */
  CHECK_EQUAL(flock(copy, LOCK_UN), 0);
  int again = open("whole", O_RDWR);
  CHECK_EQUAL(flock(again, LOCK_EX | LOCK_NB), 0);
  unlink("whole");
  unlink("shared");
  unlink("process");
  unlink("open");
  CHECK_EQUAL(chdir("/"), 0);
  CHECK_EQUAL(rmdir(directory), 0);
  return 0;
}
