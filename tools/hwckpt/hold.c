/* hold.c - see hold.h. */
#include "hold.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/file.h>
#include <sys/stat.h>
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

/* A descriptor, or -errno. */
static int open_directory(const char *path, const char *application) {
  int cache = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
  int directory = cache < 0
                      ? -1
                      : openat(cache, application,
                               O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  int number = errno;
  if (cache >= 0)
    close(cache);
  return directory < 0 ? -number : directory;
}

int hold_is_kept(const char *cache, const char *application, int lock,
                 struct hwckpt_error *error) {
  struct stat held, there;
  int directory = open_directory(cache, application);
  bool same = directory >= 0 && !fstat(lock, &held) &&
              !fstat(directory, &there) && held.st_dev == there.st_dev &&
              held.st_ino == there.st_ino;
  if (directory >= 0)
    close(directory);
  return same ? 0
              : hwckpt_fail(error, HWCKPT_E_NO_APPLICATION, 0, application,
                            "its directory was removed, or replaced");
}

int hold_application(const char *path, const char *application, int *lock,
                     struct hwckpt_error *error) {
  int directory = open_directory(path, application);
  if (directory < 0)
    return hwckpt_fail(error, HWCKPT_E_CACHE_IO, -directory, application,
                       "its directory");
  *lock = directory;
  if (!await(directory))
    return hwckpt_fail(error, HWCKPT_E_STILL_RUNNING, 0, application,
                       "under another `hwckpt run`, `restore` or `import`");
  return 0;
}
