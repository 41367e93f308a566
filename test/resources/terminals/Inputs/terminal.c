/* terminal.c - tells the terminal it runs on, before and after a restore. */
#include "behaviour.h"
int main(void) {
  char line[100];
  for (int i = 0; i < 3; i++)
    CHECK(isatty(i));
  int other = open(ttyname(1), O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  CHECK(other > 2);
  /* Of a session that it leaves. */
  int left = open("/dev/tty", O_RDWR | O_CLOEXEC);
  CHECK(left > 2 && setsid() == getpid());
  int back = came_back();
  CHECK(isatty(left) && getsid(0) == getpid());
  CHECK(isatty(other) && strcmp(ttyname(other), ttyname(0)) == 0);
  CHECK_EQUAL(fcntl(other, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
  CHECK_EQUAL(fcntl(0, F_GETFL) & O_NONBLOCK, 0);
  dprintf(left, "%s\n", back ? "still" : "first");
  printf("%s %s\n", back ? "after" : "before", ttyname(0));
  fflush(stdout);
  if (!back)
    die();
  CHECK(fgets(line, sizeof line, stdin));
  printf("got %s", line);
  return 0;
}
