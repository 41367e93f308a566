// A program that has entered a namespace of its own, or made segments, is
// refused by name, and goes on; so is what it executes there, in its place or
// as a child, and what that executes.
// RUN: %behaviour %s -o %t && %hwckpt run -- %t segment 2>&1 | FileCheck %s
// RUN: bash %S/../tools/Inputs/as-nobody %hwckpt run -- %t segment 2>&1 | \
// RUN:   FileCheck %s
// CHECK: HWCKPT-E208: {{.*}}: modify_ldt: segments of the program's own
// CHECK: goes on
// RUN: %hwckpt run -- %t 2>&1 | FileCheck --check-prefix=ENTERS %s
// ENTERS: HWCKPT-E208: {{.*}}: uts: the program has entered a namespace
// ENTERS: goes on
// RUN: %hwckpt run -- %t executes 2>&1 | FileCheck --check-prefix=EXECUTED %s
// RUN: %hwckpt run -- %t forks 2>&1 | FileCheck --check-prefix=EXECUTED %s
// EXECUTED-DAG: HWCKPT-E208: {{.*}}: uts: a namespace of this kind was
// EXECUTED-DAG: goes on
// RUN: %hwckpt run -o on_unsupported=warn -- %t warned 2>&1 | \
// RUN:   FileCheck --check-prefix=WARNED %s
// WARNED-DAG: warning: HWCKPT-E205: {{.*}}: uts: a namespace
// WARNED-DAG: goes on
#include "behaviour.h"
#include <asm/ldt.h>
#include <sys/wait.h>

static _Noreturn void execute(const char *what) {
  execl("/proc/self/exe", "again", what, NULL);
  _exit(1);
}

/* Enters a namespace and executes what executes what asks for a checkpoint: in
 * its place, or as a child. */
static int enter(const char *how) {
  int status;
  CHECK_EQUAL(came_back(), 0);
  pid_t child = strcmp(how, "forks") ? 0 : fork();
  if (child) {
    CHECK_EQUAL(waitpid(child, &status, 0), child);
    return WEXITSTATUS(status);
  }
  if (unshare(CLONE_NEWUTS) != 0)
    SKIP("no namespaces");
  execute(strcmp(how, "warned") ? "again" : "asks");
}

int main(int argc, char **argv) {
  if (argc == 2 && !strcmp(argv[1], "again"))
    execute("asked");
  if (argc == 2 && !strncmp(argv[1], "ask", 3)) {
    int wanted = argv[1][3] == 's' ? 0 : -ENOTSUP;
    CHECK_EQUAL(__builtin_ckpt_save(), wanted);
    dprintf(2, "goes on\n");
    return 0;
  }
  if (argc == 2 && strcmp(argv[1], "segment"))
    return enter(argv[1]);
  struct user_desc segment = {.limit = 1, .limit_in_pages = 1};
  CHECK_EQUAL(came_back(), 0);
  if (argc == 2 && syscall(SYS_modify_ldt, 1, &segment, sizeof segment) != 0)
    SKIP("no segments");
  if (argc == 1 && unshare(CLONE_NEWUTS) != 0)
    SKIP("no namespaces");
  CHECK_EQUAL(__builtin_ckpt_save(), -ENOTSUP);
  dprintf(2, "goes on\n");
  return 0;
}
