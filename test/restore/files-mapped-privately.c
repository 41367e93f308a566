// A file that is mapped private, and that the program itself changes after the
// checkpoint, is as it was again, in the mapping too; also one that grows all
// the time, of which the checkpoint notes the size when the program goes on.
// RUN: %behaviour %s -o %t && rm -rf %t.files && mkdir %t.files
// RUN: for how in append overwrite cut remove replace; do %restored -- %t %t.files/$how $how || exit; done
// RUN: %python %S/Inputs/killed-anywhere %hwckpt %t %t.files/grow grow
#include "behaviour.h"
#include <poll.h>
#include <sys/mman.h>
#include <sys/stat.h>

enum { PAGE = 4096, PAGES = 3 };
static char content[PAGES * PAGE], *mapped;
static const char *file;
static int fd;

static int is(const char *how, const char *wanted) {
  return !strcmp(how, wanted);
}

static void change(const char *how) {
  char other[4096];
  if (is(how, "append"))
    CHECK_EQUAL(pwrite(fd, "more", 4, sizeof content), 4);
  else if (is(how, "overwrite"))
    CHECK_EQUAL(pwrite(fd, "other", 5, PAGE + 7), 5);
  else if (is(how, "cut"))
    CHECK_EQUAL(ftruncate(fd, PAGE), 0);
  else if (is(how, "remove"))
    CHECK_EQUAL(unlink(file), 0);
  else {
    CHECK(snprintf(other, sizeof other, "%s.new", file) > 0);
    int made = open(other, O_CREAT | O_EXCL | O_WRONLY, 0600);
    CHECK_EQUAL(write(made, "new", 3), 3);
    CHECK_EQUAL(close(made), 0);
    CHECK_EQUAL(rename(other, file), 0);
  }
}

static void check(void) {
  char now[sizeof content + 1];
  int again = open(file, O_RDONLY);
  CHECK_EQUAL(read(again, now, sizeof now), sizeof content);
  CHECK(!memcmp(now, content, sizeof content));
  CHECK_EQUAL(close(again), 0);
  CHECK_EQUAL(mapped[0], 'P');
  CHECK(!memcmp(mapped + 1, content + 1, sizeof content - 1));
}

// While it is killed and restored (Inputs/killed-anywhere).
static int grow(void) {
  struct pollfd input = {.fd = 0, .events = POLLIN};
  off_t size = sizeof content;
  for (; poll(&input, 1, 0) == 0; size++) {
    CHECK_EQUAL(pwrite(fd, "x", 1, size), 1);
    CHECK_EQUAL(lseek(fd, 0, SEEK_END), size + 1);
  }
  return 7;
}

int main(int argc, char **argv) {
  CHECK_EQUAL(argc, 3);
  file = argv[1];
  memset(content, 'c', sizeof content);
  CHECK((fd = open(file, O_CREAT | O_TRUNC | O_RDWR, 0600)) >= 0);
  CHECK_EQUAL(write(fd, content, sizeof content), sizeof content);
  mapped =
      mmap(NULL, sizeof content, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
  CHECK(mapped != MAP_FAILED);
  mapped[0] = 'P';
  if (is(argv[2], "grow"))
    return grow();
  if (!came_back()) {
    change(argv[2]);
    die();
  }
  check();
  return 0;
}
