// Event descriptors come back with their count; those that are semaphores, and
// duplicates, as what they were.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t
#include "behaviour.h"
#include <sys/eventfd.h>
static void expect(int fd, eventfd_t value) {
  eventfd_t got;
  CHECK_EQUAL(eventfd_read(fd, &got), 0);
  CHECK_EQUAL(got, value);
}
static void expect_none(int fd) {
  eventfd_t got;
  CHECK(eventfd_read(fd, &got) < 0 && errno == EAGAIN);
}
int main(void) {
  int counter = eventfd(0, EFD_NONBLOCK);
  int semaphore = eventfd(2, EFD_SEMAPHORE | EFD_NONBLOCK | EFD_CLOEXEC);
  int full = eventfd(0, 0);
  int copy = dup(counter);
  int other = eventfd(0, EFD_NONBLOCK);
  eventfd_write(counter, 1L << 40);
  eventfd_write(counter, 5);
  eventfd_write(full, 0xfffffffffffffffe);
  die_and_come_back();
  CHECK_EQUAL(fcntl(semaphore, F_GETFD), FD_CLOEXEC);
  CHECK_EQUAL(fcntl(full, F_GETFL) & O_NONBLOCK, 0);
  expect(copy, (1L << 40) + 5);
  expect_none(counter);
  expect_none(other);
  eventfd_write(copy, 7);
  expect(counter, 7);
  expect(semaphore, 1);
  expect(semaphore, 1);
  expect_none(semaphore);
  expect(full, 0xfffffffffffffffe);
  return 0;
}
