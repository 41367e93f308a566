// before=send: what leaves the machine is in a committed checkpoint before. The
// program sends values that nobody can foresee and is killed right behind; who
// heard one never hears another in its place.
// RUN: %behaviour %s -o %t && rm -f %t.killed
// RUN: %python %S/Inputs/peer.py %hwckpt %t %t.killed
#include "behaviour.h"
#include <arpa/inet.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/uio.h>
struct message {
  unsigned number, value;
};
static void say(int peer, const struct message *message) {
  struct iovec vector = {(void *)message, sizeof *message};
  struct msghdr header = {.msg_iov = &vector, .msg_iovlen = 1};
  struct mmsghdr one = {.msg_hdr = header};
  ssize_t size = sizeof *message;
  switch (message->number % 5) {
  case 0:
    CHECK_EQUAL(write(peer, message, sizeof *message), size);
    break;
  case 1:
    CHECK_EQUAL(send(peer, message, sizeof *message, 0), size);
    break;
  case 2:
    CHECK_EQUAL(sendmsg(peer, &header, 0), size);
    break;
  case 3:
    CHECK_EQUAL(sendmmsg(peer, &one, 1, 0), 1);
    break;
  default:
    CHECK_EQUAL(writev(peer, &vector, 1), size);
  }
}
int main(int argc, char **argv) {
  struct sockaddr_in address = {.sin_family = AF_INET};
  struct hwckpt_statistics is;
  int pair[2];
  CHECK(argc >= 3);
  unsigned last =
      argc > 3 ? 150 : 10; /* killed at any time by who hears them */
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons((unsigned short)atoi(argv[1]));
  int peer = socket(AF_INET, SOCK_DGRAM, 0);
  CHECK(peer >= 0 && !connect(peer, (void *)&address, sizeof address));
  CHECK(!socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
  CHECK_EQUAL(send(pair[0], "x", 1, 0), 1); /* stays here */
  CHECK_EQUAL(hwckpt_statistics(&is, sizeof is), 0);
  CHECK_EQUAL(is.checkpoints, 0);
  for (unsigned number = 1; number <= last; number++) {
    struct message message = {.number = number};
    char mark[4096];
    CHECK_EQUAL(getrandom(&message.value, 4, 0), 4);
    say(peer, &message);
    CHECK_EQUAL(hwckpt_statistics(&is, sizeof is), 0);
    if (argc > 3)
      continue;
    /* A restore takes the count back. */
    CHECK(number >= 5 || is.checkpoints >= number);
    snprintf(mark, sizeof mark, "%s.%u", argv[2], number);
    if (number >= 5 && first_time(mark))
      die();
  }
  return 7;
}
