/* multicast.c - see multicast.h. The kernel lists the groups of its interfaces,
 * but not whose they are. Asked for the sources of a group (MCAST_MSFILTER), it
 * refuses a socket that is not in it. Source: ip(7), RFC 3678. */
#include "multicast.h"

#include "../arch/sys.h"
#include "../support/live.h"
#include "../support/record_types.h"
#include "info.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

/* Of all interfaces together, each once. */
#define GROUPS 512u
/* As many as sockets may have: the sysctls igmp_max_msf (10), mld_max_msf. */
#define SOURCES 64u

struct group {
  uint32_t interface;
  uint8_t size; /* of the address: 4 or 16 */
  unsigned char address[16];
};

static LIVE struct {
  bool read;
  unsigned count;
  struct group list[GROUPS];
  union {
    struct group_filter filter;
    char room[GROUP_FILTER_SIZE(SOURCES)];
  };
} groups;

void multicast_begin(void) { groups.read = false; }

/* ---- which there are ---- */

static int digit_of(char letter) {
  return letter >= '0' && letter <= '9'   ? letter - '0'
         : letter >= 'a' && letter <= 'f' ? letter - 'a' + 10
         : letter >= 'A' && letter <= 'F' ? letter - 'A' + 10
                                          : -1;
}

/* So many bytes; false: something else is there. */
static bool read_bytes(const char *text, unsigned char *bytes, unsigned count) {
  for (unsigned i = 0; i < count; i++) {
    int high = digit_of(text[2 * i]);
    int low = high < 0 ? -1 : digit_of(text[2 * i + 1]);
    if (low < 0)
      return false;
    bytes[i] = (unsigned char)(high << 4 | low);
  }
  return true;
}

static uint32_t read_interface(const char *text) {
  uint32_t number = 0;
  while (*text >= '0' && *text <= '9')
    number = number * 10 + (uint32_t)(*text++ - '0');
  return number;
}

static void add(uint32_t interface, const unsigned char *address,
                uint8_t size) {
  if (groups.count == GROUPS)
    return;
  struct group *group = &groups.list[groups.count++];
  group->interface = interface;
  group->size = size;
  memcpy(group->address, address, size);
}

static const char *word_after(const char *text) {
  while (*text && *text != ' ')
    text++;
  while (*text == ' ')
    text++;
  return text;
}

/* A row of an interface begins with its number; the groups' begin with tabs,
 * and have addresses as numbers of this machine. */
static void read_four(void) {
  struct info info;
  const char *line;
  uint32_t interface = 0;
  if (info_open_path(&info, "/proc/thread-self/net/igmp") < 0)
    return;
  while ((line = info_line(&info))) {
    unsigned char address[4];
    bool is_group = *line == '\t';
    if (*line >= '0' && *line <= '9')
      interface = read_interface(line);
    while (*line == '\t')
      line++;
    if (interface && is_group && read_bytes(line, address, 4)) {
      const unsigned char turned[] = {address[3], address[2], address[1],
                                      address[0]};
      add(interface, turned, sizeof turned);
    }
  }
  info_close(&info);
}

/* Number, name, address. */
static void read_six(void) {
  struct info info;
  const char *line;
  if (info_open_path(&info, "/proc/thread-self/net/igmp6") < 0)
    return;
  while ((line = info_line(&info))) {
    unsigned char address[16];
    if (read_bytes(word_after(word_after(line)), address, sizeof address))
      add(read_interface(line), address, sizeof address);
  }
  info_close(&info);
}

static void read_groups(void) {
  groups.count = 0;
  groups.read = true;
  read_four();
  read_six();
}

/* ---- saving ---- */

static void set_address(struct sockaddr_storage *to, uint8_t size,
                        const void *address) {
  memset(to, 0, sizeof *to);
  to->ss_family = size == 4 ? AF_INET : AF_INET6;
  if (size == 4)
    memcpy(&((struct sockaddr_in *)to)->sin_addr, address, size);
  else
    memcpy(&((struct sockaddr_in6 *)to)->sin6_addr, address, size);
}

