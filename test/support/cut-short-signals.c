// A signal of the program's own ends a long transfer with the part that is
// done, also where stops have interrupted it before. Stops follow one another
// here: a signal that comes in the microsecond in which the call is taken up
// again only calls its handler (docs/limits.md), and the next ends it.
// RUN: %behaviour -I%S/Inputs %s -o %t && %hwckpt run -- %t
#include "blocked.h"
enum { LONG = 1 << 20, ROUNDS = 20 };
static int ends[2];
static volatile int handled;
static _Atomic pid_t writer;
static _Atomic int rounds, again;
static void handler(int number) {
  (void)number;
  handled++;
}
static void *writes(void *unused) {
  static char bytes[LONG];
  writer = gettid();
  while (rounds < ROUNDS) {
    int before = handled;
    long result = write(ends[1], bytes, LONG);
    CHECK(result > 0 && result < LONG);
    CHECK(handled > before);
    static char read_back[LONG];
    for (long got, at = 0; at < result; at += got)
      CHECK((got = read(ends[0], read_back, LONG)) > 0);
    rounds++;
  }
  return unused;
}
static void *sends(void *unused) {
  for (int i = 0; i < ROUNDS; i++) {
    while (rounds < i)
      sched_yield();
    wait_until_in(writer, SYS_write, "writer");
    usleep(2000);
    syscall(SYS_tgkill, getpid(), writer, SIGUSR2);
    double sent = now();
    while (rounds == i) {
      usleep(1000);
      if (now() - sent > 3) {
        again++;
        syscall(SYS_tgkill, getpid(), writer, SIGUSR2);
        sent = now();
      }
    }
  }
  return unused;
}
int main(void) {
  pthread_t threads[2];
  CHECK_EQUAL(pipe(ends), 0);
  struct sigaction action = {.sa_handler = handler};
  CHECK_EQUAL(sigaction(SIGUSR2, &action, NULL), 0);
  pthread_create(&threads[0], NULL, writes, NULL);
  while (!writer)
    sched_yield();
  pthread_create(&threads[1], NULL, sends, NULL);
  double begin = now();
  while (rounds < ROUNDS && now() - begin < 60)
    CHECK_EQUAL(__builtin_ckpt_save(), 0);
  CHECK_EQUAL(rounds, ROUNDS);
  CHECK(again <= 2);
  for (int i = 0; i < 2; i++)
    pthread_join(threads[i], NULL);
  return 0;
}
