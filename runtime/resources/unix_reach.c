/* unix_reach.c - see unix_reach.h. */
#include "unix_reach.h"

#include "../arch/sys.h"
#include "../error.h"
#include "../support/live.h"

#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

#define HELD_MOST 256u

static LIVE struct {
  size_t count;
  struct {
    int descriptor, file;
  } all[HELD_MOST];
} held;

struct unix_name unix_reach_file(int file) {
  struct unix_name name = {.name.sun_family = AF_UNIX};
  hwckpt_format(name.name.sun_path, sizeof(name.name.sun_path),
                "/proc/thread-self/fd/%d", file);
  name.length = (uint32_t)(offsetof(struct sockaddr_un, sun_path) +
                           strlen(name.name.sun_path) + 1);
  return name;
}

void unix_reach_hold(int descriptor, int file) {
  if (held.count == HELD_MOST) {
    SYS(close, file);
    return;
  }
  held.all[held.count].descriptor = descriptor;
  held.all[held.count++].file = file;
}

struct unix_name unix_reach_of(int descriptor) {
  for (size_t i = 0; i < held.count; i++)
    if (held.all[i].descriptor == descriptor)
      return unix_reach_file(held.all[i].file);
  return (struct unix_name){0};
}

void unix_reach_end(void) {
  while (held.count)
    SYS(close, held.all[--held.count].file);
}
