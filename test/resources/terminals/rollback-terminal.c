// A rollback takes a pseudo terminal back that stays, as the one that controls
// the session: settings, window, and what is on its way.
// RUN: rm -f %t.first && %behaviour %s -o %t && %hwckpt run -- %t %t.first
#include "behaviour.h"
#include <sys/ioctl.h>
#include <termios.h>
static void hear(int fd, const char *text) {
  char got[4096];
  CHECK_EQUAL(read(fd, got, sizeof got), strlen(text));
  CHECK(memcmp(got, text, strlen(text)) == 0);
}
int main(int argc, char **argv) {
  char byte;
  struct termios settings;
  CHECK(argc == 2 && setsid() == getpid());
  int master = posix_openpt(O_RDWR | O_NOCTTY);
  CHECK(master >= 0 && unlockpt(master) == 0);
  int slave = open(ptsname(master), O_RDWR | O_NONBLOCK); /* controls us */
  CHECK(slave >= 0 && tcgetsid(slave) == getpid());
  CHECK_EQUAL(write(master, "kept\n", 5), 5);
  for (int echoed = 0; echoed < 6;)
    CHECK(ioctl(master, FIONREAD, &echoed) == 0);
  CHECK_EQUAL(write(slave, "said", 4), 4);
  int again = __builtin_ckpt_save();
  CHECK(again >= 0);
  hear(slave, "kept\n");
  CHECK(read(slave, &byte, 1) < 0 && errno == EAGAIN);
  hear(master, "kept\r\nsaid");
  CHECK(tcgetattr(slave, &settings) == 0 && settings.c_lflag & ECHO);
  CHECK_EQUAL(tcgetpgrp(slave), getpgrp());
  if (!first_time(argv[1]))
    return 0;
  settings.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
  CHECK(tcsetattr(slave, TCSANOW, &settings) == 0);
  CHECK(write(master, "late", 4) == 4 && write(slave, "later", 5) == 5);
  roll_back();
}
