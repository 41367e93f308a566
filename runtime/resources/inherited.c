/* inherited.c - standard input, output and error that are no files: who
 * restores the program gives its own. */
#include "../arch/sys.h"
#include "resource.h"

#include <fcntl.h>

static bool recognise(const struct resource_sink *sink,
                      const Descriptor *message) {
  (void)sink;
  return message->number >= 0 && message->number <= 2;
}

static int take(struct resource_source *source, const Descriptor *message,
                struct hwckpt_error *error) {
  if (message->number < 0 || message->number > 2)
    return hwckpt_fail(error, HWCKPT_E_RECORD, 0, "descriptor",
                       "%d cannot be inherited", (int)message->number);
  int from = source->inherited[message->number];
  long fd =
      from < 0 ? SYS(openat, AT_FDCWD, "/dev/null", O_RDWR) : SYS(dup, from);
  if (fd < 0)
    return hwckpt_fail(error, HWCKPT_E_RESTORE_KERNEL, (int)-fd, message->path,
                       "descriptor %d", (int)message->number);
  return (int)fd;
}

/* Whoever is at the other end has seen what the program did with it. */
static int leave(struct resource_source *source, const Descriptor *message,
                 int descriptor, struct hwckpt_error *error) {
  (void)source;
  (void)message;
  (void)descriptor;
  (void)error;
  return 0;
}

static int check(struct resource_source *source, const Descriptor *message,
                 int descriptor, struct hwckpt_error *error) {
  (void)source;
  if (descriptor >= 0)
    return 0;
  return hwckpt_fail(error, HWCKPT_E_NOT_ROLLED_BACK, 0, message->path,
                     "descriptor %d was closed since", (int)message->number);
}

const struct descriptor_kind hwckpt_descriptor_inherited = {
    .name = "inherited",
    .kind = DescriptorKind_DESCRIPTOR_INHERITED,
    .recognise = recognise,
    .open = take,
    .rewind = leave,
    .check = check,
};
