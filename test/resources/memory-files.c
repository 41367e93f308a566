// Files in memory (memfd_create) come back with name, content and seals.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t
#include "behaviour.h"
#include <sys/mman.h>
#include <sys/stat.h>
static void name_is(int fd, const char *name) {
  char path[64], text[256];
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(path, text, sizeof text - 1);
  CHECK(length > 0);
  text[length] = 0;
  CHECK(strcmp(text, name) == 0);
}
int main(void) {
  char text[8] = "";
  int open_file = memfd_create("a name", MFD_ALLOW_SEALING);
  int sealed = memfd_create("sealed", MFD_ALLOW_SEALING | MFD_CLOEXEC);
  int closed = memfd_create("closed", 0);
  CHECK(write(open_file, "content", 7) == 7 && write(closed, "more", 4) == 4);
  CHECK(write(sealed, "fixed", 5) == 5);
  CHECK_EQUAL(ftruncate(open_file, 1 << 20), 0);
  CHECK_EQUAL(fcntl(sealed, F_ADD_SEALS,
                    F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL),
              0);
  CHECK_EQUAL(lseek(sealed, 1, SEEK_SET), 1);
  die_and_come_back();
  struct stat status;
  name_is(open_file, "/memfd:a name (deleted)");
  name_is(sealed, "/memfd:sealed (deleted)");
  CHECK(fstat(open_file, &status) == 0 && status.st_size == 1 << 20);
  CHECK_EQUAL(pread(open_file, text, 7, 0), 7);
  CHECK(memcmp(text, "content", 7) == 0);
  CHECK_EQUAL(fcntl(open_file, F_GET_SEALS), 0);
  CHECK_EQUAL(fcntl(closed, F_GET_SEALS), F_SEAL_SEAL);
  CHECK_EQUAL(fcntl(sealed, F_GET_SEALS),
              F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL);
  CHECK_EQUAL(fcntl(sealed, F_GETFD), FD_CLOEXEC);
  CHECK_EQUAL(read(sealed, text, 8), 4);
  CHECK(memcmp(text, "ixed", 4) == 0);
  CHECK(pwrite(sealed, "x", 1, 0) < 0 && errno == EPERM);
  CHECK_EQUAL(write(open_file, "x", 1), 1);
  return 0;
}
