/* settings.c - no echo, characters as they come, another character that
 * interrupts; or, with an argument, nothing of that. Says what is after a
 * restore. */
#include "behaviour.h"
#include <termios.h>

int main(int argc, char **argv) {
  struct termios settings;
  (void)argv;
  CHECK(tcgetattr(0, &settings) == 0);
  settings.c_lflag &= ~(tcflag_t)(ECHO | ICANON);
  settings.c_cc[VINTR] = 7;
  if (argc == 1)
    CHECK(tcsetattr(0, TCSANOW, &settings) == 0);
  if (!came_back())
    die();
  CHECK(tcgetattr(0, &settings) == 0);
  printf("echo %d, lines %d, interrupts %d\n", !!(settings.c_lflag & ECHO),
         !!(settings.c_lflag & ICANON), settings.c_cc[VINTR]);
  return 0;
}
