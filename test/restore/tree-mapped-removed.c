// A file that a process other than the first has mapped, and that is removed
// after the checkpoint, comes back as it was then: by who mapped it, by another
// process that did not, and by the first. What several map is kept once.
// RUN: %behaviour %s -o %t
// RUN: rm -rf %t.dir && mkdir %t.dir && cd %t.dir && %restored -- %t 2>&1 | FileCheck --allow-empty %s
// CHECK-NOT: HWCKPT-E
#include "behaviour.h"
#include <sys/mman.h>
#include <sys/wait.h>
#define FILES 3
#define SIZE (256 << 10)
#define LAST (SIZE - 1)

static char *map(int number, int flags) {
  char name[16];
  snprintf(name, sizeof name, "file%d", number);
  int fd = open(name, O_RDWR | flags, 0600);
  CHECK(fd >= 0 && ftruncate(fd, SIZE) == 0);
  char *at = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  CHECK(at != MAP_FAILED && close(fd) == 0);
  return at;
}
static void take_away(int number) {
  char name[16];
  snprintf(name, sizeof name, "file%d", number);
  CHECK(unlink(name) == 0);
}

// Maps all of them, and does what it is told.
struct member {
  int go[2], done[2];
  pid_t pid;
};
static void serve(const struct member *member, char **at) {
  char word;
  while (read(member->go[0], &word, 1) == 1) {
    if (word == 'w') // of each, at both ends
      for (int i = 0; i < FILES; i++)
        at[i][0]++, at[i][LAST]++;
    else if (word == 'u')
      for (int i = 0; i < FILES; i++)
        CHECK(munmap(at[i], SIZE) == 0);
    else if (word == 'c')
      for (int i = 0; i < FILES; i++)
        CHECK(at[i][0] == 'b' + i && at[i][LAST] == 'B' + i);
    else if (word == 'e')
      _exit(0);
    else
      take_away(word - '0');
    CHECK(write(member->done[1], "d", 1) == 1);
  }
  _exit(1);
}
static void tell(const struct member *member, char word) {
  char byte;
  CHECK(write(member->go[1], &word, 1) == 1);
  CHECK(read(member->done[0], &byte, 1) == 1);
}
static void end(const struct member *member) {
  int status;
  CHECK(write(member->go[1], "e", 1) == 1);
  CHECK(waitpid(member->pid, &status, 0) == member->pid && status == 0);
}
static void begin(struct member *member, int maps) {
  char *at[FILES];
  CHECK(pipe(member->go) == 0 && pipe(member->done) == 0);
  member->pid = fork();
  if (member->pid) {
    CHECK(close(member->go[0]) == 0 && close(member->done[1]) == 0);
    return;
  }
  CHECK(close(member->go[1]) == 0);
  for (int i = 0; maps && i < FILES; i++)
    at[i] = map(i, O_CREAT);
  serve(member, at);
}

int main(void) {
  struct member one, two, other;
  begin(&one, 1), begin(&two, 1), begin(&other, 0);
  for (int i = 0; i < FILES; i++) {
    char *at = map(i, O_CREAT);
    at[0] = 'a' + i, at[LAST] = 'A' + i;
    CHECK(munmap(at, SIZE) == 0);
  }
  tell(&one, 'w');
  if (!came_back()) {
    tell(&two, 'w'), tell(&one, 'w');
    tell(&one, 'u'), tell(&two, 'u');
    tell(&one, '0'), tell(&other, '1'), take_away(2);
    kill(one.pid, SIGKILL), kill(two.pid, SIGKILL), kill(other.pid, SIGKILL);
    die();
  }
  // The mappings are of the files that have the names.
  tell(&one, 'c'), tell(&two, 'c');
  for (int i = 0; i < FILES; i++) {
    char *at = map(i, 0);
    CHECK(at[0] == 'b' + i && at[LAST] == 'B' + i);
    at[0]--, at[LAST]--;
    CHECK(munmap(at, SIZE) == 0);
  }
  tell(&two, 'w'), tell(&one, 'c');
  end(&one), end(&two), end(&other);
  return 0;
}
