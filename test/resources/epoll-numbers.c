// Two entries of one number, whose files live on elsewhere, among those of
// others: the kernel has them in the order of its files, which is any.
// RUN: %behaviour %s -o %t && %by_all %t
#include "behaviour.h"
#include <sys/epoll.h>
#include <sys/eventfd.h>

enum { FILES = 24, ONCE = 5, AGAIN = 15, NUMBER = 60 };

static void expect(int epoll, int file, unsigned which) {
  struct epoll_event event;
  uint64_t one = 1;
  CHECK_EQUAL(write(file, &one, sizeof one), sizeof one);
  CHECK_EQUAL(epoll_wait(epoll, &event, 1, 0), 1);
  CHECK_EQUAL(event.data.u32, which);
  CHECK_EQUAL(read(file, &one, sizeof one), sizeof one);
}

int main(void) {
  int epoll = epoll_create1(0), files[FILES];
  for (unsigned i = 0; i < FILES; i++) {
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = i};
    files[i] = eventfd(0, EFD_NONBLOCK);
    int number = files[i];
    if (i == ONCE || i == AGAIN)
      CHECK_EQUAL(number = dup2(files[i], NUMBER), NUMBER);
    CHECK_EQUAL(epoll_ctl(epoll, EPOLL_CTL_ADD, number, &event), 0);
  }
  int n = __builtin_ckpt_save();
  CHECK(n >= 0);
  for (unsigned i = 0; i < FILES; i++)
    expect(epoll, files[i], i);
  if (n < 2)
    roll_back();
  return 0;
}
