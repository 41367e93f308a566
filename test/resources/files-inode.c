// A descriptor is of the file that it was of, also when another file had got
// its name and the number of its inode meanwhile; and sockets that are
// registered with an io_uring beside it come back.
// RUN: %behaviour %s -o %t
// RUN: %by_all bash -c '%restored -- %t 2>&1 | tee said; ! grep HWCKPT-E said && grep -x right result'
#include "behaviour.h"
#include <linux/io_uring.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>

static void register_sockets(void) {
  struct io_uring_params parameters = {0};
  int ends[2], ring = (int)syscall(SYS_io_uring_setup, 1, &parameters);
  if (ring < 0)
    return;
  CHECK(mmap(NULL, 4096, PROT_READ, MAP_SHARED, ring, IORING_OFF_SQ_RING) !=
        MAP_FAILED);
  CHECK_EQUAL(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  CHECK_EQUAL(
      syscall(SYS_io_uring_register, ring, IORING_REGISTER_FILES, ends, 2), 0);
}

int main(void) {
  struct stat was, now;
  char text[16] = "";
  int fd = open("file", O_RDWR | O_CREAT, 0600);
  CHECK(write(fd, "content", 7) == 7 && fstat(fd, &was) == 0);
  int result = open("result", O_WRONLY | O_CREAT, 0600);
  CHECK_EQUAL(lseek(fd, 3, SEEK_SET), 3);
  register_sockets();
  if (!came_back()) {
    CHECK(close(fd) == 0 && unlink("file") == 0);
    fd = open("file", O_RDWR | O_CREAT, 0600);
    CHECK(write(fd, "another file", 12) == 12 && fstat(fd, &now) == 0);
    if (now.st_ino != was.st_ino)
      dprintf(1, "this file system uses no number again\n");
    die();
  }
  CHECK_EQUAL(pread(fd, text, sizeof text, 0), 7);
  CHECK(strcmp(text, "content") == 0 && lseek(fd, 0, SEEK_CUR) == 3);
  CHECK(fstat(fd, &was) == 0 && stat("file", &now) == 0);
  CHECK(was.st_ino == now.st_ino && was.st_nlink == 1);
  CHECK_EQUAL(write(result, "right\n", 6), 6);
  return 0;
}
