/* side-by-side.c DIR - is killed after a checkpoint; restored, makes a file of
 * DIR, waits there until all have, saves and ends, or is killed and comes back
 * once more. */
#include "behaviour.h"
int main(int argc, char **argv) {
  char path[4096], go[4096];
  unsigned long sum = 1;
  CHECK(argc == 2);
  die_and_come_back();
  int own = 0;
  do
    snprintf(path, sizeof path, "%s/%d", argv[1], own);
  while (!first_time(path) && ++own);
  snprintf(go, sizeof go, "%s/go", argv[1]);
  while (access(go, F_OK) != 0)
    sched_yield();
  for (int i = 0; i <= own; i++)
    sum = sum * 3;
  if (!came_back())
    die();
  printf("%d %lu\n", own, sum);
  return 7;
}
