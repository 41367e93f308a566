/* terminal.c - descriptors above 2 of the terminal that standard input, output
 * or error is, or that a program of several processes was started with: of who
 * restores, as those are (inherited.c). Each process opens its own. */
#include "../arch/sys.h"
#include "../support/record_types.h"
#include "resource.h"
#include "standard.h"
#include "tree.h"

#include <fcntl.h>
#include <sys/stat.h>

/* Which of 0 to 2 that the tree was started with is the same terminal, where
 * nobody has the open file there; -1: none. */
static int standard_of_tree(const struct resource_sink *sink,
                            const Descriptor *message) {
  size_t count;
  const struct tree_fact *rows =
      tree_rows(sink, TREE_STANDARD_DEVICE, message->inode, &count);
  for (size_t i = 0; i < count; i++)
    if (rows[i].file == message->device && standard_of(sink, message) < 0)
      return rows[i].member;
  return -1;
}

/* The standard descriptor of the same terminal, -1: none. */
static int standard(const struct resource_sink *sink,
                    const Descriptor *message) {
  for (size_t i = 0; i < sink->fact_count && sink->facts[i].number <= 2; i++)
    if (S_ISCHR(sink->facts[i].mode) &&
        sink->facts[i].device == message->device &&
        sink->facts[i].inode == message->inode)
      return sink->facts[i].number;
  return standard_of_tree(sink, message);
}

static bool recognise(const struct resource_sink *sink,
                      const Descriptor *message) {
  return S_ISCHR(message->mode) && message->number > 2 &&
         standard(sink, message) >= 0;
}

static int save(struct resource_sink *sink, Descriptor *message,
                struct hwckpt_error *error) {
  Terminal terminal = Terminal_init_zero;
  terminal.standard = standard(sink, message);
  return resource_put(sink, RECORD_TERMINAL, Terminal_fields, &terminal, error);
}

static int reopen(struct resource_source *source, const Descriptor *message,
                  struct hwckpt_error *error) {
  Terminal terminal;
  char path[64];
  int failed = resource_get_own(source, RECORD_TERMINAL, Terminal_fields,
                                &terminal, error);
  if (failed)
    return failed;
  if (terminal.standard < 0 || terminal.standard > 2)
    return hwckpt_fail(error, HWCKPT_E_RECORD, 0, message->path,
                       "descriptor %d", (int)message->number);
  int from = source->inherited[terminal.standard];
  hwckpt_format(path, sizeof(path), "/proc/self/fd/%d", from);
  uint32_t flags =
      message->flags & ~(uint32_t)(O_CREAT | O_EXCL | O_TRUNC | O_CLOEXEC);
  long fd = from < 0 ? from : SYS(openat, AT_FDCWD, path, flags | O_NOCTTY, 0);
  if (fd < 0 && from >= 0) /* not a terminal there, but a socket */
    fd = SYS(dup, from);
  if (fd < 0)
    fd = SYS(openat, AT_FDCWD, "/dev/null", O_RDWR, 0);
  if (fd < 0)
    return hwckpt_fail(error, HWCKPT_E_RESTORE_KERNEL, (int)-fd, message->path,
                       "descriptor %d", (int)message->number);
  return (int)fd;
}

const struct descriptor_kind hwckpt_descriptor_terminal = {
    .name = "terminal",
    .kind = DescriptorKind_DESCRIPTOR_TERMINAL,
    .recognise = recognise,
    .save = save,
    .open = reopen,
};
