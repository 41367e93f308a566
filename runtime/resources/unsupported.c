/* unsupported.c - descriptors that do not come back: the program finds them as
 * if the other end had been closed. */
#include "../arch/sys.h"
#include "resource.h"

#include <fcntl.h>

static bool recognise(const struct resource_sink *sink,
                      const Descriptor *message) {
  (void)sink;
  (void)message;
  return true;
}

static int save(struct resource_sink *sink, Descriptor *message,
                struct hwckpt_error *error) {
  if (message->same_as >= 0) /* comes back with the lower one */
    return 0;
  return resource_unsupported(sink, error, message->path, "descriptor %d",
                              (int)message->number);
}

static int replace(struct resource_source *source, const Descriptor *message,
                   struct hwckpt_error *error) {
  struct hwckpt_error warning;
  int ends[2];
  long result = SYS(pipe2, ends, message->flags & O_NONBLOCK);
  if (result < 0)
    return hwckpt_fail(error, HWCKPT_E_RESTORE_KERNEL, (int)-result,
                       message->path, "descriptor %d", (int)message->number);
  int end = (message->flags & O_ACCMODE) == O_RDONLY ? 0 : 1;
  SYS(close, ends[!end]);
  hwckpt_fail(&warning, HWCKPT_E_FD_NOT_RESTORED, 0, message->path,
              "descriptor %d", (int)message->number);
  source->warn(source, &warning);
  return ends[end];
}

const struct descriptor_kind hwckpt_descriptor_unsupported = {
    .name = "unsupported",
    .kind = DescriptorKind_DESCRIPTOR_UNSUPPORTED,
    .recognise = recognise,
    .save = save,
    .open = replace,
};
