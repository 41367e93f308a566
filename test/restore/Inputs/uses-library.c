/* uses-library FILE - as steps.c, with a shared library and a mapped file: maps
 * FILE, takes a checkpoint, kills itself unless it was restored. */
#include "come-back.h"

#include <fcntl.h>
#include <sys/mman.h>

int library_value(int step);

int main(int count, char **arguments) {
  CHECK(count == 2);
  int file = open(arguments[1], O_RDONLY);
  CHECK(file >= 0);
  char *mapped = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, file, 0);
  CHECK(mapped != MAP_FAILED && close(file) == 0);
  int before = library_value(1);
  die_and_come_back();
  CHECK(library_value(2) == before + 1);
  return mapped[0] == 'a' ? 7 : 8;
}
