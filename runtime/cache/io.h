/* io.h - whole reads and writes, and files that may be trusted.
 *
 * Invariant: no file of a cache is used before its owner, mode and kind were
 * checked, and no symbolic link is followed on the way to it. Every failure
 * names the file.
 */
#ifndef HWCKPT_CACHE_IO_H
#define HWCKPT_CACHE_IO_H

#include "directory.h"

/* A file inside a cache, for opening it and for naming it in errors. */
struct place {
  const struct cache *cache;
  const char *application; /* null: the cache's own directory */
  const char *file;        /* null: the directory itself */
};

/* hwckpt_fail() with the place as object. */
int place_fail(const struct place *place, struct hwckpt_error *error,
               enum hwckpt_code code, int sys_errno, const char *detail, ...)
    __attribute__((format(printf, 5, 6)));

/* The same for a failed call (result is a negative errno): CACHE_FULL when
 * there is no room, else CACHE_IO. */
int place_fail_io(const struct place *place, struct hwckpt_error *error,
                  long result, const char *doing);

/* Damage at a byte offset of a file. */
int place_damaged(const struct place *place, struct hwckpt_error *error,
                  uint64_t offset, const char *what);
int place_truncated(const struct place *place, struct hwckpt_error *error,
                    uint64_t offset, const char *what);

/* Checks owner, mode and kind of an open file; fills *size when not null. */
int io_check_file(const struct place *place, int fd, uint64_t *size,
                  struct hwckpt_error *error);
int io_check_directory(const struct place *place, int fd,
                       struct hwckpt_error *error);

/* Opens place->file in directory fd for reading and checks it. *fd is -1, and
 * the result 0, when there is no such file. */
int io_open_file(const struct place *place, int directory, int *fd,
                 uint64_t *size, struct hwckpt_error *error);

/* Reads all of length bytes: short of that is CACHE_TRUNCATED. */
int io_read(const struct place *place, int fd, void *data, size_t length,
            uint64_t offset, struct hwckpt_error *error);
int io_write(const struct place *place, int fd, const void *data, size_t length,
             uint64_t offset, struct hwckpt_error *error);

/* Writes a small file durably under its name, through a temporary name. */
int io_replace_file(const struct place *place, int directory, const void *data,
                    size_t length, struct hwckpt_error *error);

/* Calls visit with every name in the directory at fd, "." and ".." left out,
 * until it returns non-zero, which is then returned. */
int io_each_name(const struct place *place, int fd,
                 int (*visit)(const char *name, void *context), void *context,
                 struct hwckpt_error *error);

#endif
