// Connections that the other side has closed before the checkpoint: what had
// arrived is read, then the end. Pairs of unix sockets of each type, with a
// descriptor on its way, closed by a child or with something unread; TCP; and
// packets whose end is told by a pair that lives.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t
#include "behaviour.h"
#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
static void reads(int fd, const char *text) {
  char got[64];
  size_t size = strlen(text);
  CHECK_EQUAL(recv(fd, got, sizeof got, MSG_DONTWAIT), size);
  CHECK(memcmp(got, text, size) == 0);
}
static void refuses(int fd, int number) {
  CHECK(send(fd, "x", 1, MSG_NOSIGNAL) == -1 && errno == number);
}
static void send_descriptor(int from, int fd) {
  char room[CMSG_SPACE(sizeof fd)] = {0};
  struct iovec byte = {"d", 1};
  struct msghdr message = {.msg_iov = &byte,
                           .msg_iovlen = 1,
                           .msg_control = room,
                           .msg_controllen = sizeof room};
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof fd);
  memcpy(CMSG_DATA(header), &fd, sizeof fd);
  CHECK_EQUAL(sendmsg(from, &message, 0), 1);
}
static int receive_descriptor(int from) {
  char room[CMSG_SPACE(sizeof(int))], byte;
  struct iovec part = {&byte, 1};
  struct msghdr message = {.msg_iov = &part,
                           .msg_iovlen = 1,
                           .msg_control = room,
                           .msg_controllen = sizeof room};
  int fd = -1;
  CHECK_EQUAL(recvmsg(from, &message, 0), 1);
  if (message.msg_controllen >= CMSG_LEN(sizeof fd))
    memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof fd);
  return fd;
}
static void connect_ends(int ends[2]) {
  struct sockaddr_in name = {.sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof name;
  int listening = socket(AF_INET, SOCK_STREAM, 0);
  CHECK(bind(listening, (struct sockaddr *)&name, length) == 0 &&
        listen(listening, 1) == 0 &&
        getsockname(listening, (struct sockaddr *)&name, &length) == 0);
  ends[0] = socket(AF_INET, SOCK_STREAM, 0);
  CHECK(connect(ends[0], (struct sockaddr *)&name, length) == 0);
  ends[1] = accept(listening, NULL, NULL);
  CHECK(ends[1] >= 0);
  close(listening);
}
static void wait_for_end(int fd) {
  struct pollfd end = {.fd = fd, .events = POLLRDHUP};
  CHECK_EQUAL(poll(&end, 1, 10000), 1);
}
enum { STREAM, PACKETS, DATAGRAMS, UNREAD, CHILD, RIGHTS, LIVING, PAIRS };
int main(void) {
  static const int types[PAIRS] = {SOCK_STREAM,   SOCK_SEQPACKET, SOCK_DGRAM,
                                   SOCK_STREAM,   SOCK_STREAM,    SOCK_STREAM,
                                   SOCK_SEQPACKET};
  static char much[100000];
  int pairs[PAIRS][2], closed[2], both[2], pipe_ends[2], last;
  for (int i = 0; i < PAIRS; i++)
    CHECK_EQUAL(socketpair(AF_UNIX, types[i], 0, pairs[i]), 0);
  CHECK_EQUAL(pipe(pipe_ends), 0);
  CHECK_EQUAL(send(pairs[STREAM][1], "left", 4, 0), 4);
  CHECK_EQUAL(send(pairs[PACKETS][1], "one", 3, 0), 3);
  CHECK_EQUAL(send(pairs[PACKETS][1], "", 0, 0), 0);
  CHECK_EQUAL(send(pairs[PACKETS][1], "three", 5, 0), 5);
  CHECK_EQUAL(send(pairs[DATAGRAMS][1], "datagram", 8, 0), 8);
  CHECK_EQUAL(send(pairs[UNREAD][1], "before", 6, 0), 6);
  CHECK_EQUAL(send(pairs[UNREAD][0], "unread", 6, 0), 6);
  CHECK_EQUAL(send(pairs[LIVING][1], "packet", 6, 0), 6);
  CHECK_EQUAL(shutdown(pairs[LIVING][1], SHUT_WR), 0);
  send_descriptor(pairs[RIGHTS][1], pipe_ends[1]);
  pid_t child = fork();
  if (!child)
    _exit(send(pairs[CHILD][1], "of the child", 12, 0) != 12);
  CHECK_EQUAL(waitpid(child, NULL, 0), child);
  for (int i = 0; i < LIVING; i++)
    close(pairs[i][1]);
  close(pipe_ends[1]);
  connect_ends(closed);
  CHECK_EQUAL(send(closed[1], much, sizeof much, 0), sizeof much);
  CHECK_EQUAL(send(closed[1], "end", 3, 0), 3);
  close(closed[1]);
  wait_for_end(closed[0]);
  connect_ends(both);
  CHECK_EQUAL(send(both[1], "twice", 5, 0), 5);
  CHECK(shutdown(both[0], SHUT_WR) == 0 && shutdown(both[1], SHUT_WR) == 0);
  wait_for_end(both[0]);
  wait_for_end(both[1]);
  die_and_come_back();
  reads(pairs[STREAM][0], "left");
  reads(pairs[STREAM][0], "");
  refuses(pairs[STREAM][0], EPIPE);
  reads(pairs[PACKETS][0], "one");
  reads(pairs[PACKETS][0], "");
  reads(pairs[PACKETS][0], "three");
  reads(pairs[PACKETS][0], "");
  refuses(pairs[PACKETS][0], EPIPE);
  reads(pairs[DATAGRAMS][0], "datagram");
  refuses(pairs[DATAGRAMS][0], ECONNREFUSED);
  reads(pairs[UNREAD][0], "before");
  CHECK(recv(pairs[UNREAD][0], much, 1, 0) == -1 && errno == ECONNRESET);
  reads(pairs[UNREAD][0], "");
  reads(pairs[CHILD][0], "of the child");
  reads(pairs[CHILD][0], "");
  last = receive_descriptor(pairs[RIGHTS][0]);
  CHECK_EQUAL(write(last, "given", 5), 5);
  CHECK(read(pipe_ends[0], much, 5) == 5 && memcmp(much, "given", 5) == 0);
  reads(pairs[RIGHTS][0], "");
  reads(pairs[LIVING][0], "packet");
  reads(pairs[LIVING][0], "");
  CHECK_EQUAL(send(pairs[LIVING][0], "back", 4, 0), 4);
  reads(pairs[LIVING][1], "back");
  CHECK_EQUAL(recv(closed[0], much, sizeof much, MSG_WAITALL), sizeof much);
  reads(closed[0], "end");
  reads(closed[0], "");
  reads(both[0], "twice");
  reads(both[0], "");
  refuses(both[0], EPIPE);
  reads(both[1], "");
  return 0;
}
