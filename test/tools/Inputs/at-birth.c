/* at-birth N UP COMMAND... - runs the command, which is killed in the moment in
 * which it has made its Nth process; that runs on from its first instruction
 * when the command is gone. Exit status 0: soon nobody was left; 77: the file
 * UP was there before so many processes were; 1: somebody lives on. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PATIENCE_MS = 10000 };

static void check(int good, const char *what) {
  if (good)
    return;
  fprintf(stderr, "at-birth: %s: %s\n", what, strerror(errno));
  exit(2);
}

static void moment(void) {
  nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

static int is_process(pid_t id) {
  char path[64], line[256];
  int group = 0;
  snprintf(path, sizeof path, "/proc/%d/status", id);
  FILE *file = fopen(path, "r");
  while (file && fgets(line, sizeof line, file))
    if (sscanf(line, "Tgid: %d", &group) == 1)
      break;
  if (file)
    fclose(file);
  return group == id;
}

/* The process that the command has just made, which stands still; 0: none. */
static pid_t born(pid_t command, int status) {
  unsigned long made = 0;
  int event = status >> 16;
  if ((event != PTRACE_EVENT_FORK && event != PTRACE_EVENT_VFORK &&
       event != PTRACE_EVENT_CLONE) ||
      ptrace(PTRACE_GETEVENTMSG, command, NULL, &made) ||
      !is_process((pid_t)made))
    return 0;
  return (pid_t)made;
}

/* Whoever it is goes on; a new process or thread without being traced. */
static void go_on(pid_t command, pid_t id, int status) {
  int event = status >> 16, signal = WSTOPSIG(status);
  if (event || signal == SIGTRAP)
    signal = 0;
  if (id == command)
    ptrace(PTRACE_CONT, id, NULL, (long)signal);
  else
    ptrace(PTRACE_DETACH, id, NULL, NULL);
}

static int nobody_is_left(void) {
  for (int waited = 0; waited < PATIENCE_MS; waited++) {
    int status;
    pid_t id;
    while ((id = waitpid(-1, &status, WNOHANG | __WALL)) > 0)
      if (WIFSTOPPED(status))
        ptrace(PTRACE_DETACH, id, NULL, NULL);
    if (id < 0 && errno == ECHILD)
      return 1;
    moment();
  }
  return 0;
}

/* Whoever the command left is a child of this process by now. */
static void kill_who_is_left(void) {
  char path[64], text[4096] = "";
  snprintf(path, sizeof path, "/proc/%d/task/%d/children", getpid(), getpid());
  FILE *file = fopen(path, "r");
  if (file && fgets(text, sizeof text, file))
    fprintf(stderr, "at-birth: left: %s\n", text);
  if (file)
    fclose(file);
  for (char *word = strtok(text, " "); word; word = strtok(NULL, " "))
    kill(atoi(word), SIGKILL);
}

int main(int argc, char **argv) {
  check(argc > 3, "too few arguments");
  unsigned wanted = (unsigned)atoi(argv[1]);
  check(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0, "subreaper");
  pid_t command = fork(), held = 0;
  check(command >= 0, "fork");
  if (command == 0) {
    ptrace(PTRACE_TRACEME, 0, NULL, NULL);
    raise(SIGSTOP);
    execvp(argv[3], argv + 3);
    _exit(127);
  }
  int status;
  check(waitpid(command, &status, 0) == command && WIFSTOPPED(status),
        "its first stop");
  check(ptrace(PTRACE_SETOPTIONS, command, NULL,
               PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
                   PTRACE_O_TRACECLONE) == 0,
        "PTRACE_SETOPTIONS");
  ptrace(PTRACE_CONT, command, NULL, NULL);
  while (!held && access(argv[2], F_OK)) {
    pid_t id = waitpid(-1, &status, WNOHANG | __WALL);
    check(id >= 0, "waitpid");
    if (id == 0) {
      moment();
    } else if (id == command && !WIFSTOPPED(status)) {
      fprintf(stderr, "at-birth: the command ended by itself, %#x\n",
              (unsigned)status);
      return 2;
    } else if (id == command && born(command, status) && --wanted == 0) {
      held = born(command, status);
    } else if (WIFSTOPPED(status)) {
      go_on(command, id, status);
    }
  }
  kill(command, SIGKILL);
  do
    check(waitpid(command, &status, __WALL) == command, "its end");
  while (WIFSTOPPED(status));
  if (held) {
    check(waitpid(held, &status, __WALL) == held, "the process that was made");
    if (WIFSTOPPED(status))
      ptrace(PTRACE_DETACH, held, NULL, NULL);
  }
  if (nobody_is_left())
    return held ? 0 : 77;
  kill_who_is_left();
  return 1;
}
