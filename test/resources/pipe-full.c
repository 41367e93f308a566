// A full pipe comes back full, byte for byte, the writer blocked in it goes on,
// and a pipe that was made larger keeps its size.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t
#include "behaviour.h"
#include <fcntl.h>
#include <pthread.h>
#include <sys/ioctl.h>
enum { LARGE = 256 << 10, TOTAL = 300000 };
static int ends[2], large[2];
static void *writer(void *unused) {
  static unsigned char bytes[TOTAL];
  for (unsigned i = 0; i < TOTAL; i++)
    bytes[i] = (unsigned char)(i * 7 + i / 251);
  for (long done = 0, wrote; done < TOTAL; done += wrote)
    CHECK((wrote = write(ends[1], bytes + done, (size_t)(TOTAL - done))) > 0);
  return unused;
}
static void fill(int fd) {
  CHECK_EQUAL(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
  unsigned char byte[4096] = {1, 2, 3};
  long sum = 0, wrote;
  while ((wrote = write(fd, byte, sizeof byte)) > 0)
    sum += wrote;
  CHECK_EQUAL(sum, LARGE);
}
int main(void) {
  pthread_t thread;
  CHECK(pipe(ends) == 0 && pipe(large) == 0);
  CHECK_EQUAL(fcntl(large[1], F_SETPIPE_SZ, LARGE), LARGE);
  fill(large[1]);
  pthread_create(&thread, NULL, writer, NULL);
  int waiting = 0;
  while (waiting < 65536)
    CHECK(ioctl(ends[0], FIONREAD, &waiting) == 0);
  die_and_come_back();
  CHECK_EQUAL(fcntl(large[0], F_GETPIPE_SZ), LARGE);
  CHECK(write(large[1], "x", 1) < 0 && errno == EAGAIN);
  unsigned got = 0;
  while (got < TOTAL) {
    unsigned char bytes[5000];
    long length = read(ends[0], bytes, sizeof bytes);
    CHECK(length > 0);
    for (long i = 0; i < length; i++, got++)
      CHECK_EQUAL(bytes[i], (unsigned char)(got * 7 + got / 251));
  }
  pthread_join(thread, NULL);
  return 0;
}
