// The first checkpoint after a restore whose memory was loaded while the
// program ran holds what was written since, from its first step on, and no
// more: also of what was moved, dropped or mapped anew before it came, or again
// and again until the loader is gone, of a program that forked meanwhile, and
// of one that asks for the checkpoint only when all has come and the loader is
// gone. Each is killed and restored from what it saved. REQUIRES: root
// RUN: rm -rf %t.cache && export HWCKPT_CACHE=%t.cache && %clang -D_GNU_SOURCE -fhwckpt -O2 %s -o %t
// RUN: ! %hwckpt run --name it -- %t
// RUN: ! %hwckpt restore --lazy it
// RUN: ! %hwckpt restore --lazy it
// RUN: ! %hwckpt restore --lazy it
// RUN: ! %hwckpt restore --lazy it/1
// RUN: %hwckpt list --json it | %python %S/Inputs/first-delta.py 1:0 2:1 3:2 4:3 5:1
// RUN: %hwckpt verify it
// RUN: %hwckpt restore --lazy --before 5 it -o verbosity=0; test $? = 7
// RUN: %hwckpt restore --eager it; test $? = 137
// RUN: %hwckpt list --json it | %python %S/Inputs/first-delta.py 1:0 2:1 3:2 4:3 5:1 6:5
#include "Inputs/come-back.h"
#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
enum { PAGE = 4096, PAGES = 6000, PART = 16, TURNS = 4 };
static unsigned char held[PAGES], *memory;
// Parts of it that were moved elsewhere, one a turn.
static unsigned char *moved[TURNS], in_moved[TURNS][PART];

static void put(int page, int value) {
  memset(memory + (size_t)page * PAGE, value, PAGE);
  held[page] = (unsigned char)value;
}

static void same(const unsigned char *page, int value) {
  for (int i = 0; i < PAGE; i += 8)
    CHECK(page[i] == value);
}

static void check(void) {
  for (int i = 0; i < PAGES; i++)
    same(memory + (size_t)i * PAGE, held[i]);
  for (int turn = 0; turn < TURNS; turn++)
    for (int i = 0; moved[turn] && i < PART; i++)
      same(moved[turn] + (size_t)i * PAGE, in_moved[turn][i]);
}

static unsigned char *map(void *at, size_t pages) {
  void *got = mmap(at, pages * PAGE, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | (at ? MAP_FIXED : 0), -1, 0);
  CHECK(got != MAP_FAILED);
  return got;
}

static void move(int turn, int first) {
  unsigned char *from = memory + (size_t)first * PAGE, *to = map(NULL, PART);
  CHECK(mremap(from, PART * PAGE, PART * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
               to) == to);
  CHECK(map(from, PART) == from);
  moved[turn] = to;
  memcpy(in_moved[turn], held + first, PART);
  memset(held + first, 0, PART);
}

static void in_a_child(void) {
  pid_t child = fork();
  CHECK(child >= 0);
  if (!child) {
    memset(memory + (size_t)2500 * PAGE, 255, PAGE);
    for (int i = 2501; i < PAGES; i++)
      same(memory + (size_t)i * PAGE, held[i]);
    _exit(3);
  }
  int status;
  CHECK(waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 3);
}

// Whether the process that loads is there: another child of our parent's.
static int is_loading(void) {
  DIR *proc = opendir("/proc");
  int found = 0;
  CHECK(proc);
  for (struct dirent *entry; !found && (entry = readdir(proc));) {
    char path[300], text[300] = "", comm[64];
    int pid, parent;
    snprintf(path, sizeof path, "/proc/%s/stat", entry->d_name);
    int fd = open(path, O_RDONLY);
    if (fd < 0)
      continue;
    long length = read(fd, text, sizeof text - 1); // none: it has ended
    close(fd);
    found = length > 0 &&
            sscanf(text, "%d (%63[^)]) %*c %d", &pid, comm, &parent) == 3 &&
            !strcmp(comm, "hwckpt-loader") && parent == getppid();
  }
  closedir(proc);
  return found;
}

// The map of memory is never what it was a moment ago.
static void map_anew_while_loading(void) {
  for (int page = 4092; page > 0 && (page % 16 || is_loading()); page -= 12) {
    map(memory + (size_t)page * PAGE, 1);
    held[page] = 0;
    usleep(50);
  }
}

// A little of everything, and nothing of it was there before.
static void change(int turn, int value) {
  for (int i = value; i < PAGES; i += 600)
    put(i, value);
  in_a_child();
  int dropped = 100 * value;
  CHECK(!madvise(memory + (size_t)dropped * PAGE, PAGE, MADV_DONTNEED));
  held[dropped] = 0;
  move(turn, 1300 + 40 * value);
  put(1300 + 40 * value + 1, value);
  memset(moved[turn] + 3 * PAGE, in_moved[turn][3] = (unsigned char)value,
         PAGE);
}

int main(void) {
  memory = map(NULL, PAGES);
  for (int i = 0; i < PAGES; i++)
    put(i, 1 + i % 200);
  for (int turn = 0; turn < TURNS; turn++) {
    int restored = save();
    if (!restored) {
      check();
      raise(SIGKILL);
    }
    change(turn, turn * 2 + 2 + (restored > 1));
    if (turn == 1)
      map_anew_while_loading();
    check();
    for (int i = 0; turn == 2 && is_loading(); i++) {
      CHECK(i < 60000);
      usleep(1000);
    }
  }
  return 7;
}
