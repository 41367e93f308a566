// A file of memfd_create() can be executed after a restore as before, by the
// descriptor that can write to it.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t
#include "behaviour.h"
#include <sys/mman.h>
#include <sys/wait.h>
static int ends_with(int program) {
  char *arguments[] = {"true", NULL}, *none[] = {NULL};
  int status = -1;
  pid_t child = fork();
  if (child == 0) {
    syscall(SYS_execveat, program, "", arguments, none, AT_EMPTY_PATH);
    _exit(errno);
  }
  CHECK(child > 0 && waitpid(child, &status, 0) == child);
  return status;
}
int main(void) {
  char text[16];
  int program = memfd_create("program", 0);
  CHECK(program >= 0 && write(program, "#!/bin/true", 11) == 11);
  CHECK(fcntl(program, F_SETFL, O_APPEND) == 0);
  CHECK_EQUAL(ends_with(program), 0);
  die_and_come_back();
  CHECK_EQUAL(ends_with(program), 0);
  CHECK(lseek(program, 0, SEEK_CUR) == 11);
  CHECK(fcntl(program, F_GETFL) & O_APPEND);
  CHECK(pread(program, text, sizeof text, 0) == 11 && !memcmp(text, "#!", 2));
  return 0;
}
