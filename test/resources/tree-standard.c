// What a process of a tree has at 0 to 2 is its own, unless the program was
// started with it: a pipe whose writer has gone, with what is in it, and a
// connection to another process, as servers give one to those they start. So it
// is where the one that gave it keeps it too.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t
#include "behaviour.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>

static int pipe_ends[2], ready[2], kept[2], connection;

static void expect(int fd, const char *text) {
  char got[64] = "";
  CHECK_EQUAL(read(fd, got, strlen(text)), strlen(text));
  CHECK(strcmp(got, text) == 0);
}

static void put(int fd, const char *text) {
  CHECK_EQUAL(write(fd, text, strlen(text)), strlen(text));
}

/* Lets the parent go on, which dies then, and goes on itself once that is back.
 */
static void tell_and_wait(void) {
  char byte;
  put(ready[1], "r");
  CHECK_EQUAL(read(ready[1], &byte, 1), 1);
}

static _Noreturn void be_reader(void) {
  char byte;
  CHECK(dup2(pipe_ends[0], 0) == 0);
  close(pipe_ends[0]);
  close(pipe_ends[1]);
  tell_and_wait();
  expect(0, "left in it");
  CHECK_EQUAL(read(0, &byte, 1), 0);
  _exit(7);
}

static _Noreturn void be_heir(void) {
  CHECK(dup2(kept[1], 0) == 0);
  close(kept[0]);
  close(kept[1]);
  close(connection);
  close(pipe_ends[0]);
  close(pipe_ends[1]);
  tell_and_wait();
  expect(0, "for one of two");
  _exit(9);
}

static _Noreturn void be_server(int listener) {
  int fd = accept(listener, NULL, NULL);
  CHECK(fd >= 0 && dup2(fd, 0) == 0 && dup2(fd, 1) == 1);
  close(fd);
  close(listener);
  close(connection);
  close(pipe_ends[0]);
  close(pipe_ends[1]);
  tell_and_wait();
  expect(0, "a question");
  put(1, "an answer");
  _exit(8);
}

/* Ports that were just used may be used again. */
static int make_socket(void) {
  int one = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
  CHECK(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == 0);
  return fd;
}

static void connect_to(int listener) {
  struct sockaddr_in name;
  socklen_t length = sizeof name;
  CHECK(getsockname(listener, (void *)&name, &length) == 0);
  connection = make_socket();
  CHECK(connect(connection, (void *)&name, length) == 0);
}

int main(void) {
  struct sockaddr_in name = {.sin_family = AF_INET};
  int status, listener = make_socket();
  pid_t reader, server, heir;
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  CHECK(bind(listener, (void *)&name, sizeof name) == 0);
  CHECK(listen(listener, 1) == 0 && pipe(pipe_ends) == 0);
  CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ready) == 0);
  CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, kept) == 0);
  put(pipe_ends[1], "left in it");
  connect_to(listener);
  CHECK((reader = fork()) >= 0);
  if (!reader)
    be_reader();
  CHECK((server = fork()) >= 0);
  if (!server)
    be_server(listener);
  close(listener);
  CHECK((heir = fork()) >= 0);
  if (!heir)
    be_heir();
  close(pipe_ends[0]);
  close(pipe_ends[1]);
  for (int i = 0; i < 3; i++)
    expect(ready[0], "r");
  if (!came_back()) {
    CHECK(!kill(reader, SIGKILL) && waitpid(reader, 0, 0) == reader);
    CHECK(!kill(server, SIGKILL) && waitpid(server, 0, 0) == server);
    CHECK(!kill(heir, SIGKILL) && waitpid(heir, 0, 0) == heir);
    die();
  }
  put(connection, "a question");
  put(kept[0], "for one of two");
  for (int i = 0; i < 3; i++)
    put(ready[0], "g");
  expect(connection, "an answer");
  CHECK(waitpid(reader, &status, 0) == reader);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 7);
  CHECK(waitpid(server, &status, 0) == server);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 8);
  CHECK(waitpid(heir, &status, 0) == heir);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 9);
  return 0;
}
