// Files whose names have newlines, backslashes, bytes that are no UTF-8, or end
// in " (deleted)" come back: the program's own, mapped and open ones,
// directories, FIFOs and sockets. Which is which is told where one name is what
// the kernel writes for another; what is removed after the checkpoint too.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t
#include "behaviour.h"
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
enum { PAGE = 4096 };
static const char *const names[] = {
    "a\nb",       "a\\012b",     "a\\nb",           "\\",
    "\n",         "a\n\\012\nb", "\xff\xfe\x80",    " begins and ends\t ",
    " (deleted)", "x (deleted)", "y\n (deleted)",   "gone\n",
    "a\\134b",    "a\\\\012b",   "[heap] \"%s\" '",
};
enum { NAMES = sizeof names / sizeof *names };
static struct {
  char *shared, *alone, *deleted;
  int file, folder, fifo, writer, listens;
} had[NAMES];
static int is_at(int fd, const char *folder, const char *name) {
  char link[64], path[4096], wanted[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  CHECK(length > 0);
  path[length] = 0;
  snprintf(wanted, sizeof wanted, "/%s/%s", folder, name);
  size_t tail = strlen(wanted);
  return (size_t)length > tail && !strcmp(path + length - tail, wanted);
}
static char *map(int fd, int flags) {
  char *memory = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, flags, fd, 0);
  CHECK(memory != MAP_FAILED);
  return memory;
}
static struct sockaddr_un address(const char *name) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  snprintf(address.sun_path, sizeof address.sun_path, "s/%s", name);
  return address;
}
static int make_file(const char *folder, int i) {
  char path[4096];
  snprintf(path, sizeof path, "%s/%s", folder, names[i]);
  int fd = open(path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
  CHECK(fd >= 0 && ftruncate(fd, PAGE) == 0);
  CHECK(pwrite(fd, &i, sizeof i, 0) == sizeof i);
  return fd;
}
static void make(int i) {
  char path[4096];
  had[i].file = make_file("f", i);
  had[i].shared = map(had[i].file, MAP_SHARED);
  int fd = make_file("m", i);
  had[i].alone = map(fd, MAP_PRIVATE);
  CHECK_EQUAL(close(fd), 0);
  fd = make_file("g", i);
  had[i].deleted = map(fd, MAP_SHARED);
  snprintf(path, sizeof path, "g/%s", names[i]);
  CHECK(close(fd) == 0 && unlink(path) == 0);
  snprintf(path, sizeof path, "d/%s", names[i]);
  CHECK_EQUAL(mkdir(path, 0700), 0);
  had[i].folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  snprintf(path, sizeof path, "p/%s", names[i]);
  CHECK_EQUAL(mkfifo(path, 0600), 0);
  had[i].fifo = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  had[i].writer = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
  CHECK(had[i].folder >= 0 && had[i].fifo >= 0 && had[i].writer >= 0);
  CHECK_EQUAL(write(had[i].writer, &i, sizeof i), sizeof i);
  struct sockaddr_un at = address(names[i]);
  had[i].listens = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  CHECK_EQUAL(bind(had[i].listens, (struct sockaddr *)&at, sizeof at), 0);
  CHECK_EQUAL(listen(had[i].listens, 1), 0);
}
static void removed(int i) {
  char path[4096];
  snprintf(path, sizeof path, "f/%s", names[i]);
  CHECK_EQUAL(unlink(path), 0);
  snprintf(path, sizeof path, "m/%s", names[i]);
  CHECK_EQUAL(unlink(path), 0);
}
static void look(int i) {
  int value;
  CHECK(is_at(had[i].file, "f", names[i]));
  CHECK(pread(had[i].file, &value, sizeof value, 0) == sizeof value);
  CHECK_EQUAL(value, i);
  had[i].shared[100] = 'w';
  CHECK(pread(had[i].file, &value, 1, 100) == 1 && (value & 255) == 'w');
  memcpy(&value, had[i].alone, sizeof value);
  CHECK_EQUAL(value, i);
  memcpy(&value, had[i].deleted, sizeof value);
  CHECK_EQUAL(value, i);
  CHECK(is_at(had[i].folder, "d", names[i]));
  CHECK(is_at(had[i].fifo, "p", names[i]));
  CHECK_EQUAL(read(had[i].fifo, &value, sizeof value), sizeof value);
  CHECK_EQUAL(value, i);
  struct sockaddr_un at = address(names[i]);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  CHECK_EQUAL(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
  CHECK(close(fd) == 0);
  fd = accept(had[i].listens, NULL, NULL);
  CHECK(fd >= 0 && close(fd) == 0);
}
/* The program as a file of such a name, in a directory of such a name. */
static void execute_there(char **argv) {
  char copy[] = "cp \"$0\" \"$1\"";
  CHECK_EQUAL(mkdir("w\n\\012 (deleted)", 0777), 0);
  CHECK_EQUAL(chdir("w\n\\012 (deleted)"), 0);
  pid_t child = fork();
  if (!child)
    execl("/bin/sh", "sh", "-c", copy, argv[0], "./program\n\\012 (deleted)",
          (char *)NULL);
  int status;
  CHECK(child > 0 && waitpid(child, &status, 0) == child && !status);
  execl("./program\n\\012 (deleted)", argv[0], "executed", (char *)NULL);
  CHECK(0);
}
int main(int argc, char **argv) {
  static const char *const folders[] = {"f", "m", "g", "d", "p", "s"};
  char before[4096], after[4096];
  if (argc == 1)
    execute_there(argv);
  for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
    CHECK_EQUAL(mkdir(folders[i], 0777), 0);
  for (int i = 0; i < NAMES; i++)
    make(i);
  CHECK(getcwd(before, sizeof before));
  if (!came_back()) {
    for (int i = 0; i < NAMES; i++)
      removed(i);
    die();
  }
  CHECK(getcwd(after, sizeof after) && !strcmp(before, after));
  for (int i = 0; i < NAMES; i++)
    look(i);
  return 0;
}
