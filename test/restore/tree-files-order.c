// What several processes of a tree do to the same 4 KiB of a file and to the
// same names after the checkpoint is taken back in their order, whoever was
// first and last: two that were in the checkpoint, two born after it, and the
// first process.
// RUN: %behaviour %s -o %t
// RUN: rm -rf %t.dir && mkdir %t.dir && cd %t.dir && %restored -- %t member 2>&1 | FileCheck --allow-empty %s
// RUN: rm -rf %t.dir && mkdir %t.dir && cd %t.dir && %restored -- %t born 2>&1 | FileCheck --allow-empty %s
// RUN: test $(id -u) != 0 || bash %S/../tools/Inputs/as-nobody bash -c 'mkdir "$HOME/dir" && cd "$HOME/dir" && "$@"' sh %restored -- %t born || test $? = 77
// CHECK-NOT: HWCKPT-E
#include "behaviour.h"
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#define FILES 5

static void make(const char *name, char filling, size_t size) {
  char content[8192];
  memset(content, filling, sizeof content);
  int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  CHECK(fd >= 0 && write(fd, content, size) == (ssize_t)size);
  CHECK(close(fd) == 0);
}
static int is_full_of(const char *name, char filling, size_t size) {
  char content[8193];
  int fd = open(name, O_RDONLY);
  if (fd < 0)
    return 0;
  ssize_t got = read(fd, content, sizeof content);
  CHECK(close(fd) == 0);
  for (ssize_t i = 0; i < got; i++)
    if (content[i] != filling)
      return 0;
  return got == (ssize_t)size;
}
// Changes after which the next one of the same finds what it needs.
static void change(char who) {
  char content[1000], name[32];
  memset(content, who, sizeof content);
  for (int i = 0; i < FILES; i++) {
    snprintf(name, sizeof name, "over%d", i);
    int fd = open(name, O_WRONLY);
    CHECK(fd >= 0 && pwrite(fd, content, 1000, 100 + who % 7 * 50) == 1000);
    CHECK(close(fd) == 0);
  }
  int fd = open("grows", O_WRONLY | O_APPEND);
  CHECK(fd >= 0 && write(fd, content, 300) == 300 && close(fd) == 0);
  // A name is taken, given to another file and made anew.
  CHECK(rename("name", "spare") == 0);
  make("name", who, 40);
  CHECK(unlink("spare") == 0);
  make("made", who, 10);
  CHECK(rename("made", "moved") == 0);
  if (mkdir("folder", 0700) == 0)
    make("folder/in-it", who, 5);
  else
    CHECK(unlink("folder/in-it") == 0 && rmdir("folder") == 0);
  CHECK(truncate("cut", 3000 - who) == 0);
  fd = open("mapped", O_RDWR);
  char *at = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  CHECK(fd >= 0 && at != MAP_FAILED && close(fd) == 0);
  memset(at + 50, who, 5000);
  CHECK(munmap(at, 8192) == 0);
}
static pid_t born(char who) {
  int status;
  pid_t child = fork();
  if (child == 0) {
    change(who);
    _exit(0);
  }
  CHECK(waitpid(child, &status, 0) == child && status == 0);
  return child;
}
// A member of the checkpoint: changes when it is told, says when it has.
struct member {
  int go[2], done[2];
  pid_t pid;
};
static void begin(struct member *member, char who) {
  char byte;
  CHECK(pipe(member->go) == 0 && pipe(member->done) == 0);
  member->pid = fork();
  if (member->pid)
    return;
  CHECK(close(member->go[1]) == 0);
  while (read(member->go[0], &byte, 1) == 1) {
    if (byte == 'e')
      _exit(0);
    change(who);
    CHECK(write(member->done[1], "d", 1) == 1);
  }
  _exit(1);
}
static void tell(struct member *member) {
  char byte;
  CHECK(write(member->go[1], "c", 1) == 1);
  CHECK(read(member->done[0], &byte, 1) == 1);
}
int main(int argc, char **argv) {
  CHECK(argc == 2);
  struct member low, high;
  char name[32];
  int status;
  for (int i = 0; i < FILES; i++) {
    snprintf(name, sizeof name, "over%d", i);
    make(name, '0' + i, 8192);
  }
  make("mapped", 'm', 8192), make("grows", 'g', 100), make("name", 'n', 100),
      make("cut", 'c', 4000);
  begin(&low, 'l');
  begin(&high, 'h');
  if (!came_back()) {
    // The first one by its argument.
    if (argv[1][0] == 'b')
      born('a');
    tell(&low);
    change('r');
    born('c');
    tell(&high);
    born('d');
    tell(&low);
    kill(low.pid, SIGKILL), kill(high.pid, SIGKILL);
    die();
  }
  for (int i = 0; i < FILES; i++) {
    snprintf(name, sizeof name, "over%d", i);
    CHECK(is_full_of(name, '0' + i, 8192));
  }
  CHECK(is_full_of("grows", 'g', 100) && is_full_of("name", 'n', 100));
  CHECK(is_full_of("cut", 'c', 4000) && is_full_of("mapped", 'm', 8192));
  CHECK(access("made", F_OK) && access("moved", F_OK));
  CHECK(access("spare", F_OK) && access("folder", F_OK));
  CHECK(write(low.go[1], "e", 1) == 1 && write(high.go[1], "e", 1) == 1);
  CHECK(waitpid(low.pid, &status, 0) == low.pid && status == 0);
  CHECK(waitpid(high.pid, &status, 0) == high.pid && status == 0);
  return 0;
}
