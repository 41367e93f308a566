/* requests HOW - asks for checkpoints by itself, or is asked. */
#include "come-back.h"

#include <hwckptintrin.h>
#include <string.h>
#include <time.h>

/* In a file without sites. */
int call_checkpoint(void);

static volatile unsigned long rounds;

static void compute_until_done(void) {
  while (go_on())
    rounds = rounds + 1;
}

/* A wait that a signal would interrupt. */
static void sleep_until_done(void) {
  while (go_on()) {
    struct timespec tick = {.tv_nsec = 20000000};
    CHECK(nanosleep(&tick, NULL) == 0);
    struct pollfd input = {.fd = 0, .events = POLLIN};
    CHECK(poll(&input, 1, 20) >= 0);
  }
}

int main(int count, char **arguments) {
  CHECK(count == 2);
  const char *how = arguments[1];
  if (strcmp(how, "request") == 0) {
    CHECK(hwckpt_request() == 0);
    compute_until_done();
    return 7;
  }
  if (strcmp(how, "computes") == 0) {
    compute_until_done();
    return 7;
  }
  if (strcmp(how, "sleeps") == 0) {
    sleep_until_done();
    return 7;
  }
  CHECK(strcmp(how, "checkpoint") == 0);
  for (int round = 0; round < 3; round++) {
    int n = call_checkpoint();
    CHECK(n >= 0);
    if (n < 2)
      kill(getpid(), SIGKILL);
    CHECK(n == 2);
  }
  return 7;
}
