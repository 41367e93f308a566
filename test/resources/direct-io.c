// A file that is read with O_DIRECT fills pages without a mark: nothing is
// copied while the program runs as long as it is open. A pipe of messages is
// none.
// RUN: %behaviour %s -o %t && %restored_by_all -o method=precopy -- %t file
#include "behaviour.h"
#include <sys/mman.h>
static struct hwckpt_statistics last(void) {
  struct hwckpt_statistics all;
  CHECK_EQUAL(hwckpt_statistics(&all, sizeof all), 0);
  return all;
}
int main(int count, char **arguments) {
  CHECK_EQUAL(count, 2);
  int ends[2], fd = open(arguments[1], O_RDWR | O_CREAT | O_DIRECT, 0600);
  if (fd < 0)
    SKIP("no O_DIRECT here");
  char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(page != MAP_FAILED);
  memset(page, 5, 4096);
  CHECK_EQUAL(write(fd, page, 4096), 4096);
  CHECK_EQUAL(__builtin_ckpt_save(), 0);
  CHECK_EQUAL(last().rounds, 0);
  memset(page, 0, 4096);
  CHECK_EQUAL(pread(fd, page, 4096, 0), 4096);
  CHECK_EQUAL(__builtin_ckpt_save(), 0);
  CHECK_EQUAL(last().rounds, 0);
  CHECK_EQUAL(close(fd), 0);
  CHECK_EQUAL(pipe2(ends, O_DIRECT), 0);
  CHECK_EQUAL(__builtin_ckpt_save(), 0);
  CHECK(last().rounds > 0);
  die_and_come_back();
  CHECK_EQUAL(page[4095], 5);
  return 0;
}
