/* device.c - devices without a state of their own: opened again by path. A
 * terminal that is standard input, output or error is of who restores
 * (inherited.c). */
#include "../arch/sys.h"
#include "resource.h"
#include "standard.h"

#include <asm/ioctls.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

static const char *const paths[] = {"/dev/null",   "/dev/zero",    "/dev/full",
                                    "/dev/random", "/dev/urandom", "/dev/tty"};
#define COUNT (sizeof(paths) / sizeof(paths[0]))
#define TERMINAL (COUNT - 1)

static bool recognise(const struct resource_sink *sink,
                      const Descriptor *message) {
  if (!S_ISCHR(message->mode))
    return false;
  for (size_t i = 0; i < COUNT; i++) {
    size_t length = strlen(paths[i]) + 1;
    if (memcmp(message->path, paths[i], length) == 0)
      return i != TERMINAL || standard_of(sink, message) < 0;
  }
  return false;
}

/* /dev/tty of a program that has made a session of its own since it was opened,
 * which has no terminal: the one that a standard descriptor is. */
static long open_standard_terminal(const struct resource_source *source,
                                   uint32_t flags) {
  char path[64];
  unsigned char settings[64];
  for (int i = 0; i < 3; i++) {
    int from = source->inherited[i];
    if (from < 0 || SYS(ioctl, from, TCGETS, settings) < 0)
      continue;
    hwckpt_format(path, sizeof(path), "/proc/self/fd/%d", from);
    return SYS(openat, AT_FDCWD, path, flags | O_NOCTTY, 0);
  }
  return -ENXIO;
}

static int reopen(struct resource_source *source, const Descriptor *message,
                  struct hwckpt_error *error) {
  uint32_t flags =
      message->flags & ~(uint32_t)(O_CREAT | O_EXCL | O_TRUNC | O_CLOEXEC);
  long fd = SYS(openat, AT_FDCWD, message->path, flags | O_NOCTTY, 0);
  if (fd == -ENXIO)
    fd = open_standard_terminal(source, flags);
  if (fd < 0)
    return hwckpt_fail(
        error, fd == -ENOENT ? HWCKPT_E_FILE_GONE : HWCKPT_E_FILE_PERMISSION,
        (int)-fd, message->path, "descriptor %d", (int)message->number);
  return (int)fd;
}

static int take_back(struct resource_source *source, const Descriptor *message,
                     int descriptor, struct hwckpt_error *error) {
  (void)source;
  (void)error;
  SYS(fcntl, descriptor, F_SETFL, message->flags);
  return 0;
}

const struct descriptor_kind hwckpt_descriptor_device = {
    .name = "device",
    .kind = DescriptorKind_DESCRIPTOR_DEVICE,
    .recognise = recognise,
    .open = reopen,
    .rewind = take_back,
};
