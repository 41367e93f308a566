// Files of the kernel (/proc, /sys) are opened again where they stood, and tell
// of the program as it is now, also those of the process and of its threads,
// whose ids may be others by then.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t
// RUN: %hwckpt run -- %t || test $? = 137
// RUN: %hwckpt restore --pid=any
// RUN: bash %S/../tools/Inputs/as-nobody bash -c \
// RUN:   '%hwckpt run -- %t || test $? = 137 && %hwckpt restore --pid=any'
#include "behaviour.h"
#include <pthread.h>
#include <sys/prctl.h>
static pthread_barrier_t met;
static int of_other = -1;
static void *work(void *unused) {
  prctl(PR_SET_NAME, "the other");
  of_other = open("/proc/thread-self/comm", O_RDONLY);
  CHECK(of_other >= 0);
  pthread_barrier_wait(&met);
  pthread_barrier_wait(&met);
  return unused;
}
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
  int self = open("/proc/thread-self", O_PATH | O_DIRECTORY);
  pthread_t other;
  pthread_barrier_init(&met, NULL, 2);
  pthread_create(&other, NULL, work, NULL);
  pthread_barrier_wait(&met);
  int folder = open_read("/proc/self/fd", O_DIRECTORY);
  CHECK(pread(uptime, &before, 1, 3) == 1 && lseek(uptime, 3, SEEK_SET) == 3);
  die_and_come_back();
  snprintf(pid, sizeof pid, "\nPid:\t%d\n", getpid());
  CHECK(has(status, pid));
  CHECK_EQUAL(fcntl(status, F_GETFD), FD_CLOEXEC);
  CHECK(has(thread, "kernel-files"));
  CHECK(has(of_other, "the other\n"));
  CHECK(has(openat(self, "comm", O_RDONLY), "kernel-files"));
  pthread_barrier_wait(&met);
  pthread_join(other, NULL);
  CHECK(read(uptime, &byte, 1) == 1 && byte == before);
  CHECK(has(sys, "["));
  snprintf(pid, sizeof pid, "%d", sys);
  CHECK_EQUAL(faccessat(folder, pid, F_OK, AT_SYMLINK_NOFOLLOW), 0);
  return 0;
}
