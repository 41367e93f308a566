// Files of the user's own that are open, or mapped, with rights that their mode
// no longer gives (git makes its packs so), and a folder: they are open again,
// what was written since is taken back, and their mode is what it was.
// RUN: %behaviour %s -o %t && %by_all sh -c '! %restored -- %t && %hwckpt restore'
// RUN: %by_all sh -c '%hwckpt run -- %t; test $? = 137 && %hwckpt restore --pid=any; test $? = 137'
#include "behaviour.h"
#include <sys/mman.h>
#include <sys/stat.h>
enum { SIZE = 16384 };
static int make(const char *name, int flags, mode_t mode) {
  char page[SIZE];
  int file = open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  memset(page, 'a', SIZE);
  CHECK(file >= 0 && write(file, page, SIZE) == SIZE && close(file) == 0);
  file = open(name, flags | O_CLOEXEC);
  CHECK(file >= 0 && chmod(name, mode) == 0);
  return file;
}
static void is_of_mode(int file, mode_t mode) {
  struct stat is;
  CHECK(fstat(file, &is) == 0);
  CHECK_EQUAL(is.st_mode & 07777, mode);
}
static void is(int file, off_t at, char wanted) {
  char byte;
  CHECK(pread(file, &byte, 1, at) == 1);
  CHECK_EQUAL(byte, wanted);
}
int main(void) {
  int made = open("made", O_RDWR | O_CREAT | O_EXCL, 0444);
  int hidden = make("hidden", O_RDONLY, 0);
  int written = make("written", O_RDWR, 0400);
  int later = make("later", O_RDWR, 0600);
  int only = make("only", O_WRONLY | O_APPEND, 0004);
  int removed = make("removed", O_RDWR, 0400);
  int private = make("private", O_RDONLY, 0200);
  int shared = make("shared", O_RDWR, 0444);
  CHECK(mkdir("folder", 0700) == 0 && mkdir("folder/in", 0700) == 0);
  int folder = open("folder", O_RDONLY | O_DIRECTORY);
  CHECK(made >= 0 && folder >= 0 && chmod("folder", 0300) == 0);
  CHECK(write(made, "made", 4) == 4);
  char *copy =
      mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE, private, 0);
  char *same = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, shared, 0);
  CHECK(copy != MAP_FAILED && same != MAP_FAILED);
  CHECK(close(private) == 0 && close(shared) == 0);
  copy[4096] = 'b';
  int times = __builtin_ckpt_save();
  CHECK(times >= 0);
  is_of_mode(made, 0444);
  is_of_mode(hidden, 0);
  is_of_mode(written, 0400);
  is_of_mode(only, 04);
  is_of_mode(removed, 0400);
  is_of_mode(folder, 0300);
  is(later, 0, 'a');
  is(made, 0, 'm');
  is(hidden, 0, 'a');
  is(written, 100, 'a');
  is(removed, 100, 'a');
  CHECK_EQUAL(lseek(only, 0, SEEK_END), SIZE);
  CHECK(fstatat(folder, "in", &(struct stat){0}, 0) == 0);
  CHECK(copy[0] == 'a' && copy[4096] == 'b' && same[0] == 'a');
  CHECK(pwrite(written, "x", 1, 100) == 1);
  CHECK(write(only, "x", 1) == 1);
  CHECK(pwrite(removed, "x", 1, 100) == 1 && write(made, "x", 1) == 1);
  CHECK(pwrite(later, "x", 1, 0) == 1);
  same[0] = 'x';
  if (times < 2) {
    CHECK(unlink("removed") == 0 && chmod("later", 0444) == 0);
    die();
  }
  return 0;
}
