/* borrow.c - see borrow.h. */
#include "borrow.h"

#include "../arch/sys.h"
#include "info.h"
#include "standard.h"
#include "tree.h"

#include <fcntl.h>
#include <sys/stat.h>

int refuse_to_save(struct hwckpt_error *error, const Descriptor *message,
                   long result, const char *what) {
  return hwckpt_fail(error, HWCKPT_E_CAPTURE, result < 0 ? (int)-result : 0,
                     message->path, "descriptor %d: %s", (int)message->number,
                     what);
}

int refuse_to_restore(struct hwckpt_error *error, const Descriptor *message,
                      long result, const char *what) {
  return hwckpt_fail(error, HWCKPT_E_RESTORE_KERNEL,
                     result < 0 ? (int)-result : 0, message->path,
                     "descriptor %d: %s", (int)message->number, what);
}

int refuse_to_roll_back(struct resource_source *source,
                        const Descriptor *message, int descriptor,
                        struct hwckpt_error *error) {
  (void)source;
  (void)descriptor;
  return hwckpt_fail(error, HWCKPT_E_NOT_ROLLED_BACK, 0, message->path,
                     "descriptor %d", (int)message->number);
}

long borrow_number(const struct resource_sink *sink, int number) {
  int own = info_held(number);
  return own < 0 ? SYS(pidfd_getfd, sink->pidfd, number, 0)
                 : SYS(fcntl, own, F_DUPFD_CLOEXEC, 0);
}

int borrow(const struct resource_sink *sink, const Descriptor *message,
           struct hwckpt_error *error) {
  long fd = borrow_number(sink, message->number);
  return fd < 0 ? refuse_to_save(error, message, fd, "pidfd_getfd") : (int)fd;
}

int borrow_socket(const struct resource_sink *sink, const Descriptor *message) {
  if (!S_ISSOCK(message->mode) || standard_is_given(sink, message))
    return -1;
  long fd = borrow_number(sink, message->number);
  return fd < 0 ? -1 : (int)fd;
}

int borrow_and_put(struct resource_sink *sink, const Descriptor *message,
                   int (*put)(struct resource_sink *sink,
                              const Descriptor *message, int borrowed,
                              struct hwckpt_error *error),
                   struct hwckpt_error *error) {
  if (message->same_as >= 0)
    return 0;
  int fd = borrow(sink, message, error);
  if (fd < 0)
    return fd;
  int result = put(sink, message, fd, error);
  SYS(close, fd);
  return result;
}
