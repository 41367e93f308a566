// Open files without a name come back with their content: several descriptors
// of one file, offsets shared and not, holes, flags; made anew when their
// directory is gone.
// RUN: %clang -fhwckpt -O1 %s -o %t.program
// RUN: %by_all bash -c 'mkdir here gone && %restored -- %t.program here gone'
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHECK(condition)                                                       \
  do {                                                                         \
    if (!(condition)) {                                                        \
      dprintf(2, "%d: not so: %s\n", __LINE__, #condition);                    \
      _exit(99);                                                               \
    }                                                                          \
  } while (0)

static char pattern(long i) { return (char)(i * 31 + i / 4096 + 1); }

int main(int argc, char **argv) {
  // A stream of the C library: buffered, written, not yet read back.
  FILE *stream = tmpfile();
  for (int i = 0; i < 100000; i++)
    fprintf(stream, "%d\n", i);

  // With a hole of a GiB, and three descriptors: one of the same open file, one
  // for writing only.
  int large = open(argv[1], O_TMPFILE | O_RDWR, 0640);
  CHECK(large >= 0);
  char block[300000];
  for (long i = 0; i < (long)sizeof block; i++)
    block[i] = pattern(i);
  CHECK(pwrite(large, block, sizeof block, 12345) == sizeof block);
  CHECK(pwrite(large, "end", 3, 1L << 30) == 3);
  char path[4096];
  snprintf(path, sizeof path, "/proc/self/fd/%d", large);
  int same = dup(large);
  int writer = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
  CHECK(same >= 0 && writer >= 0);
  lseek(large, 12345, SEEK_SET);

  // Unlinked, in a directory that goes away too.
  snprintf(path, sizeof path, "%s/x (deleted)", argv[2]);
  int orphan = open(path, O_RDWR | O_CREAT, 0600);
  CHECK(write(orphan, "orphan", 6) == 6);
  CHECK(unlink(path) == 0 && rmdir(argv[2]) == 0);
  int empty = open(argv[1], O_TMPFILE | O_RDWR, 0600);

  // Given away, with bits that a new owner or writing would take.
  int given = open(argv[1], O_TMPFILE | O_RDWR, 0600);
  uid_t owner = geteuid() == 0 ? 77 : geteuid();
  CHECK(fchown(given, owner, (gid_t)-1) == 0 && fchmod(given, 06750) == 0);

  int n = __builtin_ckpt_save();
  if (n == 0) {
    // What is written now is taken back.
    CHECK(ftruncate(large, 5) == 0 && write(orphan, "later", 5) == 5);
    CHECK(write(empty, "later", 5) == 5);
    kill(getpid(), SIGKILL);
  }
  CHECK(n == 1);

  rewind(stream);
  for (int i = 0, got; i < 100000; i++)
    CHECK(fscanf(stream, "%d", &got) == 1 && got == i);

  struct stat status;
  CHECK(fstat(large, &status) == 0);
  CHECK(status.st_size == (1L << 30) + 3 && status.st_nlink == 0);
  CHECK((status.st_mode & 07777) == 0640 && status.st_blocks < 4096);
  static char back[sizeof block];
  CHECK(read(same, back, 1000) == 1000 && memcmp(back, block, 1000) == 0);
  CHECK(lseek(large, 0, SEEK_CUR) == 13345);
  CHECK(pread(large, back, sizeof back, 12345) == sizeof back);
  CHECK(memcmp(back, block, sizeof back) == 0);
  CHECK(pread(large, back, 100, 0) == 100 && back[0] == 0 && back[99] == 0);
  CHECK(write(writer, "more", 4) == 4);
  CHECK(pread(large, back, 8, 1L << 30) == 7 && !memcmp(back, "endmore", 7));
  CHECK(fcntl(writer, F_GETFD) == FD_CLOEXEC && fcntl(same, F_GETFD) == 0);
  CHECK((fcntl(writer, F_GETFL) & (O_APPEND | O_ACCMODE)) ==
        (O_APPEND | O_WRONLY));

  CHECK(lseek(orphan, 0, SEEK_CUR) == 6);
  CHECK(pread(orphan, back, 20, 0) == 6 && memcmp(back, "orphan", 6) == 0);
  CHECK(fstat(empty, &status) == 0 && status.st_size == 0);
  CHECK(fstat(given, &status) == 0 && status.st_uid == owner);
  CHECK((status.st_mode & 07777) == 06750);
  return 0;
}
