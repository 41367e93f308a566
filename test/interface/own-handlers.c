// A program that handles SIGSEGV itself, to find its own writes and to recover,
// does so under frequent checkpoints and after a restore. One that handles
// SIGUSR1 itself gets it, and is asked by another signal.
// RUN: %behaviour %s -o %t && rm -f %t.once && %restored --every 3ms -o signal=12:keep=1000 -- %t %t.once
#include "once.h"
#include <pthread.h>
#include <setjmp.h>
#include <sys/mman.h>
enum { PAGES = 16, PAGE = 4096 };
static char *memory;
static volatile int faults, usr1;
static sigjmp_buf recover;
static void on_fault(int number, siginfo_t *info, void *context) {
  (void)number;
  (void)context;
  char *at = info->si_addr;
  if (at < memory || at >= memory + PAGES * PAGE)
    siglongjmp(recover, 1);
  faults++;
  at -= (size_t)at % PAGE;
  CHECK_EQUAL(mprotect(at, PAGE, PROT_READ | PROT_WRITE), 0);
}
static void on_usr1(int number) {
  (void)number;
  usr1++;
}
static void find_writes(void) {
  faults = 0;
  CHECK_EQUAL(mprotect(memory, PAGES * PAGE, PROT_READ), 0);
  for (int i = 0; i < PAGES; i += 2)
    for (int k = 0; k < 100; k++)
      ((volatile char *)memory)[i * PAGE + k]++;
  CHECK_EQUAL(faults, PAGES / 2);
}
static void recover_from_null(void) {
  volatile int recovered = 0;
  if (sigsetjmp(recover, 1) == 0)
    *(volatile int *)0x10 = 1;
  else
    recovered = 1;
  CHECK(recovered);
}
static void go_through(void) {
  unsigned before = generations();
  for (int i = 0; i < 50 || generations() < before + 3; i++) {
    find_writes();
    recover_from_null();
  }
}
int main(int argc, char **argv) {
  CHECK(argc == 2);
  struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
  CHECK_EQUAL(sigaction(SIGSEGV, &action, NULL), 0);
  signal(SIGUSR1, on_usr1);
  memory = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(memory != MAP_FAILED);
  go_through();
  raise(SIGUSR1);
  CHECK_EQUAL(usr1, 1);
  raise(SIGUSR2); /* asks */
  die_once(argv[1]);
  go_through();
  raise(SIGUSR1);
  CHECK(usr1 >= 1);
  return 0;
}
