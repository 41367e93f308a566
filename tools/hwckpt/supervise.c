/* supervise.c - standing between the shell and a program. */
#include "supervise.h"
#include "command.h"
#include "group_witness.h"
#include "proc_stat.h"
#include "tree.h"
#include "tree_stopped.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Of our session, if we are in front of it. */
static int own_terminal(void) {
  int terminal = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (terminal < 0 || tcgetpgrp(terminal) == getpgrp())
    return terminal;
  close(terminal);
  return -1;
}

int supervise_begin(struct supervisor *supervisor) {
  /* What the processor raises is a fault of ours, not a message. */
  static const int faults[] = {SIGSEGV, SIGBUS,  SIGFPE,
                               SIGILL,  SIGTRAP, SIGSYS};
  sigset_t taken;
  sigfillset(&taken);
  for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
    sigdelset(&taken, faults[i]);
  /* An inherited SIG_IGN would have the kernel reap the program unseen. */
  struct sigaction standard = {.sa_handler = SIG_DFL};
  if (sigaction(SIGCHLD, &standard, &supervisor->child_action) ||
      sigprocmask(SIG_BLOCK, &taken, &supervisor->original))
    return -errno;
  supervisor->asked = 0;
  supervisor->terminal = own_terminal();
  supervisor->signals = signalfd(-1, &taken, SFD_CLOEXEC | SFD_NONBLOCK);
  return supervisor->signals < 0 ? -errno : 0;
}

static void as_found(const struct supervisor *supervisor) {
  sigaction(SIGCHLD, &supervisor->child_action, NULL);
  sigprocmask(SIG_SETMASK, &supervisor->original, NULL);
}

void supervise_leave_life(const int life[2]) {
  dup3(life[0], life[1], O_CLOEXEC);
}

bool supervise_release(const struct supervisor *supervisor, int life) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  /* Who died before that call sends no signal: look, now that it is made. */
  struct pollfd tool = {.fd = life};
  if (poll(&tool, 1, 0) > 0)
    return false;
  as_found(supervisor);
  return true;
}

/* All signals are blocked, so that SIGTTOU does not stop us. */
void supervise_put_in_front(const struct supervisor *supervisor, pid_t group) {
  if (supervisor->terminal >= 0)
    tcsetpgrp(supervisor->terminal, group);
}

/* A program that died did not give back the terminal that it took. */
static void take_terminal_back(const struct supervisor *supervisor) {
  pid_t front =
      supervisor->terminal >= 0 ? tcgetpgrp(supervisor->terminal) : -1;
  if (front > 0 && front != getpgrp() && kill(-front, 0) && errno == ESRCH)
    tcsetpgrp(supervisor->terminal, getpgrp());
}

static void send_signal(const struct supervised *program, int number,
                        siginfo_t *info) {
  if (program->pidfd >= 0) {
    if (syscall(SYS_pidfd_send_signal, program->pidfd, number, info, 0) &&
        info && errno != ESRCH)
      syscall(SYS_pidfd_send_signal, program->pidfd, number, NULL, 0);
  } else if (!info ||
             (syscall(SYS_rt_sigqueueinfo, program->pid, number, info) &&
              errno != ESRCH))
    kill(program->pid, number);
}

static bool is_stopped(const struct supervised *program) {
  struct proc_stat stat;
  return proc_stat(program->pid, &stat) && stat.state == 'T';
}

/* Whether a signal is ours to pass on. What the terminal, or a shell, sends to
 * the whole group, the program has already, if it is in that; what the program
 * or a child of it sent to its group is not meant for itself a second time. */
static bool is_ours(const struct supervised *program,
                    const struct signalfd_siginfo *info) {
  bool to_group = group_witness_got((int)info->ssi_signo);
  if (info->ssi_code == SI_KERNEL || info->ssi_code > 0 ||
      (to_group && getpgid(program->pid) == getpgrp()))
    return false;
  return !proc_descends((pid_t)info->ssi_pid, program->pid);
}

static uint64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_BOOTTIME, &now);
  return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* From the terminal or from whoever runs us, not from the program itself. */
static void note_end(struct supervisor *supervisor,
                     const struct supervised *program,
                     const struct signalfd_siginfo *info) {
  int number = (int)info->ssi_signo;
  if ((number != SIGINT && number != SIGTERM && number != SIGHUP &&
       number != SIGQUIT) ||
      (program && info->ssi_pid &&
       proc_descends((pid_t)info->ssi_pid, program->pid)))
    return;
  supervisor->asked = number;
  supervisor->asked_ns = now_ns();
  supervisor->asked_by = (pid_t)info->ssi_pid;
}

/* Once it has ended nothing is passed on: its id may be another's. */
static void take_signals(struct supervisor *supervisor,
                         const struct supervised *program, bool ended) {
  struct signalfd_siginfo info;
  while (read(supervisor->signals, &info, sizeof info) == sizeof info) {
    int number = (int)info.ssi_signo;
    note_end(supervisor, program, &info);
    if (number == SIGCHLD || number == SIGPIPE || !is_ours(program, &info) ||
        ended)
      continue;
    if (number == SIGCONT && !is_stopped(program))
      continue;
    /* Only queued signals carry a value that would be lost by kill(). */
    siginfo_t queued = {.si_signo = number, .si_code = SI_QUEUE};
    queued.si_pid = getpid();
    queued.si_uid = getuid();
    queued.si_value.sival_ptr = (void *)(uintptr_t)info.ssi_ptr;
    send_signal(program, number, info.ssi_code == SI_QUEUE ? &queued : NULL);
  }
}

