// What madvise(), mlock(), mseal() and mbind() set for memory is set again;
// what mlockall() locks of the runtime's own is not missed.
// RUN: %behaviour %s -o %t && %S/../Inputs/restored-by-all %hwckpt -- %t
// RUN: %restored -- %t all 2>&1 | FileCheck %s --implicit-check-not=HWCKPT-E318
// CHECK: all is locked
#include "behaviour.h"
#include "memory_flags.h"
#include <linux/mempolicy.h>
#include <sys/mman.h>
#include <sys/wait.h>
enum { PAGE = 4096, PAGES = 8, SYS_MSEAL = 462 /* since Linux 6.10 */ };
static char *map(void) {
  char *memory = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(memory != MAP_FAILED);
  memset(memory, 'x', PAGES * PAGE);
  return memory;
}
/* Policies where there is but one node are still policies. */
static int policy(const void *memory) {
  int mode = -1;
  unsigned long nodes[16] = {0};
  if (syscall(SYS_get_mempolicy, &mode, nodes, 1024, memory, MPOL_F_ADDR))
    return -1;
  return mode;
}
static int child_status(const char *memory) {
  int status = 0;
  pid_t child = fork();
  if (child == 0)
    _exit(*(const volatile char *)memory);
  CHECK(child > 0 && waitpid(child, &status, 0) == child);
  return status;
}
static int lock_all(void) {
  char *memory = map();
  if (mlockall(MCL_CURRENT | MCL_FUTURE)) {
    dprintf(1, "all is locked, but for who may not do so\n");
    return 0;
  }
  CHECK(came_back() == 0);
  if (!came_back())
    die();
  CHECK(memory_has(memory, " lo") == 1);
  dprintf(1, "all is locked\n");
  return 0;
}
int main(int count, char **arguments) {
  if (count > 1 && !strcmp(arguments[1], "all"))
    return lock_all();
  static const struct {
    int advice;
    const char *word;
  } kinds[] = {{MADV_DONTFORK, " dc"},   {MADV_WIPEONFORK, " wf"},
               {MADV_DONTDUMP, " dd"},   {MADV_HUGEPAGE, " hg"},
               {MADV_NOHUGEPAGE, " nh"}, {MADV_MERGEABLE, " mg"},
               {MADV_SEQUENTIAL, " sr"}, {MADV_RANDOM, " rr"}};
  enum { KINDS = sizeof kinds / sizeof *kinds };
  char *memory[KINDS], *plain = map(), *locked = map(), *later = map();
  int set[KINDS];
  for (int i = 0; i < KINDS; i++) {
    memory[i] = map();
    set[i] =
        madvise(memory[i] + PAGE, (PAGES - 2) * PAGE, kinds[i].advice) == 0;
  }
  CHECK(set[0] && set[1] && set[2] && set[6] && set[7]);
  CHECK(mlock(locked + PAGE, 2 * PAGE) == 0);
  CHECK(mlock2(later + PAGE, 2 * PAGE, MLOCK_ONFAULT) == 0);
  char *bound = map();
  unsigned long first = 1;
  int binds = !syscall(SYS_mbind, bound + PAGE, PAGE,
                       MPOL_BIND | MPOL_F_STATIC_NODES, &first, 64, 0);
  char *sealed = map();
  int seals = !syscall(SYS_MSEAL, sealed + PAGE, PAGE, 0);
  die_and_come_back();
  CHECK(!seals || mprotect(sealed + PAGE, PAGE, PROT_READ) < 0);
  CHECK(mprotect(sealed, PAGE, PROT_READ) == 0 && sealed[PAGE] == 'x');
  CHECK(!binds || policy(bound + PAGE) == (MPOL_BIND | MPOL_F_STATIC_NODES));
  CHECK(!binds || policy(bound) == MPOL_DEFAULT);
  for (int i = 0; i < KINDS; i++) {
    CHECK(!set[i] || memory_has(memory[i] + PAGE, kinds[i].word) == 1);
    CHECK(memory_has(memory[i], kinds[i].word) == 0);
    CHECK(memory[i][PAGE] == 'x');
  }
  CHECK(memory_has(locked + PAGE, " lo") == 1 &&
        memory_has(locked, " lo") == 0);
  CHECK(memory_has(later + 2 * PAGE, " lf") == 1 &&
        memory_has(plain, " lo") == 0);
  CHECK(WIFSIGNALED(child_status(memory[0] + PAGE)));
  CHECK_EQUAL(child_status(memory[1] + PAGE), 0);
  CHECK_EQUAL(WEXITSTATUS(child_status(memory[1])), 'x');
  return 0;
}
