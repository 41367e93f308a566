/* eventfd.c - eventfd(2): the count, and whether reads take one of it. */
#include "../arch/sys.h"
#include "../support/record_types.h"
#include "info.h"
#include "resource.h"

#include <fcntl.h>
#include <stddef.h>
#include <sys/eventfd.h>

static bool recognise(const struct resource_sink *sink,
                      const Descriptor *message) {
  (void)sink;
  return info_begins(message->path, "anon_inode:[eventfd");
}

/* False when the kernel does not tell the count. */
static bool read_state(int number, EventFd *state) {
  struct info info;
  uint64_t semaphore = 0;
  bool told = false;
  if (info_open(&info, number) < 0)
    return false;
  for (const char *line; (line = info_line(&info));) {
    told |= info_number(line, "eventfd-count:", 16, &state->count);
    info_number(line, "eventfd-semaphore:", 10, &semaphore);
  }
  info_close(&info);
  state->semaphore = semaphore != 0;
  return told;
}

static int save(struct resource_sink *sink, Descriptor *message,
                struct hwckpt_error *error) {
  EventFd state = EventFd_init_zero;
  if (message->same_as >= 0)
    return 0;
  if (!read_state(message->number, &state))
    return hwckpt_fail(error, HWCKPT_E_CAPTURE, 0, message->path,
                       "descriptor %d: its count is not told",
                       (int)message->number);
  return resource_put(sink, RECORD_EVENTFD, EventFd_fields, &state, error);
}

static int make(struct resource_source *source, const Descriptor *message,
                struct hwckpt_error *error) {
  EventFd state;
  int result =
      resource_get_own(source, RECORD_EVENTFD, EventFd_fields, &state, error);
  if (result)
    return result;
  int flags = (int)(message->flags & O_NONBLOCK) |
              (state.semaphore ? EFD_SEMAPHORE : 0);
  long fd = SYS(eventfd2, 0, flags);
  if (fd < 0)
    return hwckpt_fail(error, HWCKPT_E_RESTORE_KERNEL, (int)-fd, message->path,
                       "descriptor %d: eventfd2", (int)message->number);
  if (state.count)
    SYS(write, fd, &state.count, sizeof(state.count));
  return (int)fd;
}

const struct descriptor_kind hwckpt_descriptor_eventfd = {
    .name = "eventfd",
    .kind = DescriptorKind_DESCRIPTOR_EVENTFD,
    .recognise = recognise,
    .save = save,
    .open = make,
};
