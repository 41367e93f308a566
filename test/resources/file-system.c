// Working directory and umask come back, wherever the restore is started; a
// umask that takes all rights away takes none of them from the cache.
// RUN: %behaviour %s -o %t && %by_all bash -c 'mkdir -p folder/below && %restored -- %t folder/below'
#include "behaviour.h"
#include <fcntl.h>
#include <sys/stat.h>
int main(int argc, char **argv) {
  CHECK(argc == 2 && chdir(argv[1]) == 0);
  char before[4096], after[4096];
  CHECK(getcwd(before, sizeof before));
  umask(0777);
  CHECK(!came_back());
  umask(0137);
  die_and_come_back();
  CHECK(getcwd(after, sizeof after) && strcmp(before, after) == 0);
  int fd = open("made", O_CREAT | O_EXCL | O_WRONLY, 0777);
  struct stat is;
  CHECK(fd >= 0 && fstat(fd, &is) == 0);
  CHECK_EQUAL(is.st_mode & 0777, 0640);
  CHECK_EQUAL(umask(0), 0137);
  return 0;
}