static const void *address_of(const struct sockaddr_storage *from) {
  return from->ss_family == AF_INET
             ? (const void *)&((const struct sockaddr_in *)from)->sin_addr
             : (const void *)&((const struct sockaddr_in6 *)from)->sin6_addr;
}

static int put_call(struct resource_sink *sink, const struct group *group,
                    int name, const struct sockaddr_storage *from,
                    struct hwckpt_error *error) {
  SocketGroup call = SocketGroup_init_zero;
  call.name = name;
  call.interface = group->interface;
  call.group.size = group->size;
  memcpy(call.group.bytes, group->address, group->size);
  if (from) {
    call.source.size = group->size;
    memcpy(call.source.bytes, address_of(from), group->size);
  }
  return resource_put(sink, RECORD_SOCKET_GROUP, SocketGroup_fields, &call,
                      error);
}

static int level_of(size_t size) {
  return size == 4 ? IPPROTO_IP : IPPROTO_IPV6;
}

/* Nothing, where the socket is not in it. */
static int put_group(struct resource_sink *sink, int socket,
                     const struct group *group, struct hwckpt_error *error) {
  struct group_filter *filter = &groups.filter;
  uint32_t length = sizeof groups.room;
  filter->gf_interface = group->interface;
  filter->gf_numsrc = SOURCES;
  set_address(&filter->gf_group, group->size, group->address);
  if (SYS(getsockopt, socket, level_of(group->size), MCAST_MSFILTER, filter,
          &length) < 0)
    return 0;
  bool all_but = filter->gf_fmode == MCAST_EXCLUDE;
  uint32_t count = filter->gf_numsrc < SOURCES ? filter->gf_numsrc : SOURCES;
  int result = all_but ? put_call(sink, group, MCAST_JOIN_GROUP, 0, error) : 0;
  for (uint32_t i = 0; !result && i < count; i++)
    result = put_call(sink, group,
                      all_but ? MCAST_BLOCK_SOURCE : MCAST_JOIN_SOURCE_GROUP,
                      &filter->gf_slist[i], error);
  return result;
}

int multicast_save(struct resource_sink *sink, int socket, int domain,
                   struct hwckpt_error *error) {
  int result = 0;
  if (!groups.read)
    read_groups();
  for (unsigned i = 0; !result && i < groups.count; i++)
    if (groups.list[i].size == 4 || domain == AF_INET6)
      result = put_group(sink, socket, &groups.list[i], error);
  return result;
}

/* ---- restoring ---- */

static bool is_call(const SocketGroup *call) {
  bool of_source =
      call->name == MCAST_BLOCK_SOURCE || call->name == MCAST_JOIN_SOURCE_GROUP;
  return (of_source || call->name == MCAST_JOIN_GROUP) &&
         (call->group.size == 4 || call->group.size == 16) &&
         call->source.size == (of_source ? call->group.size : 0);
}

static long do_call(const SocketGroup *call, int socket) {
  struct group_source_req request; /* begins as a struct group_req */
  uint8_t size = (uint8_t)call->group.size;
  memset(&request, 0, sizeof request);
  request.gsr_interface = call->interface;
  set_address(&request.gsr_group, size, call->group.bytes);
  if (call->source.size)
    set_address(&request.gsr_source, size, call->source.bytes);
  return SYS(setsockopt, socket, level_of(size), call->name, &request,
             call->source.size ? sizeof request : sizeof(struct group_req));
}

long multicast_restore(const struct resource_source *source, int socket) {
  long failure = 0;
  for (size_t i = resource_first_own(source); i < source->at; i++) {
    SocketGroup call;
    if (source->records[i].type != RECORD_SOCKET_GROUP ||
        resource_get(&source->records[i], SocketGroup_fields, &call, 0) ||
        !is_call(&call))
      continue;
    long result = do_call(&call, socket);
    failure = failure < 0 ? failure : result;
  }
  return failure < 0 ? failure : 0;
}
