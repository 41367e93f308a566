// Programs that a program starts, by system(), posix_spawn() and popen(), run
// as ever while checkpoints are taken; and so does the one it becomes.
// RUN: %behaviour %s -o %t && %hwckpt run --every 2ms -- %t | FileCheck %s
// CHECK: became another, status of its own
#include "behaviour.h"
#include <spawn.h>
#include <sys/wait.h>
extern char **environ;
int main(void) {
  unsetenv("HWCKPT_OPTIONS");
  for (int i = 0; i < 15; i++) {
    int status;
    CHECK_EQUAL(system("exit 3"), 3 << 8);
    pid_t pid;
    char *arguments[] = {"sh", "-c", "kill -TERM $$", NULL};
    CHECK_EQUAL(posix_spawnp(&pid, "sh", NULL, NULL, arguments, environ), 0);
    CHECK_EQUAL(waitpid(pid, &status, 0), pid);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
    char text[20] = "";
    FILE *pipe = popen("echo said", "r");
    CHECK(pipe && fgets(text, sizeof text, pipe) &&
          strcmp(text, "said\n") == 0);
    CHECK_EQUAL(pclose(pipe), 0);
  }
  execlp("sh", "sh", "-c", "echo became another, status of its own", NULL);
  return 1;
}
