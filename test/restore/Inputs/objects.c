/* objects WHAT - holds one kernel object that checkpoints do not cover, or not
 * wholly; takes a checkpoint and dies. */
#define _GNU_SOURCE
#include "come-back.h"

#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>

static int held = -1;

static void unnamed_directory(void) {
  char name[] = "directory-XXXXXX";
  CHECK(mkdtemp(name) && chdir(name) == 0);
  char up[64] = "../";
  CHECK(rmdir(strcat(up, name)) == 0);
}

static void other_socket(void) {
  held = socket(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC);
}

static const struct {
  const char *name;
  void (*hold)(void);
} things[] = {
    {"unnamed-directory", unnamed_directory},
    {"socket", other_socket},
};

int main(int count, char **arguments) {
  CHECK(count == 2);
  for (size_t i = 0; i < sizeof things / sizeof *things; i++)
    if (strcmp(things[i].name, arguments[1]) == 0)
      things[i].hold();
  die_and_come_back();
  /* What stands in for it is closed at the other end. */
  char bytes[8];
  if (held >= 0)
    CHECK(read(held, bytes, sizeof bytes) <= 0);
  return 7;
}
