// Threads that wait for a page when the checkpoint is taken: the one whose
// question was not read yet, and the one whose question was read and not
// answered. Both ask again after a restore, and the answer that comes is taken.
// RUN: %behaviour -I%S/Inputs %s -o %t
// RUN: %restored_by_all %t
// RUN: %restored_by_all -o every=5ms -- %t
#include "faults.h"
#include <poll.h>

static void *look(void *place) {
  CHECK_EQUAL(*(volatile char *)place,
              content((int)(((char *)place - memory) / PAGE)));
  return NULL;
}

static int is_asked(void) {
  struct pollfd one = {.fd = faults, .events = POLLIN};
  return poll(&one, 1, 10000) == 1 && one.revents == POLLIN;
}

int main(void) {
  pthread_t first, second;
  int protected;
  begin(0, UFFDIO_REGISTER_MODE_MISSING);
  CHECK_EQUAL(fcntl(faults, F_SETFL, O_NONBLOCK), 0);
  CHECK_EQUAL(pthread_create(&first, NULL, look, memory + 5 * PAGE), 0);
  CHECK(is_asked());
  CHECK_EQUAL(take_question(&protected), 5);
  CHECK_EQUAL(pthread_create(&second, NULL, look, memory + 9 * PAGE), 0);
  CHECK(is_asked());
  die_and_come_back();
  CHECK_EQUAL(fcntl(faults, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
  CHECK_EQUAL(fcntl(faults, F_GETFD), FD_CLOEXEC);
  give(5); /* as if nothing had been */
  CHECK_EQUAL(pthread_join(first, NULL), 0);
  while (is_asked()) {
    struct uffd_msg message;
    if (read(faults, &message, sizeof message) != sizeof message)
      continue; /* it has been answered since */
    unsigned long at = message.arg.pagefault.address - (unsigned long)memory;
    if (at / PAGE == 9)
      break;
  }
  give(9);
  CHECK_EQUAL(pthread_join(second, NULL), 0);
  return 0;
}
