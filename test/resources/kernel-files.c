// Files of the kernel (/proc, /sys) are opened again where they stood, and tell
// of the program as it is now, also those of the process and of a thread.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t
#include "behaviour.h"
static int open_read(const char *path, int flags) {
  int fd = open(path, O_RDONLY | flags);
  CHECK(fd >= 0);
  return fd;
}
/* Whether the file, read from its begin, has the text. */
static int has(int fd, const char *text) {
  char content[4096];
  long got = pread(fd, content, sizeof content - 1, 0);
  CHECK(got > 0);
  content[got] = 0;
  return strstr(content, text) != NULL;
}
int main(void) {
  char byte, before, pid[32];
  int status = open_read("/proc/self/status", O_CLOEXEC);
  int thread = open_read("/proc/thread-self/comm", 0);
  int uptime = open_read("/proc/version", 0);
  int sys = open_read("/sys/kernel/mm/transparent_hugepage/enabled", 0);
  int folder = open_read("/proc/self/fd", O_DIRECTORY);
  CHECK(pread(uptime, &before, 1, 3) == 1 && lseek(uptime, 3, SEEK_SET) == 3);
  die_and_come_back();
  snprintf(pid, sizeof pid, "\nPid:\t%d\n", getpid());
  CHECK(has(status, pid));
  CHECK_EQUAL(fcntl(status, F_GETFD), FD_CLOEXEC);
  CHECK(has(thread, "kernel-files"));
  CHECK(read(uptime, &byte, 1) == 1 && byte == before);
  CHECK(has(sys, "["));
  snprintf(pid, sizeof pid, "%d", sys);
  CHECK_EQUAL(faccessat(folder, pid, F_OK, AT_SYMLINK_NOFOLLOW), 0);
  return 0;
}
