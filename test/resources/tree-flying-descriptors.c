// Descriptors on their way between processes of a tree are of the same open
// files as those that the others have: of a child's in its parent's socket and
// the other way round, of a socket that both have, and of a pair of sockets of
// which one end is on its way only.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t
#include "behaviour.h"
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
static int line[2], both[2], away[2], ends[2], shared, late, ready[2];
static char file[] = "/tmp/hwckpt-test-flying.XXXXXX";
static pid_t child;
union control {
  struct cmsghdr head;
  char room[CMSG_SPACE(sizeof(int))];
};
static void put(int to, char text, int right) {
  union control control;
  struct iovec part = {&text, 1};
  struct msghdr message = {.msg_iov = &part,
                           .msg_iovlen = 1,
                           .msg_control = &control,
                           .msg_controllen = sizeof control};
  control.head.cmsg_level = SOL_SOCKET;
  control.head.cmsg_type = SCM_RIGHTS;
  control.head.cmsg_len = CMSG_LEN(sizeof right);
  memcpy(CMSG_DATA(&control.head), &right, sizeof right);
  CHECK_EQUAL(sendmsg(to, &message, MSG_NOSIGNAL), 1);
}
static int get(int from, char wanted) {
  union control control;
  char text;
  int right;
  struct iovec part = {&text, 1};
  struct msghdr message = {.msg_iov = &part,
                           .msg_iovlen = 1,
                           .msg_control = &control,
                           .msg_controllen = sizeof control};
  CHECK_EQUAL(recvmsg(from, &message, 0), 1);
  CHECK_EQUAL(text, wanted);
  CHECK_EQUAL(message.msg_controllen, CMSG_SPACE(sizeof right));
  memcpy(&right, CMSG_DATA(&control.head), sizeof right);
  return right;
}
static void tell(int descriptor, const char *text) {
  CHECK_EQUAL(write(descriptor, text, strlen(text)), strlen(text));
}
static void hear(int descriptor, const char *text) {
  char got[32] = "";
  CHECK_EQUAL(read(descriptor, got, strlen(text)), strlen(text));
  CHECK(strcmp(got, text) == 0);
}
static _Noreturn void be_child(void) {
  uint64_t count;
  int event = eventfd(0, 0);
  CHECK(event >= 0 && close(line[0]) == 0 && close(away[0]) == 0);
  put(line[1], 'e', event);
  tell(ready[1], "r");
  CHECK(close(ready[1]) == 0);
  CHECK(read(event, &count, 8) == 8 && count == 41);
  /* The parent's word comes after the cut only. */
  int reader = get(line[1], 'p');
  hear(reader, "through the pipe");
  int socket = get(both[1], 's');
  tell(socket, "from the child");
  CHECK_EQUAL(lseek(get(line[1], 'f'), 0, SEEK_CUR), 3);
  CHECK(lseek(shared, 6, SEEK_SET) == 6);
  tell(late, "x");
  _exit(6);
}
int main(void) {
  int status, tick[2];
  uint64_t count = 41;
  CHECK(!socketpair(AF_UNIX, SOCK_SEQPACKET, 0, line));
  CHECK(!socketpair(AF_UNIX, SOCK_STREAM, 0, both));
  CHECK(!socketpair(AF_UNIX, SOCK_STREAM, 0, away));
  CHECK(pipe(ready) == 0 && pipe(ends) == 0 && pipe(tick) == 0);
  CHECK((shared = mkstemp(file)) >= 0 && write(shared, "123456789", 9) == 9);
  late = tick[1];
  CHECK(lseek(shared, 3, SEEK_SET) == 3 && (child = fork()) >= 0);
  if (!child)
    be_child();
  CHECK(close(line[1]) == 0 && close(tick[1]) == 0 && close(ready[1]) == 0);
  put(line[0], 'p', ends[0]);
  put(line[0], 'f', shared);
  /* The other end of away[0] is then nowhere but in the queue. */
  put(both[0], 's', away[1]);
  CHECK(close(ends[0]) == 0 && close(away[1]) == 0);
  hear(ready[0], "r");
  if (!came_back()) {
    CHECK(!kill(child, SIGKILL) && waitpid(child, 0, 0) == child);
    die();
  }
  tell(ends[1], "through the pipe");
  int event = get(line[0], 'e');
  CHECK_EQUAL(write(event, &count, 8), 8);
  hear(away[0], "from the child");
  hear(tick[0], "x");
  CHECK_EQUAL(lseek(shared, 0, SEEK_CUR), 6);
  CHECK(waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 6);
  CHECK(unlink(file) == 0);
  return 0;
}
