// The filter that catches the system call is installed once: not again for a
// result of -ENOSYS, as in a child, nor after a rollback; a restored program
// installs it anew. A program that is executed behind it is served as well. An
// ordinary user has no_new_privs by it, nobody else; where it is refused, the
// instruction does the work.
// RUN: %behaviour -fhwckpt-hook=syscall %s -o %t && rm -f %t.once && %t child %t.once
// RUN: %restored -- %t restored
// RUN: %t executes && %hwckpt run --name executes -- %t executes && %hwckpt run --name runs -- %t runs %python %S/Inputs/hooks_ctypes.py saves | FileCheck %s
// CHECK: {{^}}caught 0
// RUN: HWCKPT_OPTIONS=hook=auto %t executes
// RUN: test $(id -u) != 0 || %t rights 0
// RUN: test $(id -u) != 0 || bash %S/../tools/Inputs/as-nobody %t rights 1 || test $? = 77
// RUN: %clang -O2 -DCALL=SYS_seccomp %S/../Inputs/without-call.c -o %t.without && %t.without %t refused
#include "behaviour.h"
#include <sys/wait.h>

/* What a line of the own status says. */
static long own(const char *name) {
  char line[256];
  size_t length = strlen(name);
  FILE *file = fopen("/proc/self/status", "re");
  CHECK(file);
  while (fgets(line, sizeof line, file))
    if (!strncmp(line, name, length)) {
      CHECK_EQUAL(fclose(file), 0);
      return strtol(line + length, NULL, 10);
    }
  SKIP("a kernel that does not count filters (before Linux 5.9)");
}

static long filters(void) { return own("Seccomp_filters:"); }

static void in_child(void) {
  long before = filters();
  pid_t child = fork();
  if (!child) {
    for (int i = 0; i < 20; i++)
      CHECK_EQUAL(__builtin_ckpt_save(), -ENOSYS);
    CHECK_EQUAL(filters(), before);
    _exit(0);
  }
  int status;
  CHECK(waitpid(child, &status, 0) == child);
  CHECK_EQUAL(status, 0);
}

static void executes(char **argv) {
  CHECK(__builtin_ckpt_save() >= 0);
  long times = argv[2] ? strtol(argv[2], NULL, 10) : 0;
  if (times < 3) {
    char next[] = {(char)('1' + times), 0};
    execl(argv[0], argv[0], argv[1], next, (char *)0);
    CHECK(!"executed");
  }
}

int main(int argc, char **argv) {
  CHECK(argc >= 2);
  const char *mode = argv[1];
  long before = filters();
  if (!strcmp(mode, "executes")) {
    executes(argv);
    return 0;
  }
  CHECK(__builtin_ckpt_save() >= 0);
  if (!strcmp(mode, "refused")) {
    CHECK(__builtin_ckpt_save() >= 0);
    CHECK_EQUAL(filters(), before);
    return 0;
  }
  CHECK_EQUAL(filters(), before + 1);
  if (!strcmp(mode, "child")) {
    in_child();
    CHECK(__builtin_ckpt_save() >= 0);
    if (first_time(argv[2]))
      roll_back();
    CHECK(__builtin_ckpt_save() >= 0);
    in_child();
    CHECK_EQUAL(filters(), before + 1);
  } else if (!strcmp(mode, "restored")) {
    die_and_come_back();
    CHECK_EQUAL(filters(), before);
    CHECK_EQUAL(__builtin_ckpt_save(), 0);
    CHECK_EQUAL(__builtin_ckpt_save(), 0);
    CHECK_EQUAL(filters(), before + 1);
  } else if (!strcmp(mode, "rights")) {
    CHECK_EQUAL(own("NoNewPrivs:"), strtol(argv[2], NULL, 10));
  } else if (!strcmp(mode, "runs")) {
    execvp(argv[2], argv + 2);
    CHECK(!"executed");
  }
  return 0;
}
