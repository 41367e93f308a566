// A directory is read on after a restore from where the kernel's listing stood.
// RUN: %behaviour %s -o %t && %by_all bash -c 'mkdir folder && (cd folder && seq 500 | xargs touch) && %restored -- %t folder'
#include "behaviour.h"
#include <fcntl.h>
#include <sys/syscall.h>
struct entry {
  unsigned long inode;
  long next;
  unsigned short length;
  unsigned char type;
  char name[];
};
static char seen[501];
/* Reads one buffer; 0 at the end. */
static long read_some(int fd) {
  _Alignas(8) char buffer[512];
  long length = syscall(SYS_getdents64, fd, buffer, sizeof buffer);
  CHECK(length >= 0);
  for (long at = 0; at < length;) {
    struct entry *entry = (struct entry *)(buffer + at);
    at += entry->length;
    if (entry->name[0] != '.')
      CHECK_EQUAL(seen[atoi(entry->name)]++, 0);
  }
  return length;
}
int main(int argc, char **argv) {
  CHECK(argc == 2);
  int fd = open(argv[1], O_RDONLY | O_DIRECTORY);
  for (int i = 0; i < 5; i++)
    CHECK(read_some(fd) > 0);
  die_and_come_back();
  while (read_some(fd))
    ;
  for (int i = 1; i <= 500; i++)
    CHECK_EQUAL(seen[i], 1);
  return 0;
}
