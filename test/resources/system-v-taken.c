// A program is not restored while others have the System V shared memory
// attached that it had; but in a namespace of its own it is, and when they are
// gone.
// RUN: %behaviour %s -o %t && rm -f %t.id
// RUN: (! %hwckpt run -- %t %t.id)
// RUN: (! %t %t.id %hwckpt restore 2>%t.err) && FileCheck %s <%t.err
// CHECK: HWCKPT-E221: System V object of the program cannot be had again: System V shared memory {{[0-9]+}}: there is another by that id or key, or it is attached
// RUN: %t %t.id %hwckpt restore --pid=namespace
// RUN: %hwckpt restore
#include "behaviour.h"
#include <sys/shm.h>
#include <sys/wait.h>
/* Has it attached meanwhile. */
static int run_beside(FILE *file, char **command) {
  int id, status;
  CHECK(fscanf(file, "%d", &id) == 1);
  CHECK(shmat(id, 0, 0) != (void *)-1);
  pid_t child = fork();
  if (!child)
    _exit(execv(command[0], command));
  CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status));
  return WEXITSTATUS(status);
}
int main(int argc, char **argv) {
  if (argc > 2)
    return run_beside(fopen(argv[1], "r"), argv + 2);
  int id = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);
  char *content = shmat(id, 0, 0);
  CHECK(id >= 0 && content != (void *)-1);
  strcpy(content, "content");
  int fd = open(argv[1], O_WRONLY | O_CREAT | O_TRUNC, 0600);
  CHECK(dprintf(fd, "%d\n", id) > 0 && close(fd) == 0);
  die_and_come_back();
  CHECK(strcmp(content, "content") == 0);
  CHECK(shmctl(id, IPC_RMID, 0) == 0);
  return 0;
}
