/* signalfd.c - signalfd(2): its set of signals. What is pending is the
 * process's and the threads', not the descriptor's. */
#include "../arch/sys.h"
#include "../support/record_types.h"
#include "info.h"
#include "resource.h"

#include <fcntl.h>

static bool recognise(const struct resource_sink *sink,
                      const Descriptor *message) {
  (void)sink;
  return info_begins(message->path, "anon_inode:[signalfd]");
}

static int save(struct resource_sink *sink, Descriptor *message,
                struct hwckpt_error *error) {
  SignalFd state = SignalFd_init_zero;
  if (message->same_as >= 0)
    return 0;
  if (!info_find(message->number, "sigmask:", 16, &state.mask))
    return hwckpt_fail(error, HWCKPT_E_CAPTURE, 0, message->path,
                       "descriptor %d: its signals are not told",
                       (int)message->number);
  return resource_put(sink, RECORD_SIGNALFD, SignalFd_fields, &state, error);
}

static int make(struct resource_source *source, const Descriptor *message,
                struct hwckpt_error *error) {
  SignalFd state;
  int result =
      resource_get_own(source, RECORD_SIGNALFD, SignalFd_fields, &state, error);
  if (result)
    return result;
  long fd = SYS(signalfd4, -1, &state.mask, sizeof(state.mask),
                message->flags & O_NONBLOCK);
  if (fd < 0)
    return hwckpt_fail(error, HWCKPT_E_RESTORE_KERNEL, (int)-fd, message->path,
                       "descriptor %d: signalfd4", (int)message->number);
  return (int)fd;
}

const struct descriptor_kind hwckpt_descriptor_signalfd = {
    .name = "signalfd",
    .kind = DescriptorKind_DESCRIPTOR_SIGNALFD,
    .recognise = recognise,
    .save = save,
    .open = make,
};
