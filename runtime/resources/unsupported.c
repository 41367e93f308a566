/* unsupported.c - descriptors that do not come back: the program finds them as
 * if the other end had been closed.
 *
 * Those that the program was started with, and that may well not concern it,
 * are no reason to take no checkpoint: they are left out and named. */
#include "../arch/sys.h"
#include "borrow.h"
#include "info.h"
#include "resource.h"

#include <fcntl.h>
#include <sys/stat.h>

#define FIRST_MAX 64

/* Descriptors above 2 at the start that are no files. */
static struct {
  int number;
  uint64_t device, inode;
} first[FIRST_MAX];
static unsigned first_count;

static void note_first(int number, void *unused) {
  (void)unused;
  struct stat facts;
  if (number < 3 || first_count == FIRST_MAX ||
      SYS(fstat, number, &facts) < 0 || S_ISREG(facts.st_mode))
    return;
  first[first_count].number = number;
  first[first_count].device = facts.st_dev;
  first[first_count++].inode = facts.st_ino;
}

static void begin(void) {
  first_count = 0;
  info_each_descriptor(note_first, 0);
}

static bool is_first(const Descriptor *message) {
  for (unsigned i = 0; i < first_count; i++)
    if (first[i].number == message->number &&
        first[i].device == message->device && first[i].inode == message->inode)
      return true;
  return false;
}

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
  if (!is_first(message))
    return resource_unsupported(sink, error, message->path, "descriptor %d",
                                (int)message->number);
  struct hwckpt_error warning;
  hwckpt_fail(&warning, HWCKPT_E_UNSUPPORTED, 0, message->path,
              "descriptor %d, which the program was started with",
              (int)message->number);
  sink->warn(sink, &warning);
  return 0;
}

static int replace(struct resource_source *source, const Descriptor *message,
                   struct hwckpt_error *error) {
  struct hwckpt_error warning;
  int ends[2] = {-1, -1};
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
    .begin = begin,
    .recognise = recognise,
    .save = save,
    .open = replace,
    .check = refuse_to_roll_back,
};
