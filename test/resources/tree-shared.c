// What processes of a tree share comes back shared: open files with one offset,
// pipes and socket pairs between them with what is queued, counters, memory,
// sockets that listen, TCP connections.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t
#include "behaviour.h"
#include <arpa/inet.h>
#include <linux/kcmp.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
enum { UP, DOWN };
static int file, up[2], down[2], packets[2], stream[2], counter, watch, memory;
static int listening, called, caller = -1, error_output;
static volatile int *anonymous, *mapped;
static pid_t child;
static struct sockaddr_in name = {.sin_family = AF_INET};
static int same_file(int mine, int its) {
  return syscall(SYS_kcmp, getpid(), child, KCMP_FILE, mine, its) == 0;
}
static void expect(int fd, const char *text) {
  char got[64] = "";
  size_t size = strlen(text);
  for (size_t have = 0; have < size;) {
    ssize_t count = read(fd, got + have, size - have);
    CHECK(count > 0);
    have += (size_t)count;
  }
  CHECK(strcmp(got, text) == 0);
}
static void put(int fd, const char *text) {
  CHECK_EQUAL(write(fd, text, strlen(text)), strlen(text));
}
/* The child does what it is told, a letter each, and answers with it. */
static void obey(char word) {
  uint64_t count;
  char byte;
  switch (word) {
  case 'f': /* the file goes on where the parent left it */
    CHECK_EQUAL(read(file, &byte, 1), 1);
    CHECK_EQUAL(byte, '3');
    CHECK_EQUAL(lseek(file, 0, SEEK_CUR), 4);
    break;
  case 's':
    expect(packets[1], "first");
    expect(packets[1], "second");
    put(packets[1], "answer");
    expect(stream[1], "down the stream");
    break;
  case 'e':
    CHECK(read(counter, &count, sizeof count) == sizeof count && count == 5);
    break;
  case 'm':
    CHECK(*anonymous == 71 && mapped[1] == 72);
    *anonymous = 81;
    mapped[1] = 82;
    break;
  case 't':
    expect(caller, "over TCP");
    put(caller, "and back");
    break;
  case 'w':
    CHECK(getpgrp() == getpid() && getppid() > 1);
    CHECK_EQUAL(fcntl(error_output, F_GETFD), 0);
    break;
  }
}
static _Noreturn void be_child(void) {
  char word;
  CHECK(setpgid(0, 0) == 0);
  close(up[0]);
  close(down[1]);
  close(packets[0]);
  close(stream[0]);
  caller = socket(AF_INET, SOCK_STREAM, 0);
  CHECK(connect(caller, (struct sockaddr *)&name, sizeof name) == 0);
  put(up[1], "r");
  while (read(down[0], &word, 1) == 1) {
    obey(word);
    put(up[1], (char[]){word, 0});
  }
  _exit(9);
}
static void tell(char word) {
  char text[] = {word, 0};
  put(down[1], text);
  expect(up[0], text);
}
static void make_all(const char *path) {
  CHECK((file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600)) >= 0);
  CHECK(unlink(path) == 0 || 1);
  put(file, "0123456789");
  CHECK_EQUAL(lseek(file, 2, SEEK_SET), 2);
  CHECK(pipe(up) == 0 && pipe(down) == 0);
  CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, packets) == 0);
  CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, stream) == 0);
  CHECK((counter = eventfd(5, 0)) >= 0);
  CHECK((memory = memfd_create("shared", 0)) >= 0);
  CHECK(ftruncate(memory, 8192) == 0);
  mapped = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
  anonymous =
      mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  CHECK(mapped != MAP_FAILED && anonymous != MAP_FAILED);
  error_output = dup(2);
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof name;
  CHECK((listening = socket(AF_INET, SOCK_STREAM, 0)) >= 0);
  CHECK(bind(listening, (struct sockaddr *)&name, sizeof name) == 0);
  CHECK(listen(listening, 5) == 0);
  CHECK(getsockname(listening, (struct sockaddr *)&name, &length) == 0);
}
static void look(void) {
  char byte;
  int status;
  struct epoll_event event;
  CHECK(same_file(file, file) && same_file(counter, counter));
  CHECK(same_file(listening, listening) && same_file(memory, memory));
  CHECK(same_file(error_output, error_output));
  CHECK_EQUAL(getpgid(child), child);
  CHECK_EQUAL(epoll_wait(watch, &event, 1, 0), 0);
  CHECK(read(file, &byte, 1) == 1 && byte == '2');
  expect(up[0], "left"); /* in the pipe since before */
  *anonymous = 71;
  mapped[1] = 72;
  for (const char *word = "fsemtw"; *word; word++)
    tell(*word);
  expect(packets[0], "answer");
  CHECK(*anonymous == 81 && mapped[1] == 82);
  expect(called, "and back");
  close(down[1]);
  CHECK_EQUAL(waitpid(child, &status, 0), child);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 9);
  CHECK_EQUAL(read(up[0], &byte, 1), 0); /* nobody else has the other end */
}
int main(int argc, char **argv) {
  char path[4096];
  CHECK(argc == 1);
  snprintf(path, sizeof path, "%s/hwckpt-test-shared.%d",
           getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp", (int)getpid());
  (void)argv;
  make_all(path);
  pid_t ended = fork();
  if (!ended)
    _exit(42);
  child = fork();
  CHECK(child >= 0);
  if (!child)
    be_child();
  close(up[1]);
  close(down[0]);
  close(packets[1]);
  close(stream[1]);
  expect(up[0], "r");
  CHECK((called = accept(listening, 0, 0)) >= 0);
  struct epoll_event event = {.events = EPOLLIN};
  CHECK((watch = epoll_create1(0)) >= 0);
  CHECK(epoll_ctl(watch, EPOLL_CTL_ADD, listening, &event) == 0);
  put(packets[0], "first");
  put(packets[0], "second");
  put(stream[0], "down the stream");
  put(called, "over TCP");
  int left = open("/proc/self/fd", O_RDONLY); /* any other file */
  close(left);
  char through[64];
  snprintf(through, sizeof through, "/proc/self/fd/%d", up[0]);
  int writer = open(through, O_WRONLY);
  put(writer, "left");
  close(writer);
  if (!came_back()) {
    kill(child, SIGKILL);
    die();
  }
  look();
  int status;
  CHECK_EQUAL(waitpid(ended, &status, 0), ended);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 42);
  return 0;
}
