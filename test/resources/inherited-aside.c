// Standard input and output are pipes that the program keeps at other numbers
// while files are in their place, as a shell does at `while ...; done <IN
// >OUT`: they are those of who restores, each time, with another process beside
// it too.
// RUN: %behaviour %s -o %t
// RUN: %by_all bash %S/Inputs/inherited-aside %hwckpt %t
// RUN: %by_all bash %S/Inputs/inherited-aside %hwckpt %t two
#include "behaviour.h"

#include <sys/wait.h>

static pid_t other;
static int hold[2];

static void make_other(void) {
  char byte;
  CHECK(pipe(hold) == 0);
  other = fork();
  if (other)
    return;
  close(hold[1]);
  _exit(read(hold[0], &byte, 1) != 0);
}

static void die_and_come_back_with_other(void) {
  if (came_back())
    return;
  if (other)
    kill(other, SIGKILL);
  die();
}

int main(int argc, char **argv) {
  char text[100];
  int input = fcntl(0, F_DUPFD_CLOEXEC, 10);
  int output = fcntl(1, F_DUPFD_CLOEXEC, 10);
  int file = open(argv[1], O_WRONLY | O_CREAT, 0600);
  int null = open("/dev/null", O_RDONLY);
  CHECK(dup2(file, 1) == 1 && dup2(null, 0) == 0);
  close(file);
  close(null);
  if (argc > 2)
    make_other();
  for (int i = 0; i < 2; i++) {
    die_and_come_back_with_other();
    long length = read(input, text, sizeof text);
    CHECK(length > 0);
    dprintf(output, "back: %.*s", (int)length, text);
  }
  CHECK_EQUAL(write(1, "kept\n", 5), 5);
  CHECK(dup2(output, 1) == 1);
  puts("last");
  if (other) {
    int status;
    close(hold[1]);
    CHECK(waitpid(other, &status, 0) == other && status == 0);
  }
  return 0;
}
