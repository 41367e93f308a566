// A FIFO that nobody has opened to write yet comes back so: poll() is silent
// until a writer has come and gone, also in a child that has it too, and where
// reads wait. One that had a writer says that he is gone, and one whose writer
// is another program is refused.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t
// RUN: %t outside 2>%t.said && grep 'E208.*/one: descriptor' %t.said
#include "behaviour.h"
#include <poll.h>
#include <sys/stat.h>
#include <sys/wait.h>

static int looks(int fd) {
  struct pollfd look = {fd, POLLIN, 0};
  CHECK(poll(&look, 1, 0) >= 0);
  return look.revents;
}

static void serve(int fd, const char *name) {
  char text[16];
  CHECK_EQUAL(looks(fd), 0);
  int writer = open(name, O_WRONLY | O_NONBLOCK);
  CHECK(writer >= 0 && write(writer, "x", 1) == 1);
  CHECK_EQUAL(looks(fd), POLLIN);
  CHECK_EQUAL(read(fd, text, sizeof text), 1);
  CHECK_EQUAL(close(writer), 0);
  CHECK_EQUAL(looks(fd), POLLHUP);
}

/* A child is outside a program that is not run by hwckpt. */
static void has_writer_outside(int fd) {
  int ready[2], status;
  char byte;
  CHECK_EQUAL(pipe(ready), 0);
  pid_t child = fork();
  if (child == 0) {
    int writer = open("one", O_WRONLY);
    CHECK(writer >= 0 && write(ready[1], "", 1) == 1);
    for (;;)
      pause();
  }
  CHECK_EQUAL(read(ready[0], &byte, 1), 1);
  CHECK(close(ready[0]) == 0 && close(ready[1]) == 0);
  CHECK_EQUAL(looks(fd), 0);
  CHECK(__builtin_ckpt_save() < 0);
  CHECK(kill(child, SIGKILL) == 0 && waitpid(child, &status, 0) == child);
  CHECK_EQUAL(looks(fd), POLLHUP);
}

static void end(void) {
  char directory[64];
  CHECK(getcwd(directory, sizeof directory) != NULL);
  CHECK(unlink("one") == 0 && unlink("two") == 0 && chdir("/") == 0);
  CHECK_EQUAL(rmdir(directory), 0);
}

int main(int argc, char **argv) {
  char directory[] = "/tmp/hwckpt-test-fifo-XXXXXX";
  int ready[2], status;
  (void)argv;
  CHECK(mkdtemp(directory) && chdir(directory) == 0 && pipe(ready) == 0);
  CHECK(mkfifo("one", 0600) == 0 && mkfifo("two", 0600) == 0);
  int one = open("one", O_RDONLY | O_NONBLOCK);
  int two = open("two", O_RDONLY | O_NONBLOCK);
  CHECK(one >= 0 && two >= 0);
  CHECK_EQUAL(fcntl(one, F_SETFL, 0), 0);
  CHECK_EQUAL(close(open("two", O_WRONLY)), 0);
  CHECK_EQUAL(looks(two), POLLHUP);
  if (argc > 1) {
    has_writer_outside(one);
    end();
    return 0;
  }
  pid_t child = fork();
  if (child == 0) {
    char byte;
    CHECK_EQUAL(close(ready[1]), 0);
    CHECK_EQUAL(read(ready[0], &byte, 1), 1);
    CHECK_EQUAL(looks(one), 0);
    _exit(0);
  }
  die_and_come_back();
  CHECK_EQUAL(write(ready[1], "", 1), 1);
  CHECK_EQUAL(waitpid(child, &status, 0), child);
  CHECK_EQUAL(status, 0);
  CHECK_EQUAL(fcntl(one, F_GETFL) & O_NONBLOCK, 0);
  CHECK_EQUAL(looks(two), POLLHUP);
  serve(one, "one");
  end();
  return 0;
}
