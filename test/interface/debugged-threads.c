// A debugger finds of each of the runtime's threads what it reads of a thread
// (libthread_db: all of libc's struct pthread); else it does without threads.
// RUN: %behaviour %s -o %t && %t
#include "behaviour.h"
#include <ctype.h>
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>

static void look_at(pid_t thread, size_t size) {
  struct user_regs_struct registers;
  if (ptrace(PTRACE_SEIZE, thread, 0, 0) != 0)
    SKIP("ptrace is not permitted");
  CHECK_EQUAL(ptrace(PTRACE_INTERRUPT, thread, 0, 0), 0);
  CHECK_EQUAL(waitpid(thread, NULL, __WALL), thread);
  CHECK_EQUAL(ptrace(PTRACE_GETREGS, thread, 0, &registers), 0);
  for (size_t at = 0; at < size; at += sizeof(long)) {
    errno = 0;
    ptrace(PTRACE_PEEKDATA, thread, registers.fs_base + at, 0);
    int failed = errno;
    CHECK_EQUAL(failed, 0);
  }
  CHECK_EQUAL(ptrace(PTRACE_DETACH, thread, 0, 0), 0);
}

static void debug(pid_t program, size_t size) {
  char path[64];
  int count = 0;
  snprintf(path, sizeof path, "/proc/%d/task", program);
  DIR *threads = opendir(path);
  CHECK(threads != NULL);
  for (const struct dirent *entry; (entry = readdir(threads));)
    if (isdigit((unsigned char)*entry->d_name)) {
      look_at((pid_t)atoi(entry->d_name), size);
      count++;
    }
  closedir(threads);
  CHECK(count > 1);
}

int main(void) {
  const unsigned *size = dlsym(RTLD_DEFAULT, "_thread_db_sizeof_pthread");
  int status;
  if (!size)
    SKIP("libc does not say how large a thread's structure is");
  for (int i = 0; i < 5; i++)
    CHECK_EQUAL(__builtin_ckpt_save(), 0);
  prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
  pid_t program = getpid(), debugger = fork();
  CHECK(debugger >= 0);
  if (!debugger) {
    debug(program, *size);
    _exit(0);
  }
  CHECK_EQUAL(waitpid(debugger, &status, 0), debugger);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
    SKIP("ptrace is not permitted");
  CHECK_EQUAL(status, 0);
  return 0;
}
