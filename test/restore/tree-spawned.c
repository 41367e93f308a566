// Children that are started by posix_spawn(), posix_spawnp(), system() and
// popen(), after vfork, and by these again, come back as the rest does: started
// by a program of ours, one that is linked statically, and one of others.
// RUN: %clang -fhwckpt -O1 -D_GNU_SOURCE -Wall -Werror %s -o %t && %python %S/Inputs/tree-killed --at-least 1 --kills 1 %hwckpt %t.out %t
// RUN: %clang -fhwckpt -O1 -D_GNU_SOURCE -Wall -Werror -static %s -o %t && %python %S/Inputs/tree-killed --at-least 1 --kills 1 %hwckpt %t.out %t
// RUN: %clang -O1 -D_GNU_SOURCE -Wall -Werror %s -o %t && %python %S/Inputs/tree-killed --at-least 1 --kills 1 %hwckpt %t.out %t
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <spawn.h>
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
static volatile unsigned bound = 200000000;
static void compute(const char *output, const char *name) {
  unsigned long x = strlen(name);
  int descriptor = open(output, O_WRONLY | O_APPEND | O_CREAT, 0600);
  CHECK(descriptor >= 0);
  for (unsigned i = 0; i < bound; i++)
    x = x * 6364136223846793005UL + 1442695040888963407UL + *name;
  char line[200];
  int length = snprintf(line, sizeof line, "%s %lu\n", name, x);
  CHECK(write(descriptor, line, (size_t)length) == length);
  CHECK(close(descriptor) == 0);
}
static void ends(pid_t child) {
  int status = 0;
  CHECK(waitpid(child, &status, 0) == child && status == 5 << 8);
}
static int run(char *self, char *output) {
  char *arguments[] = {self, output, NULL, NULL};
  char command[8192], text[64] = "";
  posix_spawn_file_actions_t actions;
  pid_t spawned = 0, found = 0;
  CHECK(!getenv("LD_PRELOAD") && (unlink(output) == 0 || errno == ENOENT));
  CHECK(!setenv("PATH", dirname(strdup(self)), 1));
  CHECK(!posix_spawn_file_actions_init(&actions));
  CHECK(!posix_spawn_file_actions_addchdir_np(&actions, "/"));
  arguments[2] = "spawned";
  CHECK(!posix_spawn(&spawned, self, &actions, NULL, arguments, environ));
  arguments[2] = "found";
  CHECK(!posix_spawnp(&found, basename(strdup(self)), NULL, NULL, arguments,
                      environ));
  arguments[2] = "after-vfork";
  pid_t forked = vfork();
  if (!forked) {
    execv(self, arguments);
    _exit(1);
  }
  // Quotes of the command are its own.
  snprintf(command, sizeof command, "%s %s \"it's popen\"; echo \"$0 $?\"",
           self, output);
  FILE *stream = popen(command, "r");
  CHECK(stream && fileno(stream) > 2);
  snprintf(command, sizeof command, "%s %s system; exit $?", self, output);
  CHECK(system(command) == 5 << 8);
  CHECK(fgets(text, sizeof text, stream) && !strcmp(text, "sh 5\n"));
  CHECK(pclose(stream) == 0);
  ends(spawned);
  ends(found);
  ends(forked);
  CHECK(system(NULL) == 1 && system("exit 3") == 3 << 8);
  CHECK(posix_spawn(&found, "/nowhere", NULL, NULL, arguments, environ) ==
        ENOENT);
  CHECK(posix_spawnp(&found, "no-such-program", NULL, NULL, arguments,
                     environ) == ENOENT);
  return 7;
}
int main(int argc, char **argv) {
  char self[4096] = "";
  CHECK(argc > 1 && readlink("/proc/self/exe", self, sizeof self - 1) > 0);
  if (argc == 2)
    return run(self, argv[1]);
  compute(argv[1], argv[2]);
  return 5;
}
