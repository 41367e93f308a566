// Transfers that take long are stopped in the middle again and again, killed,
// restored and stopped again: none ends short, no byte is lost or comes twice.
// RUN: %behaviour %s -o %t && %restored -- %t
#include "behaviour.h"
#include <pthread.h>
#include <sys/random.h>
#include <sys/uio.h>
enum { LONG = 1 << 20, PIECES = 5, PIECE = 70000, ROUNDS = 6, STOPS = 12 };
static int ends[2];
static _Atomic int stops_end;
static _Atomic long wrote;
static unsigned char pattern(long at) { return (unsigned char)(at % 251); }
static void fill(unsigned char *bytes, long from, long count) {
  for (long i = 0; i < count; i++)
    bytes[i] = pattern(from + i);
}
static void *writes(void *unused) {
  static unsigned char bytes[LONG];
  while (!stops_end || wrote < ROUNDS * LONG) {
    fill(bytes, wrote, LONG);
    CHECK_EQUAL(write(ends[1], bytes, LONG), LONG);
    wrote += LONG;
    struct iovec pieces[PIECES];
    for (int i = 0; i < PIECES; i++)
      pieces[i] = (struct iovec){bytes + i * PIECE, PIECE};
    fill(bytes, wrote, PIECES * PIECE);
    CHECK_EQUAL(writev(ends[1], pieces, PIECES), PIECES * PIECE);
    wrote += PIECES * PIECE;
  }
  close(ends[1]);
  return unused;
}
static void *reads(void *unused) {
  unsigned char bytes[5000];
  long at = 0, got;
  while ((got = read(ends[0], bytes, sizeof bytes)) > 0) {
    for (long i = 0; i < got; i++)
      CHECK_EQUAL(bytes[i], pattern(at + i));
    at += got;
    usleep(20);
  }
  CHECK_EQUAL(got, 0);
  CHECK_EQUAL(at, wrote);
  return unused;
}
static void *draws(void *unused) {
  static unsigned char bytes[LONG];
  int zero = open("/dev/zero", O_RDONLY);
  while (!stops_end) {
    CHECK_EQUAL(getrandom(bytes, LONG, 0), LONG);
    CHECK_EQUAL(read(zero, bytes, LONG), LONG);
  }
  return unused;
}
int main(void) {
  static void *(*const works[])(void *) = {writes, reads, draws};
  pthread_t threads[3];
  CHECK_EQUAL(pipe(ends), 0);
  for (int i = 0; i < 3; i++)
    CHECK_EQUAL(pthread_create(&threads[i], NULL, works[i], NULL), 0);
  for (int i = 0; i < STOPS; i++)
    CHECK_EQUAL(__builtin_ckpt_save(), 0);
  die_and_come_back();
  for (int i = 0; i < STOPS; i++)
    CHECK_EQUAL(__builtin_ckpt_save(), 0);
  stops_end = 1;
  for (int i = 0; i < 3; i++)
    CHECK_EQUAL(pthread_join(threads[i], NULL), 0);
  return 0;
}
