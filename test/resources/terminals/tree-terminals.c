// A pseudo terminal whose master one process has, while it controls the session
// of another: the session, the process group in front, who waits to read, what
// is on its way, what Ctrl-C and a new size of the window do.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t
#include "behaviour.h"
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
static int master, slave, ready[2];
static pid_t shell;
static volatile sig_atomic_t sizes;
static void tell(int fd, const char *text) {
  CHECK_EQUAL(write(fd, text, strlen(text)), strlen(text));
}
static void hear(int fd, const char *text) {
  char got[256] = "";
  size_t length = 0;
  while (length < strlen(text)) {
    ssize_t more = read(fd, got + length, strlen(text) - length);
    CHECK(more > 0);
    length += (size_t)more;
  }
  CHECK(strcmp(got, text) == 0);
}
static void resized(int number) {
  (void)number;
  sizes++;
}
/* In front: reads lines. */
static _Noreturn void be_job(void) {
  struct winsize window;
  signal(SIGWINCH, resized);
  signal(SIGINT, SIG_DFL);
  tell(ready[1], "j");
  hear(0, "early\n");
  hear(0, "one\n");
  tell(1, "[one]");
  while (!sizes)
    usleep(1000);
  CHECK(ioctl(0, TIOCGWINSZ, &window) == 0 && window.ws_col == 91);
  tell(1, "[91]");
  for (;;)
    pause();
}
static _Noreturn void be_shell(void) {
  int status, again;
  pid_t job;
  CHECK(close(master) == 0 && setsid() == getpid());
  CHECK(ioctl(slave, TIOCSCTTY, 0) == 0);
  for (int i = 0; i < 3; i++)
    CHECK(dup2(slave, i) == i);
  CHECK(close(slave) == 0);
  signal(SIGTTOU, SIG_IGN);
  signal(SIGINT, SIG_IGN);
  CHECK((job = fork()) >= 0);
  if (!job) {
    CHECK(setpgid(0, 0) == 0 && tcsetpgrp(0, getpid()) == 0);
    be_job();
  }
  CHECK(waitpid(job, &status, 0) == job);
  CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT);
  CHECK(tcgetpgrp(0) == job && tcgetsid(0) == getpid());
  CHECK(tcsetpgrp(0, getpgrp()) == 0);
  CHECK((again = open("/dev/tty", O_RDWR)) >= 0);
  tell(again, "[tty]");
  hear(0, "end\n");
  _exit(3);
}
int main(void) {
  struct winsize window = {.ws_row = 24, .ws_col = 80};
  struct termios settings;
  int status;
  char byte;
  CHECK((master = posix_openpt(O_RDWR | O_NOCTTY)) >= 0);
  CHECK(unlockpt(master) == 0 && pipe(ready) == 0);
  CHECK((slave = open(ptsname(master), O_RDWR | O_NOCTTY)) >= 0);
  CHECK(ioctl(master, TIOCSWINSZ, &window) == 0);
  CHECK(tcgetattr(slave, &settings) == 0);
  settings.c_lflag &= ~(tcflag_t)ECHO;
  settings.c_oflag = 0;
  CHECK(tcsetattr(slave, TCSANOW, &settings) == 0);
  tell(master, "early\n");
  CHECK((shell = fork()) >= 0);
  if (!shell)
    be_shell();
  CHECK(close(slave) == 0 && close(ready[1]) == 0);
  CHECK(read(ready[0], &byte, 1) == 1);
  if (!came_back()) {
    CHECK(!kill(-shell, SIGKILL) && waitpid(shell, 0, 0) == shell);
    die();
  }
  CHECK(tcgetsid(master) == shell && tcgetpgrp(master) != shell);
  tell(master, "one\n");
  hear(master, "[one]");
  window.ws_col = 91;
  CHECK(ioctl(master, TIOCSWINSZ, &window) == 0);
  hear(master, "[91]");
  tell(master, "\003");
  hear(master, "[tty]");
  tell(master, "end\n");
  CHECK(waitpid(shell, &status, 0) == shell);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 3);
  CHECK_EQUAL(read(master, &byte, 1), -1);
  return 0;
}
