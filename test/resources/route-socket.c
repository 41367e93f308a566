// Sockets that ask the kernel about its network, or hear of its devices, come
// back with their groups.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t
#include "behaviour.h"
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
static int count_links(int fd) {
  struct {
    struct nlmsghdr head;
    struct ifinfomsg what;
  } ask = {{sizeof ask, RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP, 1, 0}, {0}};
  _Alignas(8) char answer[32768];
  int links = 0;
  CHECK_EQUAL(send(fd, &ask, sizeof ask, 0), sizeof ask);
  for (;;) {
    long length = recv(fd, answer, sizeof answer, 0);
    CHECK(length > 0);
    for (struct nlmsghdr *at = (void *)answer; NLMSG_OK(at, (unsigned)length);
         at = NLMSG_NEXT(at, length)) {
      if (at->nlmsg_type == NLMSG_DONE)
        return links;
      links += at->nlmsg_type == RTM_NEWLINK;
    }
  }
}
int main(void) {
  struct sockaddr_nl name = {.nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK};
  socklen_t length = sizeof name;
  int on = 1, fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  CHECK(fd >= 0 && bind(fd, (struct sockaddr *)&name, sizeof name) == 0);
  CHECK(setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof on) == 0);
  CHECK(count_links(fd) > 0);
  struct sockaddr_nl devices = {.nl_family = AF_NETLINK, .nl_groups = 2};
  int udev = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK,
                    NETLINK_KOBJECT_UEVENT);
  CHECK(udev >= 0 &&
        bind(udev, (struct sockaddr *)&devices, sizeof devices) == 0);
  die_and_come_back();
  CHECK(getsockname(udev, (struct sockaddr *)&devices, &length) == 0);
  CHECK_EQUAL(devices.nl_groups, 2);
  CHECK(getsockopt(udev, SOL_SOCKET, SO_PROTOCOL, &on, &length) == 0);
  CHECK_EQUAL(on, NETLINK_KOBJECT_UEVENT);
  CHECK(fcntl(udev, F_GETFL) & O_NONBLOCK);
  length = sizeof name;
  CHECK(count_links(fd) > 0);
  CHECK(getsockname(fd, (struct sockaddr *)&name, &length) == 0);
  CHECK_EQUAL(name.nl_groups, RTMGRP_LINK);
  length = sizeof on;
  CHECK(getsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, &length) == 0 &&
        on == 1);
  return 0;
}
