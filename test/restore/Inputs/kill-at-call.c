/* kill-at-call NUMBER [--from-mark] COMMAND... - runs the command, and kills it
 * and all that it started before the NUMBER-th system call that changes files:
 * counted from its start, or from where one of them makes the call getpgrp.
 * Ends with 0 when it was killed, prints before which call; with 3 when all
 * ended before that, prints how many calls there were, and what the command's
 * status was. What it killed has ended when it ends. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>
#include <elf.h>

#define OPTIONS                                                                \
  (PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL | PTRACE_O_TRACECLONE |           \
   PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACEEXEC)

static const struct {
  unsigned long number;
  const char *name;
} changing[] = {
    {SYS_renameat, "renameat"},   {SYS_renameat2, "renameat2"},
    {SYS_rename, "rename"},       {SYS_unlinkat, "unlinkat"},
    {SYS_unlink, "unlink"},       {SYS_linkat, "linkat"},
    {SYS_symlinkat, "symlinkat"}, {SYS_mkdirat, "mkdirat"},
    {SYS_pwrite64, "pwrite64"},   {SYS_pwritev, "pwritev"},
    {SYS_ftruncate, "ftruncate"}, {SYS_fchmod, "fchmod"},
    {SYS_fchmodat, "fchmodat"},   {SYS_utimensat, "utimensat"},
    {SYS_getpgrp, "getpgrp"},
};

static const char *name_of(unsigned long number, unsigned long flags) {
  if (number == SYS_openat && flags & (O_CREAT | O_TRUNC))
    return "openat";
  for (size_t i = 0; i < sizeof changing / sizeof *changing; i++)
    if (changing[i].number == number)
      return changing[i].name;
  return NULL;
}

static void die(const char *what) {
  perror(what);
  exit(1);
}

/* At the entry of a call: which; null: none that is looked at. */
static const char *entered(pid_t thread) {
  struct __ptrace_syscall_info info;
  if (ptrace(PTRACE_GET_SYSCALL_INFO, thread, sizeof info, &info) <= 0 ||
      info.op != PTRACE_SYSCALL_INFO_ENTRY)
    return NULL;
  return name_of(info.entry.nr, info.entry.args[2]);
}

static pid_t start(char **command) {
  pid_t child = fork();
  if (child)
    return child;
  raise(SIGSTOP);
  execv(command[0], command);
  die(command[0]);
  return -1;
}

static int trace(char **argv) {
  unsigned long wanted = strtoul(argv[1], NULL, 10), count = 0;
  int marked = strcmp(argv[2], "--from-mark") == 0;
  int counting = !marked, status, end = 0;
  pid_t first = start(argv + 2 + marked);
  if (waitpid(first, &status, WUNTRACED) != first ||
      ptrace(PTRACE_SEIZE, first, 0, OPTIONS))
    die("ptrace");
  kill(first, SIGCONT);
  for (pid_t thread; (thread = waitpid(-1, &status, __WALL)) > 0;) {
    if (!WIFSTOPPED(status)) {
      if (thread == first)
        end = status;
      continue;
    }
    int signal = WSTOPSIG(status), event = status >> 16;
    const char *call = signal == (SIGTRAP | 0x80) ? entered(thread) : NULL;
    if (call && strcmp(call, "getpgrp") == 0)
      counting |= marked;
    else if (call && counting && ++count == wanted) {
      printf("killed before call %lu, %s\n", count, call);
      return 0;
    }
    if (event == PTRACE_EVENT_STOP &&
        (signal == SIGSTOP || signal == SIGTSTP || signal == SIGTTIN ||
         signal == SIGTTOU)) {
      ptrace(PTRACE_LISTEN, thread, 0, 0);
      continue;
    }
    if (event || signal == (SIGTRAP | 0x80))
      signal = 0;
    ptrace(PTRACE_SYSCALL, thread, 0, signal);
  }
  printf("%lu calls, status %d\n", count,
         WIFEXITED(end) ? WEXITSTATUS(end) : 128 + WTERMSIG(end));
  return 3;
}

/* The kernel kills what the tracer traced when that ends. */
int main(int argc, char **argv) {
  int status;
  if (argc < 3)
    return 2;
  if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0))
    die("prctl");
  pid_t tracer = fork();
  if (tracer == 0)
    exit(trace(argv));
  if (tracer < 0 || waitpid(tracer, &status, 0) != tracer)
    die("waitpid");
  while (waitpid(-1, NULL, __WALL) > 0 || errno == EINTR)
    ;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
