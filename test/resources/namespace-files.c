// Descriptors of namespaces that the process is in lead to those of who
// restores; one of another namespace is refused by name.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t
// RUN: %hwckpt run -- %t other 2>&1 | FileCheck %s
// CHECK: HWCKPT-E208: {{.*}}: uts:[{{[0-9]+}}]: descriptor
// CHECK: goes on
#include "behaviour.h"
#include <sched.h>
#include <sys/stat.h>
#include <sys/wait.h>

static const char *const names[] = {"user", "mnt", "net",    "ipc",
                                    "uts",  "pid", "cgroup", "time"};
#define NAMES (sizeof names / sizeof *names)

static ino_t inode(int fd, const char *path) {
  struct stat facts;
  CHECK_EQUAL(fd < 0 ? stat(path, &facts) : fstat(fd, &facts), 0);
  return facts.st_ino;
}

/* The descriptor of the namespace that a child has entered. */
static int of_another(void) {
  char path[64], byte;
  int ends[2];
  CHECK_EQUAL(pipe(ends), 0);
  pid_t child = fork();
  if (child == 0) {
    byte = unshare(CLONE_NEWUTS) == 0;
    CHECK_EQUAL(write(ends[1], &byte, 1), 1);
    pause();
  }
  CHECK_EQUAL(read(ends[0], &byte, 1), 1);
  snprintf(path, sizeof path, "/proc/%d/ns/uts", (int)child);
  int fd = byte ? open(path, O_RDONLY) : -1;
  kill(child, SIGKILL);
  CHECK_EQUAL(waitpid(child, NULL, 0), child);
  return fd;
}

int main(int argc, char **argv) {
  int fds[NAMES], paths[NAMES];
  char path[64];
  if (argc == 2 && !strcmp(argv[1], "other")) {
    if (of_another() < 0)
      SKIP("no namespaces");
    CHECK_EQUAL(__builtin_ckpt_save(), -ENOTSUP);
    dprintf(2, "goes on\n");
    return 0;
  }
  for (size_t i = 0; i < NAMES; i++) {
    snprintf(path, sizeof path, "/proc/self/ns/%s", names[i]);
    fds[i] = open(path, O_RDONLY | O_CLOEXEC);
    paths[i] = open(path, O_PATH);
    CHECK(fds[i] >= 0 && paths[i] >= 0);
  }
  int again = dup(fds[0]);
  die_and_come_back();
  for (size_t i = 0; i < NAMES; i++) {
    snprintf(path, sizeof path, "/proc/self/ns/%s", names[i]);
    CHECK_EQUAL(inode(fds[i], NULL), inode(-1, path));
    CHECK_EQUAL(inode(paths[i], NULL), inode(-1, path));
    CHECK_EQUAL(fcntl(fds[i], F_GETFD), FD_CLOEXEC);
    CHECK_EQUAL(fcntl(paths[i], F_GETFL) & O_PATH, O_PATH);
  }
  CHECK_EQUAL(inode(again, NULL), inode(fds[0], NULL));
  return 0;
}
