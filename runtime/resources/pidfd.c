/* pidfd.c - pidfd_open(2) of the program itself. One of another process is not
 * recognised: that process does not come back with the program. */
#include "../arch/sys.h"
#include "info.h"
#include "resource.h"

#include <fcntl.h>

#define PIDFD_THREAD O_EXCL

static bool recognise(const struct resource_sink *sink,
                      const Descriptor *message) {
  uint64_t pid;
  (void)sink;
  return (info_begins(message->path, "anon_inode:[pidfd]") ||
          info_begins(message->path, "pidfd:")) &&
         info_find(message->number, "Pid:", 10, &pid) &&
         pid == (uint64_t)SYS(getpid);
}

static int make(struct resource_source *source, const Descriptor *message,
                struct hwckpt_error *error) {
  (void)source;
  uint32_t flags = message->flags & (O_NONBLOCK | PIDFD_THREAD);
  long fd = SYS(pidfd_open, SYS(getpid), flags);
  if (fd < 0)
    return hwckpt_fail(error, HWCKPT_E_RESTORE_KERNEL, (int)-fd, message->path,
                       "descriptor %d: pidfd_open", (int)message->number);
  return (int)fd;
}

const struct descriptor_kind hwckpt_descriptor_pidfd = {
    .name = "pidfd",
    .kind = DescriptorKind_DESCRIPTOR_PIDFD,
    .recognise = recognise,
    .open = make,
};
