// Descriptors that are only a path (O_PATH) of what is neither file nor
// directory: of a symbolic link, also without O_NOFOLLOW, of a socket that the
// program has bound, of a FIFO and of a device; and copies of them. After a
// rollback too; one whose file was removed refuses the checkpoint.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t
#include "behaviour.h"
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
static void leads_to(int fd, const char *name) {
  struct stat there, at;
  CHECK(fstat(fd, &at) == 0 && lstat(name, &there) == 0);
  CHECK(at.st_ino == there.st_ino && at.st_dev == there.st_dev);
  CHECK(fcntl(fd, F_GETFL) & O_PATH);
}
static void is_link(int fd) {
  char target[64];
  CHECK_EQUAL(readlinkat(fd, "", target, sizeof target), 7);
  CHECK(memcmp(target, "nowhere", 7) == 0);
}
static int bind_to(const char *path) {
  struct sockaddr_un name = {.sun_family = AF_UNIX};
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  strcpy(name.sun_path, path);
  CHECK(bind(fd, (struct sockaddr *)&name, sizeof name) == 0);
  CHECK_EQUAL(listen(fd, 1), 0);
  return fd;
}
static void connect_through(int path) {
  struct sockaddr_un name = {.sun_family = AF_UNIX};
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  snprintf(name.sun_path, sizeof name.sun_path, "/proc/self/fd/%d", path);
  CHECK(connect(fd, (struct sockaddr *)&name, sizeof name) == 0);
  CHECK_EQUAL(close(fd), 0);
}
/* The same, with the socket in a child. */
static int child_ready[2], child_go[2];
static pid_t be_two(void) {
  char byte;
  CHECK(pipe(child_ready) == 0 && pipe(child_go) == 0);
  pid_t child = fork();
  if (child == 0) {
    int listens = bind_to("of-child");
    CHECK_EQUAL(write(child_ready[1], "x", 1), 1);
    close(child_go[1]);
    if (read(child_go[0], &byte, 1) != 1)
      _exit(1); /* the other was killed */
    CHECK(accept(listens, NULL, NULL) >= 0);
    _exit(0);
  }
  CHECK(child > 0 && read(child_ready[0], &byte, 1) == 1);
  return child;
}
int main(void) {
  char by[64];
  int status;
  CHECK(symlink("nowhere", "link") == 0 && mkfifo("fifo", 0600) == 0);
  pid_t child = be_two();
  int path = open("of-child", O_PATH | O_CLOEXEC);
  int link = open("link", O_PATH | O_NOFOLLOW | O_CLOEXEC);
  snprintf(by, sizeof by, "/proc/self/fd/%d", link);
  int bare = open(by, O_PATH);
  int early = open("/dev", O_PATH);
  int listens = bind_to("socket"), socket = open("socket", O_PATH);
  CHECK(dup2(socket, early) == early);
  int fifo = open("fifo", O_PATH), device = open("/dev/ptmx", O_PATH);
  CHECK(path >= 0 && link >= 0 && bare >= 0 && fifo >= 0 && device >= 0);
  is_link(bare);
  long flags = fcntl(link, F_GETFL), bare_flags = fcntl(bare, F_GETFL);

  die_and_come_back();

  leads_to(link, "link");
  is_link(link);
  CHECK_EQUAL(fcntl(link, F_GETFL), flags);
  CHECK_EQUAL(fcntl(link, F_GETFD), FD_CLOEXEC);
  leads_to(bare, "link");
  CHECK_EQUAL(fcntl(bare, F_GETFL), bare_flags);
  CHECK_EQUAL(fcntl(bare, F_GETFD), 0);
  leads_to(fifo, "fifo");
  leads_to(device, "/dev/ptmx");
  leads_to(socket, "socket");
  leads_to(early, "socket");
  connect_through(early);
  CHECK(accept(listens, NULL, NULL) >= 0);
  leads_to(path, "of-child");
  CHECK_EQUAL(fcntl(path, F_GETFD), FD_CLOEXEC);
  connect_through(path);
  CHECK_EQUAL(write(child_go[1], "x", 1), 1);
  CHECK(waitpid(child, &status, 0) == child && status == 0);

  CHECK_EQUAL(close(path), 0);
  CHECK(__builtin_ckpt_save() >= 0);
  leads_to(link, "link");
  is_link(bare);
  leads_to(early, "socket");
  if (first_time("rolls back")) {
    CHECK(unlink("link") == 0 && symlink("elsewhere", "link") == 0);
    CHECK_EQUAL(close(bare), 0);
    roll_back();
  }

  CHECK_EQUAL(unlink("fifo"), 0);
  CHECK_EQUAL(__builtin_ckpt_save(), -ENOTSUP);
  return 0;
}
