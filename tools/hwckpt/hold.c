/* hold.c - see hold.h. */
#include "hold.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

/* One that was killed a moment ago lives on in processes that are about to die
 * with it. */
#define TRIES 100
#define STEP_NS 10000000

static bool await(int directory) {
  const struct timespec step = {.tv_nsec = STEP_NS};
  for (int i = 0; i < TRIES; i++) {
    if (!flock(directory, LOCK_EX | LOCK_NB))
      return true;
    nanosleep(&step, NULL);
  }
  return false;
}

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
  if (!await(directory))
    return hwckpt_fail(error, HWCKPT_E_STILL_RUNNING, 0, application,
                       "under another `hwckpt run` or `hwckpt restore`");
  return 0;
}