/* The program was stopped from the terminal: so that the shell sees the job
 * stopped, the tool stops too, and when it is continued so is the program. A
 * plain SIGSTOP is between its sender and the program: one who throttles it by
 * SIGSTOP and SIGCONT would never wake us. */
static void stop_likewise(const struct supervised *program, int number) {
  if (number != SIGTSTP && number != SIGTTIN && number != SIGTTOU)
    return;
  struct sigaction standard = {.sa_handler = SIG_DFL}, before;
  sigset_t one;
  sigemptyset(&one);
  sigaddset(&one, number);
  sigaction(number, &standard, &before);
  raise(number);
  sigprocmask(SIG_UNBLOCK, &one, NULL); /* stops here */
  sigprocmask(SIG_BLOCK, &one, NULL);
  sigaction(number, &before, NULL);
  if (is_stopped(program))
    send_signal(program, SIGCONT, NULL);
}

/* Looks at the program's state; true when it ended. */
static bool look(const struct supervised *program, int *status) {
  for (;;) {
    struct init_report report = {0};
    if (program->reports >= 0) {
      ssize_t length =
          recv(program->reports, &report, sizeof report, MSG_DONTWAIT);
      if (length < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
      if (length !=
          sizeof report) /* killed, and all in the namespace with it */
        report = (struct init_report){.status = SIGKILL};
    } else {
      if (!tree_stopped_may_wait())
        return false;
      pid_t pid = waitpid(program->pid, &report.status, WNOHANG | WUNTRACED);
      int number = errno;
      tree_stopped_has_waited();
      errno = number;
      if (!pid || (pid < 0 && errno == EINTR))
        return false;
      if (pid < 0)
        report.status = SIGKILL;
    }
    if (WIFSTOPPED(report.status)) {
      stop_likewise(program, WSTOPSIG(report.status));
      continue;
    }
    *status = report.status;
    if (program->init && !report.others)
      waitpid(program->init, NULL, 0);
    return true;
  }
}

int supervise(struct supervisor *supervisor, struct supervised *program,
              struct supervise_also *also, unsigned count) {
  struct pollfd watched[2 + SUPERVISE_ALSO_MAX] = {
      {.fd = supervisor->signals, .events = POLLIN},
      {.fd = program->reports, .events = POLLIN},
  };
  int status = 0;
  while (!look(program, &status)) {
    for (unsigned i = 0; i < count; i++)
      watched[2 + i] = (struct pollfd){.fd = also[i].fd, .events = POLLIN};
    if (poll(watched, 2 + count, -1) < 0 && errno != EINTR)
      break;
    take_signals(supervisor, program, false);
    tree_reap();
    for (unsigned i = 0; i < count; i++)
      if (watched[2 + i].revents && also[i].fd >= 0 &&
          !also[i].ready(also[i].fd, also[i].context))
        also[i].fd = -1;
  }
  /* By one that came since, somebody may have wanted its end. */
  take_signals(supervisor, program, true);
  /* What they wrote before it ended. */
  for (unsigned i = 0; i < count; i++) {
    struct pollfd left = {.fd = also[i].fd, .events = POLLIN};
    while (left.fd >= 0 && poll(&left, 1, 0) > 0 &&
           also[i].ready(also[i].fd, also[i].context))
      ;
  }
  take_terminal_back(supervisor);
  return status;
}

bool supervise_asked_to_end(const struct supervisor *supervisor,
                            uint64_t within_ns) {
  return supervisor->asked && now_ns() - supervisor->asked_ns < within_ns;
}

bool supervise_pause(struct supervisor *supervisor, uint64_t ns) {
  struct pollfd watched = {.fd = supervisor->signals, .events = POLLIN};
  struct signalfd_siginfo info;
  supervisor->asked = 0;
  for (uint64_t end = now_ns() + ns, now; (now = now_ns()) < end;) {
    poll(&watched, 1, (int)((end - now + 999999) / 1000000));
    while (read(supervisor->signals, &info, sizeof info) == sizeof info)
      note_end(supervisor, NULL, &info);
    if (supervisor->asked)
      return false;
  }
  return true;
}

void supervise_give_back(const struct supervisor *supervisor) {
  group_witness_end();
  as_found(supervisor);
}

_Noreturn void supervise_end_likewise(int status) {
  group_witness_end();
  if (!WIFSIGNALED(status))
    exit(WEXITSTATUS(status));
  int number = WTERMSIG(status);
  /* The program left the core, if any; one of the tool would overwrite it.
   * RLIMIT_CORE does not bind a core_pattern that is a pipe, dumpable does. */
  struct rlimit none = {0, 0};
  setrlimit(RLIMIT_CORE, &none);
  prctl(PR_SET_DUMPABLE, 0);
  struct sigaction standard = {.sa_handler = SIG_DFL};
  sigset_t one;
  sigemptyset(&one);
  sigaddset(&one, number);
  sigaction(number, &standard, NULL);
  kill(getpid(), number);
  sigprocmask(SIG_UNBLOCK, &one, NULL);
  _exit(128 + number); /* we are the init of a namespace, which cannot die so */
}
