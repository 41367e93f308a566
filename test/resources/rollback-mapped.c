// A rollback puts back what is mapped of files without a name, and what is not;
// descriptors and mappings stay of one file.
// RUN: %behaviour %s -o %t && %by_all %t once
#include "behaviour.h"
#include <sys/mman.h>
enum { PAGE = 4096 };
int main(int argc, char **argv) {
  CHECK(argc == 2);
  int both = PROT_READ | PROT_WRITE, file = memfd_create("mapped", 0);
  CHECK(ftruncate(file, 8 * PAGE) == 0);
  char *memory = mmap(NULL, 2 * PAGE, both, MAP_SHARED, file, PAGE);
  char *anonymous =
      mmap(NULL, 4 * PAGE, both, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  char *other = mremap(anonymous, 0, 4 * PAGE, MREMAP_MAYMOVE);
  char *copy = mmap(NULL, 9 * PAGE, both, MAP_PRIVATE, file, 0);
  CHECK(memory != MAP_FAILED && anonymous != MAP_FAILED);
  CHECK(other != MAP_FAILED && copy != MAP_FAILED);
  CHECK(mprotect(anonymous, 4 * PAGE, PROT_READ) == 0);
  strcpy(memory, "mapped");
  strcpy(other, "anonymous");
  strcpy(copy, "copy");
  CHECK(pwrite(file, "not", 4, 5 * PAGE) == 4);
  CHECK(lseek(file, 5, SEEK_SET) == 5);
  CHECK(__builtin_ckpt_save() >= 0);
  char text[8];
  if (first_time(argv[1])) {
    CHECK(pwrite(file, "xxx", 4, 0) == 4 && pwrite(file, "xxx", 4, PAGE) == 4);
    CHECK(pwrite(file, "xxx", 4, 5 * PAGE) == 4);
    CHECK(pwrite(file, "xxx", 4, 6 * PAGE) == 4);
    CHECK(ftruncate(file, 20 * PAGE) == 0);
    memory[PAGE] = other[3 * PAGE] = copy[7 * PAGE] = 'x';
    strcpy(other, "wrong");
    strcpy(copy, "wrong");
    roll_back();
  }
  CHECK(strcmp(memory, "mapped") == 0 && memory[PAGE] == 0);
  CHECK(strcmp(anonymous, "anonymous") == 0 && anonymous[3 * PAGE] == 0);
  CHECK(strcmp(copy, "copy") == 0 && copy[7 * PAGE] == 0);
  CHECK(pread(file, text, 4, 5 * PAGE) == 4 && strcmp(text, "not") == 0);
  CHECK(pread(file, text, 4, 6 * PAGE) == 4 && !text[0]);
  CHECK(pread(file, text, 4, 0) == 4 && !text[0]);
  CHECK_EQUAL(lseek(file, 0, SEEK_CUR), 5);
  CHECK_EQUAL(lseek(file, 0, SEEK_END), 8 * PAGE);
  memory[1] = 'A';
  CHECK(pread(file, text, 2, PAGE) == 2 && text[1] == 'A');
  other[1] = 'A';
  CHECK(anonymous[1] == 'A');
  return 0;
}
