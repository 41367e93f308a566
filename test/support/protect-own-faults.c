// track=mprotect in a program that handles SIGSEGV itself, as one that finds
// its own writes by mprotect() does: what it protects is its own, also in
// memory that is protected here, and its handler sees its faults and no others.
// A jump to what is not code is its fault as well.
// RUN: %behaviour %s -o %t && %restored_by_all -o track=mprotect -- %t
#include "behaviour.h"

#include <setjmp.h>
#include <sys/mman.h>

enum { PAGE = 4096, PAGES = 64 };
static char *memory;
static int seen[PAGES], other;
static sigjmp_buf out;

static void on_fault(int number, siginfo_t *info, void *context) {
  (void)number, (void)context;
  long page = ((char *)info->si_addr - memory) / PAGE;
  if (page < 0 || page >= PAGES || seen[page]++ > 0 || page == PAGES - 1) {
    other++;
    siglongjmp(out, 1);
  }
  CHECK_EQUAL(mprotect(memory + page * PAGE, PAGE, PROT_READ | PROT_WRITE), 0);
}

static void protect_half(void) {
  CHECK_EQUAL(mprotect(memory, PAGES / 2 * PAGE, PROT_READ), 0);
  memset(seen, 0, sizeof seen);
}

static void write_all(int expected) {
  for (int i = 0; i < PAGES - 1; i++)
    memory[i * PAGE]++;
  for (int i = 0; i < PAGES; i++)
    CHECK_EQUAL(seen[i], i < PAGES / 2 ? expected : 0);
}

int main(void) {
  struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO},
                   now;
  memory = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(memory != MAP_FAILED);
  memset(memory, 1, PAGES * PAGE);
  CHECK_EQUAL(sigaction(SIGSEGV, &action, NULL), 0);
  CHECK_EQUAL(sigaction(SIGSEGV, NULL, &now), 0);
  CHECK(now.sa_sigaction == on_fault);
  for (int i = 0; i < 3; i++) {
    CHECK_EQUAL(__builtin_ckpt_save(), 0);
    protect_half(); /* of what is protected here */
    CHECK_EQUAL(__builtin_ckpt_save(), 0);
    write_all(1);
    CHECK_EQUAL(__builtin_ckpt_save(), 0);
    write_all(1);
  }
  protect_half();
  die_and_come_back();
  write_all(1);
  CHECK_EQUAL(memory[0], 8);
  CHECK_EQUAL(memory[(PAGES - 2) * PAGE], 8);
  /* Not a write. */
  CHECK_EQUAL(__builtin_ckpt_save(), 0);
  if (!sigsetjmp(out, 1))
    ((void (*)(void))(void *)(memory + (PAGES - 1) * PAGE))();
  CHECK_EQUAL(other, 1);
  CHECK_EQUAL(munmap(memory + (PAGES - 1) * PAGE, PAGE), 0);
  if (!sigsetjmp(out, 1))
    memory[(PAGES - 1) * PAGE] = 1;
  CHECK_EQUAL(other, 2);
  return 0;
}
