// A program may leave the directory that it began in, whose file system can
// then be unmounted: none of the runtime's threads stays there. Its relative
// paths of cache and key are from where it began.
// RUN: %behaviour %s -o %t && %by_all bash %S/Inputs/left-directory %hwckpt %t
#include "behaviour.h"
#include <dirent.h>
#include <sys/mount.h>

/* How many threads of the program are in the directory or below. */
static unsigned threads_in(const char *directory) {
  char link[64], at[4096];
  unsigned count = 0;
  DIR *tasks = opendir("/proc/self/task");
  CHECK(tasks != NULL);
  for (struct dirent *task; (task = readdir(tasks));) {
    if (task->d_name[0] == '.')
      continue;
    snprintf(link, sizeof link, "/proc/self/task/%.20s/cwd", task->d_name);
    long length = readlink(link, at, sizeof at - 1);
    CHECK(length > 0);
    at[length] = 0;
    count += strncmp(at, directory, strlen(directory)) == 0;
  }
  closedir(tasks);
  return count;
}

int main(void) {
  char begun[4096];
  CHECK(getcwd(begun, sizeof begun) != NULL);
  if (came_back())
    return 1;
  CHECK_EQUAL(chdir("/"), 0);
  if (came_back())
    return 1;
  CHECK_EQUAL(threads_in(begun), 0);
  CHECK_EQUAL(umount2(begun, 0), 0);
  die_and_come_back();
  CHECK_EQUAL(threads_in(begun), 0);
  die_and_come_back();
  return 0;
}
