/* rekey.c - another key for what is encrypted already.
 *
 * What is written lies within one sector of the device: it is there or not. */
#include "rekey.h"

#include "own.h"
#include "stream_format.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int io_failed(const char *path, const char *doing,
                     struct hwckpt_error *error) {
  return hwckpt_fail(error, HWCKPT_E_EXPORT_FILE, errno, path, "%s", doing);
}

static int read_beginning(int fd, const char *path,
                          struct seal_wrapped *wrapped,
                          struct hwckpt_error *error) {
  struct stream_head head = {.version = 0};
  if (pread(fd, &head, sizeof head, 0) != (ssize_t)sizeof head ||
      memcmp(head.magic, STREAM_MAGIC, sizeof head.magic) != 0 ||
      head.version < STREAM_VERSION || head.version > STREAM_VERSION_COMMON)
    return hwckpt_fail(error, HWCKPT_E_STREAM_FORMAT, 0, path,
                       "it does not begin as one");
  if (head.flags != STREAM_SEALED)
    return hwckpt_fail(error, HWCKPT_E_NOT_ENCRYPTED, 0, path, "%s", "");
  if (pread(fd, wrapped, sizeof *wrapped, sizeof head) !=
      (ssize_t)sizeof *wrapped)
    return hwckpt_fail(error, HWCKPT_E_STREAM_TRUNCATED, 0, path,
                       "it ends in its key");
  return seal_is_whole(wrapped) ? 0
                                : hwckpt_fail(error, HWCKPT_E_STREAM_DAMAGED, 0,
                                              path, "checksum of its key");
}

static int change(int fd, const char *path, const struct seal_key *from,
                  const struct seal_key *to, struct hwckpt_error *error) {
  struct seal_wrapped wrapped;
  struct seal_key own;
  int failed = read_beginning(fd, path, &wrapped, error);
  if (failed)
    return failed;
  if (seal_unwrap(to, &wrapped, &own)) {
    seal_forget(&own);
    return 0;
  }
  if (!seal_unwrap(from, &wrapped, &own))
    return hwckpt_fail(error, HWCKPT_E_KEY_WRONG, 0, path, "%s", "");
  seal_wrap(to, &own, &wrapped);
  seal_forget(&own);
  if (pwrite(fd, &wrapped, sizeof wrapped, sizeof(struct stream_head)) !=
          (ssize_t)sizeof wrapped ||
      fdatasync(fd))
    return io_failed(path, "write", error);
  return 0;
}

int rekey_file(int fd, const char *path, const struct seal_key *from,
               const struct seal_key *to, struct hwckpt_error *error) {
  int failed = own_check(fd, S_IFREG, path, error);
  return failed ? failed : change(fd, path, from, to, error);
}
