// Pseudo terminals whose master is in the program: settings, window, what is on
// its way in both directions, session and process group in front, names.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t
#include "behaviour.h"
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
struct terminal {
  int master, slave;
  char name[64];
};
static struct terminal make(int first_slave) {
  struct terminal made;
  made.master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
  CHECK(made.master >= 0 && unlockpt(made.master) == 0);
  CHECK(ptsname_r(made.master, made.name, sizeof made.name) == 0);
  made.slave = open(made.name, O_RDWR | O_NOCTTY | O_NONBLOCK);
  CHECK(made.slave >= 0);
  if (!first_slave)
    return made;
  /* The slave's number is the lower one. */
  int higher = fcntl(made.master, F_DUPFD_CLOEXEC, made.slave + 1);
  CHECK(higher > made.slave && close(made.master) == 0);
  made.master = higher;
  return made;
}
static void set(struct terminal *of, tcflag_t clear, tcflag_t add) {
  struct termios settings;
  CHECK(tcgetattr(of->slave, &settings) == 0);
  settings.c_lflag = (settings.c_lflag & ~clear) | add;
  settings.c_cc[VEOL] = '|';
  settings.c_cc[VKILL] = 'K';
  CHECK(tcsetattr(of->slave, TCSANOW, &settings) == 0);
}
static void say(int fd, const char *text) {
  CHECK_EQUAL(write(fd, text, strlen(text)), strlen(text));
}
static void hear(int fd, const char *text) {
  char got[8192];
  long length = read(fd, got, sizeof got);
  CHECK_EQUAL(length, (long)strlen(text));
  CHECK(memcmp(got, text, (size_t)length) == 0);
}
/* The kernel passes input on when it likes; a read waits for that. */
static void silent(int fd) {
  char byte;
  CHECK(read(fd, &byte, 1) < 0 && errno == EAGAIN);
}
static void processed(int master, size_t bytes) {
  int waiting = 0;
  while (waiting < (int)bytes)
    CHECK(ioctl(master, FIONREAD, &waiting) == 0);
}
static struct terminal lines, bytes, closed, fresh, stopped, control;
static const char echoed[] = "first\r\ncut^\bK^\b^V|^\b^Dbar|unread\r\ntyped";
static void put(void) {
  lines = make(0);
  set(&lines, 0, ICANON | ECHO);
  say(lines.master, "first\n");
  say(lines.master, "cut\004");
  say(lines.master, "\004\026K\026\026|");
  say(lines.master, "\026\004bar|");
  say(lines.master, "unread\n");
  say(lines.master, "typed");
  processed(lines.master, strlen(echoed));
  say(lines.slave, "out\n");
  bytes = make(1);
  set(&bytes, ICANON | ECHO | ISIG, 0);
  CHECK(fchmod(bytes.slave, 0606) == 0);
  struct winsize window = {31, 97, 5, 6};
  CHECK(ioctl(bytes.master, TIOCSWINSZ, &window) == 0);
  say(bytes.master, "a\003b\n\004");
  say(bytes.slave, "to you\n");
  int packets = 1;
  CHECK(ioctl(bytes.master, TIOCPKT, &packets) == 0);
  closed = make(0);
  say(closed.slave, "last words");
  CHECK(close(closed.slave) == 0);
  fresh.master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
  stopped = make(0);
  say(stopped.slave, "before");
  say(stopped.master, "\023");
  struct pollfd look = {stopped.slave, POLLOUT, 0};
  while (poll(&look, 1, 0) == 1)
    sched_yield();
  CHECK(setsid() == getpid());
  control = make(0);
  CHECK(ioctl(control.slave, TIOCSCTTY, 0) == 0);
}
static void check_lines(void) {
  hear(lines.slave, "first\n");
  hear(lines.slave, "cut");
  char byte;
  CHECK_EQUAL(read(lines.slave, &byte, 1), 0);
  hear(lines.slave, "K\026|");
  hear(lines.slave, "\004bar|");
  hear(lines.slave, "unread\n");
  silent(lines.slave);
  say(lines.master, "!\n");
  hear(lines.slave, "typed!\n");
}
int main(void) {
  char name[64];
  struct stat facts;
  put();
  if (!came_back()) {
    /* The checkpoint left all as it was. */
    check_lines();
    hear(stopped.master, "before");
    die();
  }
  CHECK(ptsname_r(lines.master, name, sizeof name) == 0);
  CHECK(strcmp(name, lines.name) == 0);
  CHECK(strcmp(ttyname(bytes.slave), bytes.name) == 0);
  CHECK_EQUAL(fcntl(lines.master, F_GETFD), FD_CLOEXEC);
  CHECK_EQUAL(fcntl(lines.slave, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
  CHECK_EQUAL(fcntl(lines.master, F_GETFL) & O_NONBLOCK, 0);
  char all[128];
  snprintf(all, sizeof all, "%sout\r\n", echoed);
  hear(lines.master, all);
  check_lines();

  CHECK(fstat(bytes.slave, &facts) == 0 && (facts.st_mode & 07777) == 0606);
  struct winsize window;
  CHECK(ioctl(bytes.slave, TIOCGWINSZ, &window) == 0);
  CHECK(window.ws_row == 31 && window.ws_col == 97 && window.ws_ypixel == 6);
  struct termios settings;
  CHECK(tcgetattr(bytes.slave, &settings) == 0);
  CHECK(!(settings.c_lflag & ICANON) && settings.c_cc[VEOL] == '|');
  hear(bytes.slave, "a\003b\n\004");
  char packet[64];
  CHECK_EQUAL(read(bytes.master, packet, sizeof packet), 9);
  CHECK(memcmp(packet, "\0to you\r\n", 9) == 0);

  hear(closed.master, "last words");
  CHECK(read(closed.master, name, 1) < 0 && errno == EIO);

  int locked = 0;
  CHECK(ioctl(fresh.master, TIOCGPTLCK, &locked) == 0 && locked);
  struct pollfd look = {fresh.master, 0, 0};
  CHECK_EQUAL(poll(&look, 1, 0), 0);

  hear(stopped.master, "before");
  CHECK(write(stopped.slave, "x", 1) < 0 && errno == EAGAIN);
  say(stopped.master, "\021");
  look = (struct pollfd){stopped.slave, POLLOUT, 0};
  CHECK_EQUAL(poll(&look, 1, 10000), 1);
  say(stopped.slave, "after");
  hear(stopped.master, "after");

  CHECK_EQUAL(getsid(0), getpid());
  CHECK_EQUAL(tcgetsid(control.slave), getpid());
  CHECK_EQUAL(tcgetpgrp(control.slave), getpgrp());
  int terminal = open("/dev/tty", O_RDWR);
  CHECK(terminal >= 0);
  say(terminal, "mine");
  hear(control.master, "mine");
  signal(SIGINT, SIG_IGN);
  return 0;
}
