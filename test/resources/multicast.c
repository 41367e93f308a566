// The multicast groups of sockets, with the sources that they hear or not, and
// the interface that they send by; what they are in alone, not each other's.
// RUN: %behaviour %s -o %t && %restored -- %t
#include "behaviour.h"
#include <arpa/inet.h>
#include <net/if.h>
#include <sys/socket.h>
#define GROUP "239.77.1.1"
#define BLOCKED "239.77.1.2"
#define HEARD "239.77.1.3"
#define FROM_ELSEWHERE "239.77.1.4"
#define GROUP6 "ff02::4d:1"
#define BLOCKED6 "ff02::4d:2"
#define HEARD6 "ff02::4d:3"
enum { MEMBER, MEMBER6, OTHER, SENDER, SOCKETS };
static int sockets[SOCKETS];
static in_port_t port[SOCKETS];

static int is_six(int which) { return which == MEMBER6; }
static struct sockaddr_storage name(const char *text, in_port_t at) {
  struct sockaddr_storage made = {.ss_family =
                                      strchr(text, ':') ? AF_INET6 : AF_INET};
  struct sockaddr_in *four = (void *)&made;
  struct sockaddr_in6 *six = (void *)&made;
  if (made.ss_family == AF_INET6) {
    CHECK(inet_pton(AF_INET6, text, &six->sin6_addr) == 1);
    six->sin6_port = at;
    six->sin6_scope_id = if_nametoindex("lo");
  } else {
    CHECK(inet_pton(AF_INET, text, &four->sin_addr) == 1);
    four->sin_port = at;
  }
  return made;
}
static void join(int which, int call, const char *group, const char *from) {
  struct group_source_req request = {.gsr_interface = if_nametoindex("lo"),
                                     .gsr_group = name(group, 0)};
  if (from)
    request.gsr_source = name(from, 0);
  CHECK(setsockopt(sockets[which], is_six(which) ? IPPROTO_IPV6 : IPPROTO_IP,
                   call, &request,
                   from ? sizeof request : sizeof(struct group_req)) == 0);
}
static void open_one(int which) {
  int no = 0;
  struct sockaddr_storage any = name(is_six(which) ? "::" : "0.0.0.0", 0);
  socklen_t length = sizeof any;
  sockets[which] = socket(any.ss_family, SOCK_DGRAM | SOCK_NONBLOCK, 0);
  CHECK(sockets[which] >= 0);
  CHECK(setsockopt(sockets[which], is_six(which) ? IPPROTO_IPV6 : IPPROTO_IP,
                   is_six(which) ? IPV6_MULTICAST_ALL : IP_MULTICAST_ALL, &no,
                   sizeof no) == 0);
  CHECK(bind(sockets[which], (void *)&any, sizeof any) == 0);
  CHECK(getsockname(sockets[which], (void *)&any, &length) == 0);
  port[which] = ((struct sockaddr_in *)&any)->sin_port;
}
// The loopback interface delivers before sendto() is back.
static int hears(const char *group, int which) {
  char got;
  struct sockaddr_storage to = name(group, port[which]);
  CHECK(sendto(sockets[SENDER], "x", 1, 0, (void *)&to,
               sizeof(struct sockaddr_in)) == 1);
  return recv(sockets[which], &got, 1, 0) == 1;
}
// The loopback interface has no route for these: what the kernel says.
static uint32_t sources_of(const char *group, uint32_t *mode) {
  char room[GROUP_FILTER_SIZE(4)];
  struct group_filter *filter = (void *)room;
  socklen_t length = sizeof room;
  memset(room, 0, sizeof room);
  filter->gf_interface = if_nametoindex("lo");
  filter->gf_group = name(group, 0);
  filter->gf_numsrc = 4;
  CHECK(getsockopt(sockets[MEMBER6], IPPROTO_IPV6, MCAST_MSFILTER, filter,
                   &length) == 0);
  *mode = filter->gf_fmode;
  return filter->gf_numsrc;
}
static void try_all(void) {
  uint32_t mode;
  CHECK(hears(GROUP, MEMBER) && hears(HEARD, MEMBER));
  CHECK(!hears(BLOCKED, MEMBER) && !hears(FROM_ELSEWHERE, MEMBER));
  CHECK(!hears(GROUP, OTHER) && hears(BLOCKED, OTHER));
  CHECK(sources_of(GROUP6, &mode) == 0 && mode == MCAST_EXCLUDE);
  CHECK(sources_of(BLOCKED6, &mode) == 1 && mode == MCAST_EXCLUDE);
  CHECK(sources_of(HEARD6, &mode) == 1 && mode == MCAST_INCLUDE);
}
int main(void) {
  struct in_addr loopback = {htonl(INADDR_LOOPBACK)};
  for (int which = 0; which < SOCKETS; which++)
    open_one(which);
  CHECK(setsockopt(sockets[SENDER], IPPROTO_IP, IP_MULTICAST_IF, &loopback,
                   sizeof loopback) == 0);
  join(MEMBER, MCAST_JOIN_GROUP, GROUP, NULL);
  join(MEMBER, MCAST_JOIN_GROUP, BLOCKED, NULL);
  join(MEMBER, MCAST_BLOCK_SOURCE, BLOCKED, "127.0.0.1");
  join(MEMBER, MCAST_BLOCK_SOURCE, BLOCKED, "192.0.2.1");
  join(MEMBER, MCAST_JOIN_SOURCE_GROUP, HEARD, "192.0.2.1");
  join(MEMBER, MCAST_JOIN_SOURCE_GROUP, HEARD, "127.0.0.1");
  join(MEMBER, MCAST_JOIN_SOURCE_GROUP, FROM_ELSEWHERE, "192.0.2.1");
  join(OTHER, MCAST_JOIN_GROUP, BLOCKED, NULL);
  join(MEMBER6, MCAST_JOIN_GROUP, GROUP6, NULL);
  join(MEMBER6, MCAST_JOIN_GROUP, BLOCKED6, NULL);
  join(MEMBER6, MCAST_BLOCK_SOURCE, BLOCKED6, "::1");
  join(MEMBER6, MCAST_JOIN_SOURCE_GROUP, HEARD6, "::1");
  try_all();
  if (!came_back()) {
    try_all();
    die();
  }
  try_all();
  return 0;
}
