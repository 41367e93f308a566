/* kill-member PID NUMBER COMMAND... - runs the command, and kills that one of
 * the processes that it starts before its NUMBER-th system call. Ends with the
 * command's status, or with 3 where the process came to the call getpgrp, or
 * ended, before that; then nothing was killed. All that the command has started
 * has ended when it ends; what does not within 10 s ends it by SIGALRM. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define OPTIONS                                                                \
  (PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL | PTRACE_O_TRACECLONE |           \
   PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACEEXEC)

static pid_t victim;
static unsigned long wanted, calls;
static int killed, marked;

/* At a stop of the victim. */
static void count(int signal) {
  struct __ptrace_syscall_info info;
  if (signal != (SIGTRAP | 0x80) || killed || marked ||
      ptrace(PTRACE_GET_SYSCALL_INFO, victim, sizeof info, &info) <= 0 ||
      info.op != PTRACE_SYSCALL_INFO_ENTRY)
    return;
  marked = info.entry.nr == SYS_getpgrp;
  if (marked || ++calls < wanted)
    return;
  killed = 1;
  fprintf(stderr, "killed before call %lu, number %llu\n", calls,
          (unsigned long long)info.entry.nr);
  kill(victim, SIGKILL);
}

static void go_on(pid_t thread, int status) {
  int signal = WSTOPSIG(status), event = status >> 16;
  if (event == PTRACE_EVENT_STOP && (signal == SIGSTOP || signal == SIGTSTP ||
                                     signal == SIGTTIN || signal == SIGTTOU)) {
    ptrace(PTRACE_LISTEN, thread, 0, 0);
    return;
  }
  if (thread == victim)
    count(signal);
  if (event || signal == (SIGTRAP | 0x80))
    signal = 0;
  ptrace(thread == victim && !marked ? PTRACE_SYSCALL : PTRACE_CONT, thread, 0,
         signal);
}

int main(int argc, char **argv) {
  int status, end = -1;
  pid_t thread;
  if (argc < 4)
    return 2;
  victim = atoi(argv[1]);
  wanted = strtoul(argv[2], NULL, 10);
  prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  pid_t first = fork();
  if (first == 0) {
    raise(SIGSTOP);
    execv(argv[3], argv + 3);
    _exit(127);
  }
  if (waitpid(first, &status, WUNTRACED) != first ||
      ptrace(PTRACE_SEIZE, first, 0, OPTIONS))
    return 1;
  kill(first, SIGCONT);
  while (end < 0 && (thread = waitpid(-1, &status, __WALL)) > 0)
    if (WIFSTOPPED(status))
      go_on(thread, status);
    else if (thread == first)
      end = status;
  alarm(10);
  while ((thread = waitpid(-1, &status, __WALL)) > 0)
    if (WIFSTOPPED(status))
      go_on(thread, status);
  if (!killed)
    return 3;
  return WIFEXITED(end) ? WEXITSTATUS(end) : 128 + WTERMSIG(end);
}
