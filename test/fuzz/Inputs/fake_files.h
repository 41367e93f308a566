/* fake_files.h - included before all else in files of the command line that
 * look at files whose paths a record says: they find what fake_status() says,
 * and nothing is opened.
 */
#ifndef HWCKPT_TEST_FAKE_FILES_H
#define HWCKPT_TEST_FAKE_FILES_H

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* The target's own. As stat(2). */
int fake_status(const char *path, struct stat *status);

static inline int fake_access(const char *path) {
  struct stat status;
  return fake_status(path, &status);
}

static inline int fake_open(const char *path) {
  (void)path;
  errno = ENOENT;
  return -1;
}

#define stat(path, status) fake_status(path, status)
#define access(path, mode) ((void)(mode), fake_access(path))
#define faccessat(at, path, mode, flags) ((void)(mode), fake_access(path))
#define open(path, ...) fake_open(path)

#endif
