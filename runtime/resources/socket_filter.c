/* socket_filter.c - see socket_filter.h. Lengths are numbers of instructions,
 * of which an option has one or two. Source: socket(7), Linux
 * Documentation/networking/filter.rst. */
#include "socket_filter.h"

#include "../arch/sys.h"
#include "../support/live.h"
#include "../support/record_types.h"
#include "borrow.h"
#include "socket_options.h"

#include <errno.h>
#include <linux/filter.h>
#include <string.h>
#include <sys/socket.h>

enum { PAIR = 2 }; /* instructions of a whole option */

/* What is saved, or attached. */
static LIVE struct sock_filter program[BPF_MAXINSNS];

bool socket_filter_is_of(const SocketOption *option) {
  return option->level == SOL_SOCKET &&
         (option->name == SO_ATTACH_FILTER || option->name == SO_LOCK_FILTER);
}

/* ---- saving ---- */

static int put_option(struct resource_sink *sink, const SocketOption *option,
                      struct hwckpt_error *error) {
  return resource_put(sink, RECORD_SOCKET_OPTION, SocketOption_fields, option,
                      error);
}

static int put_program(struct resource_sink *sink, uint32_t length,
                       struct hwckpt_error *error) {
  int result = 0;
  for (uint32_t i = 0; !result && i < length; i += PAIR) {
    SocketOption option = SocketOption_init_zero;
    uint32_t count = length - i < PAIR ? length - i : PAIR;
    option.level = SOL_SOCKET;
    option.name = SO_ATTACH_FILTER;
    option.wide.size = (pb_size_t)(count * sizeof *program);
    memcpy(option.wide.bytes, &program[i], option.wide.size);
    result = put_option(sink, &option, error);
  }
  return result;
}

int socket_filter_put(struct resource_sink *sink, const Descriptor *message,
                      int socket, struct hwckpt_error *error) {
  uint32_t length = BPF_MAXINSNS;
  long got =
      SYS(getsockopt, socket, SOL_SOCKET, SO_GET_FILTER, program, &length);
  if (got == -EACCES)
    return resource_unsupported(sink, error, message->path,
                                "descriptor %d: a filter of eBPF",
                                (int)message->number);
  int result = got < 0 ? 0 : put_program(sink, length, error);
  int locked = socket_number(socket, SOL_SOCKET, SO_LOCK_FILTER, 0);
  SocketOption option = SocketOption_init_zero;
  option.level = SOL_SOCKET;
  option.name = SO_LOCK_FILTER;
  option.value = locked;
  return result || !locked ? result : put_option(sink, &option, error);
}

/* ---- restoring ---- */

/* False: there are too many. */
static bool add(const SocketOption *option, uint32_t *length) {
  uint32_t count = (uint32_t)(option->wide.size / sizeof *program);
  if (*length + count > BPF_MAXINSNS)
    return false;
  memcpy(&program[*length], option->wide.bytes, count * sizeof *program);
  *length += count;
  return true;
}

int socket_filter_restore(const struct resource_source *source,
                          const Descriptor *message, int socket,
                          struct hwckpt_error *error) {
  struct sock_fprog what = {.filter = program};
  uint32_t length = 0;
  int locked = 0;
  for (size_t i = resource_first_own(source); i < source->at; i++) {
    SocketOption option;
    if (source->records[i].type != RECORD_SOCKET_OPTION ||
        resource_get(&source->records[i], SocketOption_fields, &option, 0) ||
        !socket_filter_is_of(&option))
      continue;
    if (option.name == SO_LOCK_FILTER)
      locked = option.value;
    else if (!add(&option, &length))
      return refuse_to_restore(error, message, -E2BIG, "SO_ATTACH_FILTER");
  }
  what.len = (unsigned short)length;
  long result = length ? SYS(setsockopt, socket, SOL_SOCKET, SO_ATTACH_FILTER,
                             &what, sizeof what)
                       : 0;
  if (result >= 0 && locked)
    result = SYS(setsockopt, socket, SOL_SOCKET, SO_LOCK_FILTER, &locked,
                 sizeof locked);
  return result < 0
             ? refuse_to_restore(error, message, result, "SO_ATTACH_FILTER")
             : 0;
}
