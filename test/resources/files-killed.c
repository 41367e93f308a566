// Whoever takes files back may be killed at any time, again and again: the next
// restore goes on with it. Over two generations, with files that were
// overwritten, cut, removed, renamed in a circle and made.
// RUN: %behaviour %s -o %t
// RUN: %by_all bash %S/Inputs/files-killed %hwckpt %t %python %s
// CHECK-NOT: HWCKPT
#include "behaviour.h"
#include <sys/stat.h>

#define FILES 150
#define SIZE 300000

static const char *name(int i) {
  static char text[4][32];
  static int turn;
  turn = (turn + 1) % 4;
  snprintf(text[turn], sizeof *text, "f%03d", i);
  return text[turn];
}

static char *content(int i) {
  static char bytes[SIZE];
  for (size_t at = 0; at < SIZE; at++)
    bytes[at] = (char)('a' + (at / 7 + (size_t)i) % 26);
  return bytes;
}

static void make(const char *path, int i) {
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  CHECK(fd >= 0);
  CHECK_EQUAL(write(fd, content(i), SIZE), SIZE);
  close(fd);
}

static void expect(int i) {
  static char bytes[SIZE + 1];
  int fd = open(name(i), O_RDONLY);
  CHECK(fd >= 0);
  CHECK_EQUAL(read(fd, bytes, sizeof bytes), SIZE);
  if (memcmp(bytes, content(i), SIZE) != 0) {
    dprintf(2, "%s differs\n", name(i));
    _exit(1);
  }
  close(fd);
}

static void change(int round) {
  for (int i = 0; i < FILES; i++) {
    int fd = open(name(i), O_RDWR | O_CREAT, 0600);
    CHECK(fd >= 0);
    switch ((i + round) % 5) {
    case 0:
      CHECK_EQUAL(pwrite(fd, "changed", 7, 100000 + round), 7);
      break;
    case 1:
      CHECK_EQUAL(ftruncate(fd, 1000 + round), 0);
      break;
    case 2:
      CHECK_EQUAL(unlink(name(i)), 0);
      break;
    case 3:
      make("temporary", round);
      CHECK_EQUAL(rename("temporary", name(i)), 0);
      break;
    default:
      CHECK_EQUAL(rename(name(i), "moved"), 0);
      CHECK_EQUAL(rename(name((i + 5) % FILES), name(i)), 0);
      CHECK_EQUAL(rename("moved", name((i + 5) % FILES)), 0);
    }
    close(fd);
  }
  CHECK_EQUAL(mkdir(round == 1 ? "d1" : "d2", 0700), 0);
  make(round == 1 ? "d1/file" : "d2/file", round);
}

int main(int argc, char **argv) {
  CHECK(argc == 2 && chdir(argv[1]) == 0);
  for (int i = 0; i < FILES; i++)
    make(name(i), i);
  if (!came_back()) {
    change(1);
    CHECK(!came_back());
    change(2);
    die();
  }
  for (int i = 0; i < FILES; i++)
    expect(i);
  CHECK(access("d1", F_OK) != 0 && access("d2", F_OK) != 0);
  char path[4096];
  snprintf(path, sizeof path, "%s.result", argv[1]);
  FILE *result = fopen(path, "w");
  CHECK(result && fputs("right\n", result) >= 0);
  fclose(result);
  return 0;
}
