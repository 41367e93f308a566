/* moved LEGS: goes from machine to machine. On each leg it takes a checkpoint
 * and is killed; restored, it looks whether all is there and works: memory,
 * what libc chose by the processor, calls of the kernel's vdso, the number from
 * its library. */
#include "../../Inputs/behaviour.h"

#include <math.h>
#include <sys/auxv.h>
#include <sys/time.h>

extern unsigned number_of_library(void);

static unsigned char memory[1 << 20];
static char copy[sizeof memory];

static void look(unsigned leg) {
  struct timespec before, after, real;
  struct timeval day;
  CHECK(clock_gettime(CLOCK_MONOTONIC, &before) == 0);
  for (unsigned i = 0; i < sizeof memory; i++)
    if (memory[i] != (unsigned char)(i * 7 + (i >> 12)))
      CHECK_EQUAL(i, -1);
  memcpy(copy, memory, sizeof copy);
  CHECK(memcmp(copy, memory, sizeof copy) == 0);
  memset(copy, 'a', sizeof copy - 1);
  copy[sizeof copy - 1] = 0;
  CHECK_EQUAL(strlen(copy), sizeof copy - 1);
  CHECK(strchr(copy, 'b') == NULL);
  double root = sqrt((double)leg + 2) * sqrt((double)leg + 2) - leg - 2;
  CHECK(fabs(root) < 1e-9);
  CHECK(fabs(exp(log((double)leg + 3)) - leg - 3) < 1e-9);
  CHECK(clock_gettime(CLOCK_REALTIME, &real) == 0);
  CHECK(gettimeofday(&day, NULL) == 0 && labs(day.tv_sec - real.tv_sec) <= 60);
  CHECK(labs(time(NULL) - real.tv_sec) <= 60);
  CHECK(sched_getcpu() >= 0);
  CHECK(clock_gettime(CLOCK_MONOTONIC, &after) == 0);
  CHECK(after.tv_sec >= before.tv_sec);
  CHECK_EQUAL(number_of_library(), 4711);
}

int main(int argc, char **argv) {
  unsigned legs = argc > 1 ? (unsigned)atoi(argv[1]) : 1;
  double begin = now();
  for (unsigned i = 0; i < sizeof memory; i++)
    memory[i] = (unsigned char)(i * 7 + (i >> 12));
  for (unsigned leg = 0; leg < legs; leg++) {
    look(leg);
    die_and_come_back();
    CHECK(now() >= begin); /* not backwards, whatever machine this is */
    begin = now();
    look(leg);
    dprintf(1, "went on, leg %u\n", leg);
  }
  return 0;
}
