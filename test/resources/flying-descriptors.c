// Descriptors on their way in unix sockets come back with the byte or message
// that they were sent with, whatever they are of, whether anybody else has them
// or not; and so do those on their way in a socket that is on its way itself,
// in itself among them, and who sent a message. The program that goes on has
// lost nothing either.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t && %t stays
#include "behaviour.h"
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
static int stream[2], packets[2], datagrams[2], outer[2], inner[2], own[2];
static int pipe_ends[2], kept, watched;
static char file[] = "/tmp/hwckpt-test-flying.XXXXXX";
union control {
  struct cmsghdr head;
  char room[CMSG_SPACE(8 * sizeof(int)) + CMSG_SPACE(sizeof(struct ucred))];
};
static void put(int to, const char *text, int count, const int *rights) {
  union control control;
  struct iovec part = {(void *)text, strlen(text)};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
  if (count) {
    message.msg_control = &control;
    message.msg_controllen = CMSG_SPACE(count * sizeof(int));
    control.head.cmsg_level = SOL_SOCKET;
    control.head.cmsg_type = SCM_RIGHTS;
    control.head.cmsg_len = CMSG_LEN(count * sizeof(int));
    memcpy(CMSG_DATA(&control.head), rights, count * sizeof(int));
  }
  CHECK_EQUAL(sendmsg(to, &message, MSG_NOSIGNAL), strlen(text));
}
/* Reads no more than the text is long. */
static void expect(int from, const char *text, int count, int *rights,
                   pid_t sender) {
  union control control;
  char got[16] = "";
  size_t most = strlen(text);
  struct iovec part = {got, most};
  struct msghdr message = {.msg_iov = &part,
                           .msg_iovlen = 1,
                           .msg_control = &control,
                           .msg_controllen = sizeof control};
  int had = 0, seen = 0;
  CHECK_EQUAL(recvmsg(from, &message, MSG_DONTWAIT), most);
  CHECK(strcmp(got, text) == 0);
  for (struct cmsghdr *head = CMSG_FIRSTHDR(&message); head;
       head = CMSG_NXTHDR(&message, head)) {
    if (head->cmsg_type == SCM_RIGHTS) {
      had = (int)((head->cmsg_len - CMSG_LEN(0)) / sizeof(int));
      CHECK_EQUAL(had, count);
      memcpy(rights, CMSG_DATA(head), (size_t)had * sizeof(int));
    } else if (head->cmsg_type == SCM_CREDENTIALS) {
      struct ucred got_sender;
      memcpy(&got_sender, CMSG_DATA(head), sizeof got_sender);
      CHECK_EQUAL(got_sender.pid, sender);
      CHECK(got_sender.uid == getuid() && got_sender.gid == getgid());
      seen = 1;
    }
  }
  CHECK_EQUAL(had, count);
  CHECK_EQUAL(seen, sender != 0);
}
static void expect_end(int from) {
  char byte;
  CHECK_EQUAL(recv(from, &byte, 1, MSG_DONTWAIT), -1);
}
static int descriptors(void) {
  int count = 0;
  for (int i = 0; i < 256; i++)
    count += fcntl(i, F_GETFD) >= 0;
  return count;
}
static void fill(void) {
  int yes = 1, ends[2], rights[4];
  CHECK(!socketpair(AF_UNIX, SOCK_STREAM, 0, stream));
  CHECK(!socketpair(AF_UNIX, SOCK_SEQPACKET, 0, packets));
  CHECK(!socketpair(AF_UNIX, SOCK_DGRAM, 0, datagrams));
  CHECK(!socketpair(AF_UNIX, SOCK_STREAM, 0, outer));
  CHECK(!socketpair(AF_UNIX, SOCK_STREAM, 0, inner));
  CHECK(!socketpair(AF_UNIX, SOCK_DGRAM, 0, own));
  CHECK(pipe(pipe_ends) == 0);
  /* Of a file: one that is kept, and another that is not. */
  CHECK((kept = mkstemp(file)) >= 0 && write(kept, "0123456789", 10) == 10);
  int gone = open(file, O_RDONLY);
  CHECK(gone >= 0 && lseek(gone, 4, SEEK_SET) == 4);
  put(stream[0], "plain", 0, 0);
  rights[0] = pipe_ends[0];
  rights[1] = kept;
  rights[2] = gone;
  put(stream[0], "with", 3, rights);
  put(stream[0], "next", 1, &pipe_ends[0]);
  put(stream[0], "last", 0, 0);
  CHECK(close(gone) == 0 && close(pipe_ends[0]) == 0);
  CHECK(lseek(kept, 7, SEEK_SET) == 7);
  /* What the program sees next to nothing of: both ends are on their way. */
  CHECK(pipe(ends) == 0 && write(ends[1], "piped", 5) == 5);
  CHECK(setsockopt(packets[1], SOL_SOCKET, SO_PASSCRED, &yes, sizeof yes) == 0);
  put(packets[0], "one", 2, ends);
  put(packets[0], "two", 0, 0);
  CHECK(close(ends[0]) == 0 && close(ends[1]) == 0);
  /* An epoll and what it watches. */
  CHECK((watched = eventfd(3, 0)) >= 0);
  struct epoll_event event = {.events = EPOLLIN, .data.u64 = 77};
  CHECK((rights[0] = epoll_create1(0)) >= 0);
  CHECK(epoll_ctl(rights[0], EPOLL_CTL_ADD, watched, &event) == 0);
  rights[1] = watched;
  put(datagrams[0], "epoll", 2, rights);
  CHECK(close(rights[0]) == 0 && close(watched) == 0);
  /* In a socket that is on its way. */
  put(inner[1], "deep", 1, &kept);
  put(outer[0], "socket", 1, &inner[0]);
  CHECK(close(inner[0]) == 0);
  /* Each in the other, and one in itself. */
  put(own[0], "itself", 1, &own[1]);
  put(own[1], "other", 1, &own[1]);
}
static void look(void) {
  int got[4], more[2];
  char text[16] = "";
  struct epoll_event event;
  uint64_t count;
  expect(stream[1], "plain", 0, 0, 0);
  expect(stream[1], "with", 3, got, 0);
  expect(stream[1], "next", 1, more, 0);
  expect(stream[1], "last", 0, 0, 0);
  expect_end(stream[1]);
  CHECK(write(pipe_ends[1], "ab", 2) == 2);
  CHECK(read(got[0], text, 1) == 1 && *text == 'a');
  CHECK(read(more[0], text, 1) == 1 && *text == 'b');
  CHECK(lseek(got[1], 0, SEEK_CUR) == 7 && lseek(kept, 2, SEEK_SET) == 2);
  CHECK_EQUAL(lseek(got[1], 0, SEEK_CUR), 2);
  CHECK_EQUAL(lseek(got[2], 0, SEEK_CUR), 4);
  CHECK_EQUAL(fcntl(got[2], F_GETFL) & O_ACCMODE, O_RDONLY);
  expect(packets[1], "one", 2, got, getpid());
  expect(packets[1], "two", 0, 0, getpid());
  expect_end(packets[1]);
  CHECK(write(got[1], "!", 1) == 1 && read(got[0], text, 16) == 6);
  CHECK(memcmp(text, "piped!", 6) == 0);
  expect(datagrams[1], "epoll", 2, got, 0);
  CHECK_EQUAL(epoll_wait(got[0], &event, 1, 0), 1);
  CHECK(event.data.u64 == 77 && read(got[1], &count, 8) == 8 && count == 3);
  CHECK_EQUAL(epoll_wait(got[0], &event, 1, 0), 0);
  expect(outer[1], "socket", 1, got, 0);
  put(got[0], "up", 0, 0);
  expect(inner[1], "up", 0, 0, 0);
  expect(got[0], "deep", 1, more, 0);
  CHECK(lseek(more[0], 5, SEEK_SET) == 5 && lseek(kept, 0, SEEK_CUR) == 5);
  expect(own[0], "other", 1, got, 0);
  expect(own[1], "itself", 1, more, 0);
  put(own[0], "again", 0, 0);
  expect(got[0], "again", 0, 0, 0);
  put(more[0], "back", 0, 0);
  expect(own[0], "back", 0, 0, 0);
  CHECK(unlink(file) == 0);
}
int main(int argc, char **argv) {
  (void)argv;
  fill();
  int before = descriptors();
  if (argc > 1)
    CHECK_EQUAL(__builtin_ckpt_save(), 0);
  else
    die_and_come_back();
  CHECK_EQUAL(descriptors(), before);
  look();
  return 0;
}
