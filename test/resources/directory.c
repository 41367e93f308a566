// An open directory comes back, at its place in the listing, and names are
// looked up below it.
// RUN: %behaviour %s -o %t && %by_all bash -c 'mkdir folder && touch folder/{a,b,c,d,e,f} && %restored -- %t folder'
#include "behaviour.h"
#include <dirent.h>
#include <fcntl.h>
int main(int argc, char **argv) {
  CHECK(argc == 2);
  int fd = open(argv[1], O_RDONLY | O_DIRECTORY);
  DIR *listing = opendir(argv[1]);
  CHECK(fd >= 0 && listing);
  int seen = 0;
  while (seen < 3 && readdir(listing))
    seen++;
  long place = telldir(listing);
  die_and_come_back();
  CHECK_EQUAL(telldir(listing), place);
  while (readdir(listing))
    seen++;
  CHECK_EQUAL(seen, 8);
  CHECK(openat(fd, "c", O_RDONLY) >= 0);
  CHECK_EQUAL(fchdir(fd), 0);
  CHECK_EQUAL(access("f", R_OK), 0);
  return 0;
}
