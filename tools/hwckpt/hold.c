/* hold.c - see hold.h. */
#include "hold.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

int hold_application(const char *path, const char *application, int *lock,
                     struct hwckpt_error *error) {
  int cache = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
  int directory = cache < 0
                      ? -1
                      : openat(cache, application,
                               O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  int number = errno;
  if (cache >= 0)
    close(cache);
  if (directory < 0)
    return hwckpt_fail(error, HWCKPT_E_CACHE_IO, number, application,
                       "its directory");
  *lock = directory;
  if (flock(directory, LOCK_EX | LOCK_NB))
    return hwckpt_fail(error, HWCKPT_E_STILL_RUNNING, 0, application,
                       "under another `hwckpt run` or `hwckpt restore`");
  return 0;
}
