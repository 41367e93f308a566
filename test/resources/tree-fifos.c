// FIFOs and UDP between processes of a tree come back with what is queued, and
// an epoll over them tells what is there.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t
#include "behaviour.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
static char fifo[64] = "/tmp/hwckpt-test-fifo.XXXXXX";
static int from_child, mine, its, watch, ready[2];
static struct sockaddr_in my_name, its_name;
static pid_t child;
static int make_udp(struct sockaddr_in *name) {
  socklen_t length = sizeof *name;
  int fd = socket(AF_INET, SOCK_DGRAM, 0);
  *name = (struct sockaddr_in){.sin_family = AF_INET};
  name->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  CHECK(bind(fd, (void *)name, sizeof *name) == 0);
  CHECK(getsockname(fd, (void *)name, &length) == 0);
  return fd;
}
static void expect(int fd, const char *text) {
  char got[64] = "";
  CHECK_EQUAL(read(fd, got, strlen(text)), strlen(text));
  CHECK(strcmp(got, text) == 0);
}
static void put(int fd, const char *text) {
  CHECK_EQUAL(write(fd, text, strlen(text)), strlen(text));
}
static _Noreturn void be_child(void) {
  int out = open(fifo, O_WRONLY);
  CHECK(connect(its, (void *)&my_name, sizeof my_name) == 0);
  put(out, "in the FIFO");
  close(ready[0]);
  put(ready[1], "r");
  expect(its, "a datagram");
  put(its, "another");
  put(out, "more");
  _exit(8);
}
static void await(int fd) {
  struct epoll_event event;
  CHECK_EQUAL(epoll_wait(watch, &event, 1, 10000), 1);
  CHECK_EQUAL(event.data.fd, fd);
}
int main(void) {
  int status;
  CHECK(mkdtemp(fifo) && strcat(fifo, "/f"));
  CHECK(mkfifo(fifo, 0600) == 0 && pipe(ready) == 0);
  mine = make_udp(&my_name);
  its = make_udp(&its_name);
  CHECK((child = fork()) >= 0);
  if (!child)
    be_child();
  close(ready[1]);
  close(its);
  CHECK((from_child = open(fifo, O_RDONLY)) >= 0);
  CHECK((watch = epoll_create1(0)) >= 0);
  struct epoll_event events[] = {{.events = EPOLLIN, .data.fd = from_child},
                                 {.events = EPOLLIN, .data.fd = mine}};
  CHECK(epoll_ctl(watch, EPOLL_CTL_ADD, from_child, &events[0]) == 0);
  CHECK(epoll_ctl(watch, EPOLL_CTL_ADD, mine, &events[1]) == 0);
  expect(ready[0], "r");
  if (!came_back()) {
    CHECK(!kill(child, SIGKILL) && waitpid(child, 0, 0) == child);
    die();
  }
  await(from_child);
  expect(from_child, "in the FIFO");
  CHECK(sendto(mine, "a datagram", 10, 0, (void *)&its_name, sizeof its_name) ==
        10);
  CHECK(waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 8);
  expect(from_child, "more");
  char byte;
  CHECK_EQUAL(read(from_child, &byte, 1), 0);
  CHECK(epoll_ctl(watch, EPOLL_CTL_DEL, from_child, 0) == 0);
  await(mine);
  expect(mine, "another");
  CHECK(unlink(fifo) == 0);
  *strrchr(fifo, '/') = 0;
  CHECK(rmdir(fifo) == 0);
  return 0;
}
