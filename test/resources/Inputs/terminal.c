/* terminal.c - tells the terminal it runs on, before and after a restore. */
#include "behaviour.h"
int main(void) {
  char line[100];
  for (int i = 0; i < 3; i++)
    CHECK(isatty(i));
  int back = came_back();
  printf("%s %s\n", back ? "after" : "before", ttyname(0));
  fflush(stdout);
  if (!back)
    die();
  CHECK(fgets(line, sizeof line, stdin));
  printf("got %s", line);
  return 0;
}
