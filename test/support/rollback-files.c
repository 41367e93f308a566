// A rollback in place takes back what the program did to files: overwritten in
// the middle, cut, appended to, written through a mapping; removed, renamed,
// made, open or not; the times of modification are those that were. Again and
// again, after a restore as well, and a restore finds the right files after
// rollbacks.
// RUN: rm -rf %t.dir %t.keep %t.cut && mkdir %t.dir %t.keep %t.cut
// RUN: %behaviour %s -o %t && (! %hwckpt run -- %t %t.dir) && %hwckpt restore 2>&1 | FileCheck %s
// CHECK-NOT: HWCKPT-
// CHECK: passed
// With files=keep nothing is taken back, with truncate what was appended; what
// is left is said.
// RUN: %hwckpt run -o files=keep -- %t %t.keep keep && %hwckpt run -o files=truncate -- %t %t.cut truncate 2>&1 | FileCheck --check-prefix=CUT %s
// CUT: HWCKPT-E315: {{.*}}over: descriptor {{[0-9]+}}: written in its middle
// What there is no room for is said.
// RUN: rm -rf %t.dir && mkdir %t.dir && %hwckpt run -o undo=64 -- %t %t.dir little 2>&1 | FileCheck --check-prefix=LITTLE %s
// LITTLE: HWCKPT-E315: {{.*}}over: too much of it was changed to be kept
// With files=check a rollback is refused when one changed.
// RUN: rm -rf %t.dir && mkdir %t.dir && %hwckpt run -o files=check -- %t %t.dir check 2>&1 | FileCheck --check-prefix=CHANGED %s
// CHANGED: HWCKPT-E320: {{.*}}over: descriptor
#include "behaviour.h"
#include <sys/mman.h>
#include <sys/stat.h>

#define SIZE 20000

static int over, appended, gone, twin, cut;
static char *mapped;

static int make(const char *name, char with) {
  static char bytes[SIZE];
  int fd = open(name, O_RDWR | O_CREAT | O_EXCL, 0640);
  CHECK(fd >= 0);
  memset(bytes, with, sizeof bytes);
  CHECK_EQUAL(write(fd, bytes, sizeof bytes), SIZE);
  return fd;
}

static void expect(int fd, char with) {
  static char bytes[SIZE + 1];
  CHECK_EQUAL(pread(fd, bytes, sizeof bytes, 0), SIZE);
  for (int i = 0; i < SIZE; i++)
    if (bytes[i] != with) {
      dprintf(2, "%c at %d, not %c\n", bytes[i], i, with);
      _exit(1);
    }
}

static void expect_name(const char *name, char with) {
  struct stat status;
  int fd = open(name, O_RDONLY);
  CHECK(fd >= 0 && fstat(fd, &status) == 0);
  CHECK_EQUAL(status.st_mode & 07777, 0640);
  expect(fd, with);
  close(fd);
}

static void expect_same(int fd, const char *name) {
  struct stat open, there;
  CHECK(fstat(fd, &open) == 0 && stat(name, &there) == 0);
  CHECK(open.st_ino == there.st_ino);
}

/* Of files that are changed: a time that no write of today gives. */
static const char *const dated[] = {"over", "appended", "gone",
                                    "cut",  "closed",   "mapped"};
#define DATED (sizeof dated / sizeof *dated)
#define THEN ((time_t)1000000000)
#define THEN_NS 123456789

static void date(void) {
  for (size_t i = 0; i < DATED; i++) {
    const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT},
                                      {THEN + (time_t)i, THEN_NS}};
    CHECK_EQUAL(utimensat(AT_FDCWD, dated[i], times, 0), 0);
  }
}

static void expect_dates(void) {
  struct stat status;
  for (size_t i = 0; i < DATED; i++) {
    CHECK_EQUAL(stat(dated[i], &status), 0);
    if (status.st_mtim.tv_sec != THEN + (time_t)i)
      dprintf(2, "%s: modified at %lld\n", dated[i],
              (long long)status.st_mtim.tv_sec);
    CHECK_EQUAL(status.st_mtim.tv_sec, THEN + (time_t)i);
    CHECK_EQUAL(status.st_mtim.tv_nsec, THEN_NS);
  }
}

