// An open file whose name is removed, but that has another in its directory, is
// the same file after a restore: written through the descriptor it is seen
// under that name, and the other way round; what it has grown by since the
// checkpoint is taken back.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t
#include "behaviour.h"
#include <sys/stat.h>
static void is_same(int file, const char *name) {
  struct stat open_file, named;
  CHECK(fstat(file, &open_file) == 0 && stat(name, &named) == 0);
  CHECK(open_file.st_ino == named.st_ino && open_file.st_nlink == 1);
}
int main(void) {
  char text[16] = "";
  int file = open("first", O_RDWR | O_CREAT | O_EXCL, 0600);
  CHECK(file >= 0 && write(file, "before", 6) == 6);
  CHECK(link("first", "second") == 0 && unlink("first") == 0);
  int again = dup(file), reader = open("second", O_RDONLY);
  is_same(file, "second");
  if (!came_back()) {
    CHECK(write(file, ", and after", 11) == 11);
    die();
  }
  is_same(file, "second");
  is_same(reader, "second");
  CHECK(access("first", F_OK) < 0 && lseek(again, 0, SEEK_CUR) == 6);
  CHECK_EQUAL(pread(reader, text, sizeof text, 0), 6);
  CHECK(memcmp(text, "before", 6) == 0);
  CHECK(pwrite(file, "B", 1, 0) == 1 && pread(reader, text, 1, 0) == 1);
  CHECK(*text == 'B' && unlink("second") == 0);
  return 0;
}
