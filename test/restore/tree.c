// All processes of a program come back as one: children that compute, one of
// them with a child and a session of its own, an orphan, a child that has ended
// and was not waited for. They write to one open file.
// RUN: %clang -fhwckpt -O1 -D_GNU_SOURCE -Wall -Werror -I%src/test/Inputs %s -o %t && %python %S/Inputs/tree-killed %hwckpt %t.out %t
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#define CHECK(condition)                                                       \
  do                                                                           \
    if (!(condition)) {                                                        \
      dprintf(2, "line %d: %s (%d)\n", __LINE__, #condition, errno);           \
      _exit(99);                                                               \
    }                                                                          \
  while (0)
static int output;
static volatile unsigned bound = 300000000;
static unsigned long compute(const char *name, unsigned long x) {
  pid_t pid = getpid(), parent = getppid(), group = getpgrp(), all = getsid(0);
  unsigned long *memory = calloc(1 << 15, sizeof *memory);
  for (unsigned i = 0; i < bound; i++) {
    x = x * 6364136223846793005UL + 1442695040888963407UL;
    memory[x >> 49] += i;
    if (i % 1000000 == 0) {
      CHECK(getpid() == pid && getpgrp() == group && getsid(0) == all);
      CHECK(strchr("or", *name) || getppid() == parent); // hwckpt's children
    }
  }
  for (unsigned i = 0; i < 1 << 15; i++)
    x = x * 31 + memory[i];
  char line[64];
  int length = snprintf(line, sizeof line, "%s %lu\n", name, x);
  CHECK(write(output, line, (size_t)length) == length);
  free(memory);
  return x;
}
static pid_t start(const char *name, unsigned long x) {
  pid_t child = fork();
  CHECK(child >= 0);
  if (child)
    return child;
  CHECK(*name != 'f' || setpgid(0, 0) == 0);
  compute(name, x);
  _exit((int)x);
}
static void ends(pid_t child, int wanted) {
  int status = 0;
  CHECK(waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == wanted);
}
static pid_t start_session(void) {
  pid_t child = fork();
  if (child)
    return child;
  CHECK(setsid() == getpid());
  pid_t below = start("below", 5);
  CHECK(getsid(below) == getpid());
  compute("session", 3);
  ends(below, 5);
  _exit(3);
}
static void start_orphan(void) {
  pid_t child = fork();
  if (child == 0) {
    start("orphan", 11);
    _exit(0);
  }
  ends(child, 0);
}
static int lines_of(const char *path) {
  char text[1024];
  int fd = open(path, O_RDONLY), lines = 0;
  ssize_t length = read(fd, text, sizeof text);
  close(fd);
  for (ssize_t i = 0; i < length; i++)
    lines += text[i] == '\n';
  return lines;
}
int main(int argc, char **argv) {
  CHECK(argc == 2);
  output = open(argv[1], O_WRONLY | O_CREAT | O_TRUNC, 0600);
  CHECK(output >= 0);
  pid_t ended = fork();
  if (ended == 0)
    _exit(42);
  start_orphan();
  pid_t first = start("first", 1), session = start_session();
  compute("root", 7);
  ends(first, 1);
  ends(session, 3);
  ends(ended, 42);
  CHECK(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD);
  while (lines_of(argv[1]) < 5)
    usleep(10000);
  return 7;
}
