// Mappings of files without a name, and their descriptors, are of one file
// again: with content, size, name and seals.
// RUN: rm -rf %t.d && mkdir -m 777 %t.d && %behaviour %s -o %t && %restored_by_all -- %t %t.d
#include "behaviour.h"
#include <setjmp.h>
#include <sys/mman.h>
#include <sys/stat.h>
enum { PAGE = 4096 };
static char *map(int fd, int protection, int flags, int pages, int from) {
  char *memory = mmap(NULL, (size_t)pages * PAGE, protection, flags, fd,
                      (off_t)from * PAGE);
  CHECK(memory != MAP_FAILED);
  return memory;
}
static sigjmp_buf after_fault;
static void on_fault(int number) { siglongjmp(after_fault, number); }
static int faults(const volatile char *at) {
  if (sigsetjmp(after_fault, 1))
    return 1;
  (void)*at;
  return 0;
}
static int deleted(const char *folder, int flags) {
  char path[4096];
  if (flags == O_TMPFILE) {
    int fd = open(folder, O_TMPFILE | O_RDWR, 0600);
    return fd < 0 ? memfd_create("no O_TMPFILE here", 0) : fd;
  }
  snprintf(path, sizeof path, "%s/file-%d", folder, (int)getpid());
  int fd = open(path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
  CHECK(fd >= 0 && unlink(path) == 0);
  return fd;
}
static void same_file(int fd, char *memory, off_t at) {
  char byte;
  memory[0]++;
  CHECK(pread(fd, &byte, 1, at) == 1 && byte == memory[0]);
  byte++;
  CHECK(pwrite(fd, &byte, 1, at) == 1 && byte == memory[0]);
}
int main(int argc, char **argv) {
  const int shared = MAP_SHARED, both = PROT_READ | PROT_WRITE;
  char text[64] = "", name[256];
  CHECK(argc == 2 && signal(SIGBUS, on_fault) != SIG_ERR);
  // Open and mapped, three times, not all of it; the rest has content too.
  int open_file = memfd_create("open", MFD_ALLOW_SEALING);
  CHECK(ftruncate(open_file, 10 * PAGE) == 0);
  char *whole = map(open_file, both, shared, 3, 0);
  char *part = map(open_file, both, shared, 2, 1);
  char *read_only = map(open_file, PROT_READ, shared, 1, 5);
  strcpy(whole + PAGE, "in two");
  CHECK(pwrite(open_file, "behind", 6, 8 * PAGE) == 6);
  CHECK(pwrite(open_file, "read only", 9, 5 * PAGE) == 9);
  CHECK(fcntl(open_file, F_ADD_SEALS, F_SEAL_GROW) == 0);
  CHECK(lseek(open_file, 77, SEEK_SET) == 77);
  // Mapped only, by two mappings; smaller than they are.
  int closed = memfd_create("closed", 0);
  CHECK(ftruncate(closed, 2 * PAGE) == 0);
  char *one = map(closed, both, shared, 4, 0);
  char *two = map(closed, both, shared, 4, 0);
  close(closed);
  strcpy(one, "closed");
  // Sealed against writing.
  int sealed = memfd_create("sealed", MFD_ALLOW_SEALING);
  CHECK(write(sealed, "fixed", 5) == 5);
  CHECK(fcntl(sealed, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK) == 0);
  char *fixed = mmap(NULL, PAGE, PROT_READ, shared, sealed, 0);
  // Files on disk, of which the one is closed.
  int file = deleted(argv[1], 0);
  CHECK(ftruncate(file, 3 * PAGE) == 0);
  char *of_file = map(file, both, shared, 3, 0);
  char *copy = map(file, both, MAP_PRIVATE, 5, 0);
  strcpy(of_file + 2 * PAGE, "on disk");
  strcpy(copy + PAGE, "private");
  int temporary = deleted(argv[1], O_TMPFILE);
  CHECK(ftruncate(temporary, PAGE) == 0);
  char *of_temporary = map(temporary, both, shared, 1, 0);
  strcpy(of_temporary, "temporary");
  close(temporary);

  die_and_come_back();

  CHECK(strcmp(part, "in two") == 0 && strcmp(read_only, "read only") == 0);
  part[0]++;
  CHECK(whole[PAGE] == part[0]);
  same_file(open_file, whole, 0);
  same_file(open_file, part, PAGE);
  CHECK(pread(open_file, text, 6, 8 * PAGE) == 6 && !strcmp(text, "behind"));
  CHECK_EQUAL(lseek(open_file, 0, SEEK_CUR), 77);
  CHECK_EQUAL(fcntl(open_file, F_GET_SEALS), F_SEAL_GROW);
  snprintf(name, sizeof name, "/proc/self/fd/%d", open_file);
  CHECK(readlink(name, text, sizeof text) == 21);
  CHECK(memcmp(text, "/memfd:open (deleted)", 21) == 0);
  CHECK(pwrite(open_file, "x", 1, 10 * PAGE) < 0 && errno == EPERM);
  CHECK(mprotect(read_only, PAGE, both) == 0);

  CHECK(strcmp(two, "closed") == 0 && !faults(two + PAGE));
  two[PAGE] = 'x';
  CHECK(one[PAGE] == 'x' && faults(one + 2 * PAGE) && faults(two + 3 * PAGE));

  CHECK(fixed == MAP_FAILED || !strcmp(fixed, "fixed"));
  CHECK_EQUAL(fcntl(sealed, F_GET_SEALS), F_SEAL_WRITE | F_SEAL_SHRINK);
  CHECK(fixed == MAP_FAILED || mprotect(fixed, PAGE, both) < 0);

  CHECK(strcmp(of_file + 2 * PAGE, "on disk") == 0);
  same_file(file, of_file + PAGE, PAGE);
  CHECK(strcmp(copy + PAGE, "private") == 0);
  CHECK(strcmp(copy + 2 * PAGE, "on disk") == 0);
  CHECK(strcmp(of_temporary, "temporary") == 0);
  struct stat status;
  CHECK(fstat(file, &status) == 0 && status.st_nlink == 0);
  CHECK(status.st_size == 3 * PAGE);
  // All of it once more.
  if (came_back())
    return strcmp(two, "closed") || strcmp(of_temporary, "temporary");
  return 0;
}
