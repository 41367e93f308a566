// A process that has heard that a checkpoint failed asks for the next one while
// another still says so: that one is taken, it does not fail with the first.
// RUN: rm -rf %t.d && mkdir %t.d && %behaviour %s -o %t
// RUN: env HWCKPT_TREE_HOLD=stop=%t.d %hwckpt run -- %t %t.d
#include "behaviour.h"
#include <pthread.h>
#include <sys/wait.h>
static int pipe_of_errors[2];
static int exists(const char *folder, const char *name) {
  char path[4096];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  return access(path, F_OK) == 0;
}
/* Whether the first thread waits for a futex, as in a save. */
static int waits(void) {
  char path[64], text[64] = "";
  snprintf(path, sizeof path, "/proc/%d/syscall", getpid());
  int fd = open(path, O_RDONLY | O_CLOEXEC), is;
  CHECK(fd >= 0 && read(fd, text, sizeof text - 1) >= 0);
  is = atoi(text) == SYS_futex;
  return close(fd) == 0 && is;
}
/* Lets the runtime say what it wants to say. */
static void *empty(void *unused) {
  char text[4096];
  while (!waits())
    sched_yield();
  while (read(pipe_of_errors[0], text, sizeof text) > 0)
    ;
  return unused;
}
int main(int argc, char **argv) {
  char path[4096];
  int status;
  unsigned long refused = 0;
  CHECK(argc == 2);
  pid_t saves = fork();
  if (!saves)
    _exit(__builtin_ckpt_save() < 0 ? 5 : 6);
  while (!exists(argv[1], "held"))
    sched_yield();
  int errors = dup(2);
  CHECK(pipe2(pipe_of_errors, O_CLOEXEC) == 0);
  CHECK(fcntl(pipe_of_errors[1], F_SETFL, O_NONBLOCK) == 0);
  while (write(pipe_of_errors[1], path, 1) == 1)
    ;
  CHECK(fcntl(pipe_of_errors[1], F_SETFL, 0) == 0);
  CHECK(dup2(pipe_of_errors[1], 2) == 2);
  CHECK(syscall(SYS_io_setup, 1, &refused) == 0);
  snprintf(path, sizeof path, "%s/go", argv[1]);
  CHECK(close(creat(path, 0600)) == 0);
  CHECK(waitpid(saves, &status, 0) == saves);
  CHECK(syscall(SYS_io_destroy, refused) == 0);
  pthread_t reader;
  CHECK(pthread_create(&reader, NULL, empty, NULL) == 0);
  int saved = __builtin_ckpt_save();
  CHECK(dup2(errors, 2) == 2 && close(errors) == 0);
  CHECK(close(pipe_of_errors[1]) == 0 && pthread_join(reader, NULL) == 0);
  CHECK_EQUAL(status, 5 << 8);
  CHECK_EQUAL(saved, 0);
  return 0;
}
