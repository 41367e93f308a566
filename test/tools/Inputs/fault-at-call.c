/* fault-at-call NAME NUMBER COMMAND... - runs the command; the first process of
 * it that executes a program of that name faults (SIGSEGV) behind the NUMBER-th
 * system call that it makes from then on. Prints, by the number of the call,
 * where it first had the kernel write no core of it (PR_SET_DUMPABLE 0), where
 * it had it write one again, 0 for never, and then "core" or "no core" for what
 * the kernel did at the fault; or "ended" and how many calls there were. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#define OPTIONS                                                                \
  (PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL | PTRACE_O_TRACECLONE |           \
   PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACEEXEC)

static struct {
  pid_t pid; /* 0: it has not begun yet */
  unsigned long calls, none, again;
} seen;

static void die(const char *what) {
  perror(what);
  exit(1);
}

static int is_named(pid_t pid, const char *name) {
  char path[32], comm[32] = "";
  snprintf(path, sizeof path, "/proc/%d/comm", pid);
  FILE *file = fopen(path, "re");
  if (!file || !fgets(comm, sizeof comm, file))
    die(path);
  fclose(file);
  comm[strcspn(comm, "\n")] = 0;
  return !strcmp(comm, name);
}

/* The call is made, and comes back to where there is no code. */
static void fault(pid_t thread) {
  struct user_regs_struct registers;
  if (ptrace(PTRACE_GETREGS, thread, 0, &registers))
    die("registers");
  registers.rip = 0;
  if (ptrace(PTRACE_SETREGS, thread, 0, &registers))
    die("registers");
}

static void look_at_call(pid_t thread, unsigned long wanted) {
  struct __ptrace_syscall_info info;
  if (ptrace(PTRACE_GET_SYSCALL_INFO, thread, sizeof info, &info) <= 0 ||
      info.op != PTRACE_SYSCALL_INFO_ENTRY)
    return;
  seen.calls++;
  if (info.entry.nr == SYS_prctl && info.entry.args[0] == PR_SET_DUMPABLE) {
    if (!info.entry.args[1] && !seen.none)
      seen.none = seen.calls;
    else if (info.entry.args[1] && !seen.again)
      seen.again = seen.calls;
  }
  if (seen.calls == wanted)
    fault(thread);
}

int main(int argc, char **argv) {
  int status;
  if (argc < 4)
    return 2;
  unsigned long wanted = strtoul(argv[2], NULL, 10);
  pid_t first = fork();
  if (!first) {
    raise(SIGSTOP);
    execv(argv[3], argv + 3);
    die(argv[3]);
  }
  if (waitpid(first, &status, WUNTRACED) != first ||
      ptrace(PTRACE_SEIZE, first, 0, OPTIONS))
    die("ptrace");
  kill(first, SIGCONT);
  for (pid_t thread; (thread = waitpid(-1, &status, __WALL)) > 0;) {
    if (!WIFSTOPPED(status)) {
      if (thread == seen.pid)
        break;
      continue;
    }
    int signal = WSTOPSIG(status), event = status >> 16;
    if (event == PTRACE_EVENT_EXEC && !seen.pid && is_named(thread, argv[1]))
      seen.pid = thread;
    else if (signal == (SIGTRAP | 0x80) && thread == seen.pid)
      look_at_call(thread, wanted);
    if (event || signal == (SIGTRAP | 0x80))
      signal = 0;
    ptrace(thread == seen.pid ? PTRACE_SYSCALL : PTRACE_CONT, thread, 0, signal);
  }
  printf("%lu %lu ", seen.none, seen.again);
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV)
    puts(WCOREDUMP(status) ? "core" : "no core");
  else
    printf("ended %lu\n", seen.calls);
  return 0;
}
