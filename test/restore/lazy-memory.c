// The program runs while its memory is loaded: threads read what is not there
// yet, by themselves and in system calls; it is forked, moved, dropped and
// unmapped before it came. All is as it was, in every mode, and a checkpoint
// taken at once holds it all.
// REQUIRES: root
// RUN: %clang -fhwckpt -O2 %s -o %t -pthread
// RUN: %python %S/Inputs/come-back --restore=--lazy %hwckpt 4 7 %t
// RUN: %python %S/Inputs/come-back --restore=--lazy=no %hwckpt 4 7 %t
// RUN: %python %S/Inputs/come-back --restore="--lazy --pid=namespace" %hwckpt 4 7 %t
#define _GNU_SOURCE
#include "Inputs/come-back.h"
#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
enum { PAGE = 4096, MIB = 1 << 20, AREA = 8 * MIB, PAGES = AREA / PAGE };
enum { READ, WRITTEN, FORKED, MOVED, DROPPED, CUT, FUTEX, PLAIN, GUARD, CODE };
enum { AREAS = 10 };
static char *area[AREAS];
static char *sparse;
static int turn;

// Of the page there, as it is from the turn on.
static uint64_t word(int which, int page, int at) {
  return ((uint64_t)which << 40 | (uint64_t)page << 20 | (uint64_t)at) *
             0x9e3779b97f4a7c15ull +
         (uint64_t)turn;
}

static void fill(int which) {
  for (int page = 0; page < PAGES; page++) {
    uint64_t *words = (uint64_t *)(area[which] + (long)page * PAGE);
    for (int i = 0; i < PAGE / 8; i++)
      words[i] = word(which, page, i);
  }
}

static void same_pages(const char *memory, int which, int from, int to) {
  for (int page = from; page < to; page++) {
    const uint64_t *words =
        (const uint64_t *)(memory + (long)(page - from) * PAGE);
    for (int i = 0; i < PAGE / 8; i += 7)
      CHECK(words[i] == word(which, page, i));
  }
}

static void same(int which) { same_pages(area[which], which, 0, PAGES); }

static void zero(const char *memory, int pages) {
  for (long i = 0; i < (long)pages * PAGE; i += 64)
    CHECK(memory[i] == 0);
}

