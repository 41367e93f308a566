/* pidfd.c - pidfd_open(2) of the process itself, or of another of the tree that
 * it is in: its parent, a child, also one that has ended and that nobody has
 * waited for. All of them are there, with their ids, before any opens its
 * descriptors. One of a process that does not come back with the program, or of
 * which nothing is left, is not recognised. */
#include "../arch/sys.h"
#include "../support/record_types.h"
#include "borrow.h"
#include "info.h"
#include "resource.h"
#include "tree.h"

#include <fcntl.h>

#define PIDFD_THREAD O_EXCL

static bool read_pid(const Descriptor *message, uint64_t *pid) {
  return info_find(message->number, "Pid:", 10, pid);
}

static bool recognise(const struct resource_sink *sink,
                      const Descriptor *message) {
  uint64_t pid;
  size_t count;
  if ((!info_begins(message->path, "anon_inode:[pidfd]") &&
       !info_begins(message->path, "pidfd:")) ||
      !read_pid(message, &pid))
    return false;
  if (pid == (uint64_t)SYS(getpid))
    return true;
  tree_rows(sink, TREE_PROCESS_DEVICE, pid, &count);
  return count > 0;
}

static int save(struct resource_sink *sink, Descriptor *message,
                struct hwckpt_error *error) {
  Pidfd pidfd = Pidfd_init_zero;
  uint64_t pid = 0;
  if (!read_pid(message, &pid))
    return refuse_to_save(error, message, 0, "whose it is");
  if (pid == (uint64_t)SYS(getpid))
    return 0;
  pidfd.pid = (int32_t)pid;
  return resource_put(sink, RECORD_PIDFD, Pidfd_fields, &pidfd, error);
}

static int make(struct resource_source *source, const Descriptor *message,
                struct hwckpt_error *error) {
  Pidfd pidfd = {.pid = (int32_t)SYS(getpid)};
  uint32_t flags = message->flags & (O_NONBLOCK | PIDFD_THREAD);
  (void)resource_get_own(source, RECORD_PIDFD, Pidfd_fields, &pidfd, 0);
  long fd = SYS(pidfd_open, pidfd.pid, flags);
  return fd < 0 ? refuse_to_restore(error, message, fd, "pidfd_open") : (int)fd;
}

const struct descriptor_kind hwckpt_descriptor_pidfd = {
    .name = "pidfd",
    .kind = DescriptorKind_DESCRIPTOR_PIDFD,
    .recognise = recognise,
    .save = save,
    .open = make,
};
