/* job LOG [save|read|plain]: writes the signals that it gets to LOG, with the size of its
 * terminal at SIGWINCH; SIGTERM ends it with 9. save: takes a checkpoint first. read: then
 * reads a line from its terminal, and is done. plain: SIGINT and SIGQUIT kill it. */
#include <fcntl.h>
#include <hwckptintrin.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static int log_fd;

static void take(int number) {
  struct winsize size = {0};
  if (number == SIGWINCH)
    ioctl(0, TIOCGWINSZ, &size);
  dprintf(log_fd, "signal %d %dx%d\n", number, size.ws_row, size.ws_col);
  if (number == SIGTERM)
    _exit(9);
}

int main(int argc, char **argv) {
  const char *what = argc > 2 ? argv[2] : "";
  const int taken[] = {SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2, SIGTERM, SIGCONT, SIGWINCH};
  sigset_t all, before;
  char line[64];
  log_fd = open(argv[1], O_WRONLY | O_APPEND);
  sigfillset(&all);
  sigprocmask(SIG_BLOCK, &all, &before);
  for (unsigned i = 0; i < sizeof taken / sizeof *taken; i++) {
    const struct sigaction action = {.sa_handler = take, .sa_mask = all, .sa_flags = SA_RESTART};
    if (strcmp(what, "plain") || (taken[i] != SIGINT && taken[i] != SIGQUIT))
      sigaction(taken[i], &action, NULL);
  }
  if (!strcmp(what, "save")) {
    if (__builtin_ckpt_save() < 0)
      return 8;
  }
  dprintf(log_fd, "ready %d\n", getpid());
  if (!strcmp(what, "read")) {
    sigprocmask(SIG_SETMASK, &before, NULL);
    ssize_t length = read(0, line, sizeof line);
    return dprintf(log_fd, "read %.*s", (int)length, line) < 0;
  }
  for (;;)
    sigsuspend(&before);
}