static void set_up(void) {
  over = make("over", 'o');
  appended = make("appended", 'a');
  gone = make("gone", 'g');
  twin = dup(gone);
  cut = make("cut", 'c');
  close(make("closed", 'l'));
  close(make("here", 'h'));
  int fd = make("mapped", 'm');
  mapped = mmap(0, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  CHECK(mapped != MAP_FAILED);
  close(fd);
  date();
}

/* All is as set_up() made it. */
static void verify(void) {
  expect(over, 'o');
  expect_name("over", 'o');
  CHECK_EQUAL(lseek(over, 0, SEEK_CUR), SIZE);
  expect_name("appended", 'a');
  expect(appended, 'a');
  expect_name("gone", 'g');
  expect(gone, 'g');
  expect_same(gone, "gone");
  expect_same(twin, "gone");
  CHECK_EQUAL(lseek(gone, 5, SEEK_SET), 5);
  CHECK_EQUAL(lseek(twin, 0, SEEK_CUR), 5); /* still one open file */
  CHECK_EQUAL(lseek(gone, SIZE, SEEK_SET), SIZE);
  expect_name("cut", 'c');
  expect(cut, 'c');
  expect_name("closed", 'l');
  expect_name("here", 'h');
  expect_name("mapped", 'm');
  CHECK(mapped[0] == 'm' && mapped[SIZE - 1] == 'm');
  CHECK(access("there", F_OK) < 0 && access("new", F_OK) < 0 &&
        access("folder", F_OK) < 0);
  expect_dates();
}

static void change(void) {
  CHECK_EQUAL(pwrite(over, "wrong", 5, 9000), 5);
  CHECK_EQUAL(write(appended, "more", 4), 4);
  CHECK_EQUAL(pwrite(gone, "gone", 4, 77), 4);
  CHECK_EQUAL(unlink("gone"), 0);
  CHECK_EQUAL(ftruncate(cut, 10), 0);
  CHECK_EQUAL(unlink("closed"), 0);
  CHECK_EQUAL(rename("here", "there"), 0);
  mapped[12345] = 'x';
  CHECK_EQUAL(mkdir("folder", 0700), 0);
  close(make("folder/inside", 'i'));
  close(make("new", 'n'));
}

static void policies(const char *policy) {
  CHECK_EQUAL(lseek(over, 0, SEEK_SET), 0); /* not known as appended to */
  int n = __builtin_ckpt_save();
  if (n == 0) {
    CHECK_EQUAL(pwrite(over, "wrong", 5, 9000), 5);
    CHECK_EQUAL(write(appended, "more", 4), 4);
    int result = __builtin_ckpt_load();
    CHECK_EQUAL(result, strcmp(policy, "check") ? 0 : -ENOTSUP);
    return;
  }
  CHECK_EQUAL(n, 1);
  char text[6] = "";
  CHECK_EQUAL(pread(over, text, 5, 9000), 5);
  CHECK(strcmp(text, "wrong") == 0);
  struct stat status;
  CHECK_EQUAL(fstat(appended, &status), 0);
  CHECK_EQUAL(status.st_size, strcmp(policy, "keep") ? SIZE : SIZE + 4);
}

int main(int argc, char **argv) {
  CHECK(argc >= 2 && chdir(argv[1]) == 0);
  set_up();
  if (argc == 3) {
    policies(argv[2]);
    return 0;
  }
  int n = __builtin_ckpt_save();
  verify();
  if (n < 2 || n == 3) { /* 3: after the restore */
    change();
    roll_back();
  }
  if (n == 2) {
    change();
    die();
  }
  CHECK_EQUAL(n, 4);
  /* The next checkpoint's files are others. */
  CHECK_EQUAL(pwrite(over, "new", 3, 100), 3);
  CHECK_EQUAL(rename("closed", "moved"), 0);
  n = __builtin_ckpt_save();
  char text[4] = "";
  CHECK_EQUAL(pread(over, text, 3, 100), 3);
  CHECK(strcmp(text, "new") == 0 && access("closed", F_OK) < 0);
  expect_name("moved", 'l');
  expect_name("gone", 'g');
  if (n < 3) {
    CHECK_EQUAL(pwrite(over, "bad", 3, 100), 3);
    CHECK_EQUAL(unlink("moved"), 0);
    CHECK_EQUAL(unlink("gone"), 0);
    roll_back();
  }
  dprintf(2, "passed\n");
  return 0;
}