static void make(void) {
  for (int i = 0; i < AREAS; i++) {
    area[i] = mmap(NULL, AREA, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(area[i] != MAP_FAILED);
  }
  sparse = mmap(NULL, 1ul << 34, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  CHECK(sparse != MAP_FAILED);
}

static void fill_all(void) {
  CHECK(mprotect(area[GUARD], AREA, PROT_READ | PROT_WRITE) == 0);
  CHECK(mprotect(area[CODE], AREA, PROT_READ | PROT_WRITE) == 0);
  for (int i = 0; i < AREAS; i++)
    fill(i);
  for (long i = 0; i < 16; i++)
    sparse[i << 30] = (char)(turn + i);
  // mov $42, %eax; ret
  memcpy(area[CODE], "\xb8\x2a\0\0\0\xc3", 6);
  CHECK(mprotect(area[CODE], AREA, PROT_READ | PROT_EXEC) == 0);
  CHECK(mprotect(area[GUARD], AREA, PROT_NONE) == 0);
}

// ---- threads, over memory that may be away

static void *read_plainly(void *unused) {
  same(PLAIN);
  return unused;
}

// The kernel reads and writes it.
static void *by_system_calls(void *unused) {
  int ends[2];
  char page[PAGE];
  CHECK(pipe(ends) == 0);
  for (int i = PAGES - 1; i >= 0; i -= 5) {
    char *there = area[WRITTEN] + (long)i * PAGE;
    CHECK(write(ends[1], there, PAGE) == PAGE);
    CHECK(read(ends[0], page, PAGE) == PAGE);
    same_pages(page, WRITTEN, i, i + 1);
    CHECK(write(ends[1], "new", 3) == 3);
    CHECK(read(ends[0], area[READ] + (long)i * PAGE + 100, 3) == 3);
    CHECK(memcmp(area[READ] + (long)i * PAGE + 100, "new", 3) == 0);
    *(uint64_t *)(area[READ] + (long)i * PAGE + 96) = word(READ, i, 12);
    *(uint64_t *)(area[READ] + (long)i * PAGE + 104) = word(READ, i, 13);
  }
  close(ends[0]);
  close(ends[1]);
  return unused;
}

static void *on_futexes(void *unused) {
  for (int i = PAGES - 1; i >= 0; i -= 9) {
    // Not the value that is there.
    uint32_t *there = (uint32_t *)(area[FUTEX] + (long)i * PAGE);
    CHECK(syscall(SYS_futex, there, FUTEX_WAIT_PRIVATE,
                  (uint32_t)word(FUTEX, i, 0) + 1, NULL, NULL, 0) == -1);
    struct timespec now = {0, 1};
    CHECK(syscall(SYS_futex, there, FUTEX_WAIT_PRIVATE,
                  (uint32_t)word(FUTEX, i, 0), &now, NULL, 0) == -1);
  }
  return unused;
}

static void in_a_child(void) {
  pid_t child = fork();
  CHECK(child >= 0);
  if (!child) {
    same(FORKED);
    CHECK(madvise(area[FORKED], AREA / 2, MADV_DONTNEED) == 0);
    zero(area[FORKED], PAGES / 2);
    same_pages(area[FORKED] + AREA / 2, FORKED, PAGES / 2, PAGES);
    same(PLAIN);
    _exit(7);
  }
  int status;
  CHECK(waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 7);
}

static void move(void) {
  char *room =
      mmap(NULL, 2 * AREA, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(room != MAP_FAILED);
  char *old = area[MOVED] + AREA / 2;
  char *moved = mremap(old, AREA / 2, AREA / 2, MREMAP_MAYMOVE | MREMAP_FIXED,
                       room + AREA);
  CHECK(moved == room + AREA);
  // Something else where it was.
  CHECK(mmap(old, AREA / 2, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == old);
  zero(old, 16);
  same_pages(moved + PAGE, MOVED, PAGES / 2 + 1, PAGES - 100);
  // And back, in two parts.
  CHECK(mremap(moved + AREA / 4, AREA / 4, AREA / 4,
               MREMAP_MAYMOVE | MREMAP_FIXED,
               old + AREA / 4) == old + AREA / 4);
  CHECK(mremap(moved, AREA / 4, AREA / 4, MREMAP_MAYMOVE | MREMAP_FIXED, old) ==
        old);
  munmap(room, AREA);
  same(MOVED);
}

static void drop_and_cut(void) {
  char *dropped = area[DROPPED] + 3 * PAGE;
  CHECK(madvise(dropped, AREA - 7 * PAGE, MADV_DONTNEED) == 0);
  zero(dropped, PAGES - 7);
  same_pages(area[DROPPED], DROPPED, 0, 3);
  same_pages(area[DROPPED] + AREA - 4 * PAGE, DROPPED, PAGES - 4, PAGES);
  CHECK(munmap(area[CUT] + AREA / 4, AREA / 2) == 0);
  CHECK(mmap(area[CUT] + AREA / 4, AREA / 2, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
             0) == area[CUT] + AREA / 4);
  zero(area[CUT] + AREA / 4, PAGES / 2);
  same_pages(area[CUT], CUT, 0, PAGES / 4);
  same_pages(area[CUT] + AREA / 4 * 3, CUT, PAGES / 4 * 3, PAGES);
}

static void use(void) {
  pthread_t threads[3];
  void *(*const works[3])(void *) = {read_plainly, by_system_calls, on_futexes};
  for (int i = 0; i < 3; i++)
    CHECK(pthread_create(&threads[i], NULL, works[i], NULL) == 0);
  in_a_child();
  move();
  drop_and_cut();
  CHECK(((int (*)(void))area[CODE])() == 42);
  for (long i = 15; i >= 0; i--)
    CHECK(sparse[i << 30] == (char)(turn + i) && sparse[(i << 30) + PAGE] == 0);
  for (int i = 0; i < 3; i++)
    CHECK(pthread_join(threads[i], NULL) == 0);
  same(READ);
  CHECK(mprotect(area[GUARD], AREA, PROT_READ) == 0);
  same(GUARD);
}

int main(void) {
  make();
  fill_all();
  die_and_come_back();
  use();
  turn = 1;
  fill_all();
  die_and_come_back();
  // At once, while it is being loaded: it must hold all.
  die_and_come_back();
  use();
  turn = 2;
  fill_all();
  save();
  fill(PLAIN);
  die_and_come_back();
  use();
  return 7;
}
