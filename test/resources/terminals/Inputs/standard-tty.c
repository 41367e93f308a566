/* standard-tty.c - says what it reads from standard input, restored. */
#include "behaviour.h"
int main(void) {
  char line[100];
  CHECK(isatty(0));
  die_and_come_back();
  CHECK(fgets(line, sizeof line, stdin));
  printf("got %s", line);
  return 0;
}
