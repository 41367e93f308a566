/* inherited.c - standard input, output and error that are no files: who
 * restores the program gives its own.
 *
 * Processes have these at other numbers too: `exec 3>&1`, `2>&1`, and a shell
 * its output at 10 while that is a file: `while ...; done >FILE`. So has a
 * process that another one gave its own, as tmux its terminal to its server. */
#include "../arch/sys.h"
#include "../support/record_types.h"
#include "resource.h"
#include "standard.h"

#include <fcntl.h>
#include <sys/stat.h>

static bool recognise(const struct resource_sink *sink,
                      const Descriptor *message) {
  return message->number >= 0 && standard_of(sink, message) >= 0 &&
         (!S_ISSOCK(message->mode) || standard_is_given(sink, message));
}

static int save(struct resource_sink *sink, Descriptor *message,
                struct hwckpt_error *error) {
  Terminal terminal = Terminal_init_zero;
  terminal.standard = standard_of(sink, message);
  return terminal.standard < 0 || terminal.standard == message->number
             ? 0
             : resource_put(sink, RECORD_TERMINAL, Terminal_fields, &terminal,
                            error);
}

static int take(struct resource_source *source, const Descriptor *message,
                struct hwckpt_error *error) {
  Terminal terminal = {.standard = message->number};
  (void)resource_get_own(source, RECORD_TERMINAL, Terminal_fields, &terminal,
                         0);
  if (terminal.standard < 0 || terminal.standard > 2)
    return hwckpt_fail(error, HWCKPT_E_RECORD, 0, "descriptor",
                       "%d cannot be inherited", (int)message->number);
  int from = source->inherited[terminal.standard];
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
    .begin = standard_begin,

    .recognise = recognise,
    .save = save,
    .open = take,
    .rewind = leave,
    .check = check,
};
