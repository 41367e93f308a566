/* namespace_file.c - descriptors of namespaces (/proc/PID/ns/NAME) that the
 * process itself is in. Those are of who restores, and so is what such a
 * descriptor leads to then. One of any other namespace is not recognised. */
#include "../arch/sys.h"
#include "borrow.h"
#include "info.h"
#include "resource.h"

#include <fcntl.h>
#include <string.h>

static const char *const names[] = {
    "user", "mnt", "net", "ipc", "uts", "pid", "cgroup", "time",
};
#define NAMES (sizeof(names) / sizeof(*names))

/* The link's text is NAME:[INODE]; null: of something else. */
static const char *kind_of(const Descriptor *message) {
  for (size_t i = 0; i < NAMES; i++) {
    if (info_begins(message->path, names[i]) &&
        message->path[strlen(names[i])] == ':')
      return names[i];
  }
  return 0;
}

static bool recognise(const struct resource_sink *sink,
                      const Descriptor *message) {
  (void)sink;
  const char *kind = kind_of(message);
  char name[32], path[64], own[64];
  if (!kind)
    return false;
  hwckpt_format(name, sizeof(name), "ns/%s", kind);
  info_path(path, "%s", name);
  long length = SYS(readlinkat, AT_FDCWD, path, own, sizeof(own) - 1);
  if (length < 0)
    return false;
  own[length] = 0;
  return info_begins(own, message->path);
}

static int reopen(struct resource_source *source, const Descriptor *message,
                  struct hwckpt_error *error) {
  (void)source;
  const char *kind = kind_of(message);
  char path[64];
  hwckpt_format(path, sizeof(path), "/proc/self/ns/%s", kind ? kind : "");
  /* It is a link that is followed. */
  uint32_t flags = message->flags & (O_ACCMODE | O_PATH | O_NONBLOCK);
  long fd = SYS(openat, AT_FDCWD, path, flags | O_CLOEXEC, 0);
  return fd < 0 ? refuse_to_restore(error, message, fd, "opening it again")
                : (int)fd;
}

const struct descriptor_kind hwckpt_descriptor_namespace_file = {
    .name = "namespace",
    .kind = DescriptorKind_DESCRIPTOR_NAMESPACE,
    .recognise = recognise,
    .open = reopen,
};
