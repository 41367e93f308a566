// hwckpt show has a name for what each descriptor is.
// RUN: %behaviour %s -o %t && %hwckpt run --name kinds -- %t %t.file
// RUN: %hwckpt show kinds > %t.out && FileCheck %s --implicit-check-not=unknown < %t.out
// CHECK: descriptors
// CHECK-DAG: 40 inotify
// CHECK-DAG: 41 pseudo terminal
// CHECK-DAG: 42 unix socket
// CHECK-DAG: 43 route socket
// CHECK-DAG: 44 mapped file
// CHECK-DAG: 45 POSIX queue
// CHECK-DAG: 46 TCP connection
// CHECK-DAG: 47 eventfd
// RUN: %hwckpt show --json kinds | grep -c '"kind": *"mapped file"'
#include "behaviour.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <mqueue.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/socket.h>
static void be(int number, int fd) {
  CHECK(fd >= 0 && dup2(fd, number) == number);
  close(fd);
}
int main(int argc, char **argv) {
  CHECK(argc == 2);
  be(40, inotify_init1(0));
  be(41, posix_openpt(O_RDWR | O_NOCTTY));
  be(42, socket(AF_UNIX, SOCK_STREAM, 0));
  be(43, socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE));
  be(44, open(argv[1], O_RDWR | O_CREAT | O_TRUNC, 0600));
  CHECK(ftruncate(44, 4096) == 0 &&
        mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, 44, 0) !=
            MAP_FAILED &&
        unlink(argv[1]) == 0);
  char name[32];
  snprintf(name, sizeof name, "/hwckpt-test-%d", getpid());
  be(45, mq_open(name, O_RDWR | O_CREAT, 0600, NULL));
  struct sockaddr_in address = {.sin_family = AF_INET};
  socklen_t length = sizeof address;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  CHECK(bind(listener, (void *)&address, length) == 0 &&
        listen(listener, 1) == 0 &&
        getsockname(listener, (void *)&address, &length) == 0);
  be(46, socket(AF_INET, SOCK_STREAM, 0));
  CHECK_EQUAL(connect(46, (void *)&address, length), 0);
  CHECK(accept(listener, NULL, NULL) >= 0);
  be(47, eventfd(0, 0));
  int result = __builtin_ckpt_save();
  mq_unlink(name);
  CHECK_EQUAL(result, 0);
  return 0;
}
