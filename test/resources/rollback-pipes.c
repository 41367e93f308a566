// After a rollback a pipe holds what it held, whatever was read, written or
// closed since, and a thread that waits to read goes on waiting.
// RUN: %behaviour %s -o %t && %by_all %t
#include "behaviour.h"
#include <pthread.h>
#include <sys/eventfd.h>

static int waited[2], events;
static _Atomic int got;

static void *wait_for_byte(void *argument) {
  char byte;
  CHECK(read(waited[0], &byte, 1) == 1 && byte == 'w');
  got = 1;
  return argument;
}

int main(void) {
  int ends[2];
  char text[16];
  pthread_t thread;
  CHECK(pipe(ends) == 0 && pipe(waited) == 0);
  events = eventfd(5, EFD_NONBLOCK);
  CHECK_EQUAL(pthread_create(&thread, 0, wait_for_byte, 0), 0);
  CHECK_EQUAL(write(ends[1], "content", 7), 7);
  usleep(2000);
  int n = __builtin_ckpt_save();
  CHECK(n >= 0 && !got);
  if (n < 4) {
    if (n != 3)
      CHECK_EQUAL(read(ends[0], text, 3), 3);
    if (n % 2)
      close(ends[1]);
    else
      CHECK_EQUAL(write(ends[1], "more", 4), 4);
    uint64_t count;
    CHECK_EQUAL(read(events, &count, 8), 8);
    if (n > 1)
      CHECK_EQUAL(write(waited[1], "w", 1), 1);
    roll_back();
  }
  CHECK(read(ends[0], text, sizeof text) == 7 && !memcmp(text, "content", 7));
  uint64_t count;
  CHECK(read(events, &count, 8) == 8 && count == 5);
  CHECK_EQUAL(write(ends[1], "y", 1), 1);
  CHECK_EQUAL(write(waited[1], "w", 1), 1);
  return pthread_join(thread, 0);
}
