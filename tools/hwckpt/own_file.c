/* own_file.c - the files that belong to this hwckpt: found from where the tool
 * itself is, so that a tree works wherever it lies. */
#include "own_file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int own_file(const char *name, char path[CACHE_PATH_MAX]) {
  char own[CACHE_PATH_MAX];
  ssize_t length = readlink("/proc/self/exe", own, sizeof own - 1);
  own[length > 0 ? length : 0] = 0;
  for (int i = 0; i < 2; i++) {
    char *slash = strrchr(own, '/');
    if (slash)
      *slash = 0;
  }
  int written = snprintf(path, CACHE_PATH_MAX, "%s/lib/hwckpt/%s", own, name);
  if (written >= CACHE_PATH_MAX)
    return -ENAMETOOLONG;
  return access(path, R_OK) ? -errno : 0;
}
