// Guard regions, read-only and unreadable memory with content, and code made
// while the program runs.
// RUN: %clang -fhwckpt -O2 %s -o %t && %by_all %python %S/Inputs/come-back %hwckpt 3 7 %t
#include "Inputs/come-back.h"
#include <setjmp.h>
#include <string.h>
#include <sys/mman.h>
enum { PAGE = 4096 };
static sigjmp_buf back;
static void on_fault(int number) {
  (void)number;
  siglongjmp(back, 1);
}
static int can_read(volatile char *at) {
  if (sigsetjmp(back, 1))
    return 0;
  (void)*at;
  return 1;
}
static int can_write(volatile char *at) {
  if (sigsetjmp(back, 1))
    return 0;
  char value = *at;
  *at = value;
  return 1;
}
static void all(const char *at, int value) {
  for (int i = 0; i < PAGE; i++)
    CHECK(at[i] == value);
}
static char *area; // [guard][read-only][unreadable][writable][guard][code]
static void as_left(void) {
  CHECK(!can_read(area));
  CHECK(can_read(area + PAGE) && !can_write(area + PAGE));
  CHECK(!can_read(area + 2 * PAGE));
  CHECK(can_write(area + 3 * PAGE));
  CHECK(!can_read(area + 4 * PAGE));
  CHECK(!can_write(area + 5 * PAGE));
}
static void protect(int page, int protection) {
  CHECK(mprotect(area + page * PAGE, PAGE, protection) == 0);
}
static int call(void) {
  int (*function)(void) = (int (*)(void))(void *)(area + 5 * PAGE);
  return function();
}
static void generate(unsigned char result) {
  unsigned char code[] = {0xb8, result, 0, 0, 0, 0xc3}; // mov eax, n; ret
  memcpy(area + 5 * PAGE, code, sizeof code);
}
int main(void) {
  CHECK(signal(SIGSEGV, on_fault) != SIG_ERR);
  area = mmap(NULL, 6 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(area != MAP_FAILED);
  for (int page = 1; page < 4; page++) {
    protect(page, PROT_READ | PROT_WRITE);
    memset(area + page * PAGE, '0' + page, PAGE);
  }
  protect(1, PROT_READ);
  protect(2, PROT_NONE);
  protect(5, PROT_READ | PROT_WRITE);
  generate(11);
  protect(5, PROT_READ | PROT_EXEC);
  die_and_come_back();
  as_left();
  all(area + PAGE, '1');
  all(area + 3 * PAGE, '3');
  CHECK(call() == 11);
  save();
  // Written in a delta, then closed again.
  for (int page = 1; page < 3; page++) {
    protect(page, PROT_READ | PROT_WRITE);
    all(area + page * PAGE, '0' + page);
    memset(area + page * PAGE, '5' + page, PAGE);
  }
  protect(1, PROT_READ);
  protect(2, PROT_NONE);
  protect(5, PROT_READ | PROT_WRITE | PROT_EXEC);
  generate(12);
  CHECK(call() == 12);
  die_and_come_back();
  CHECK(call() == 12);
  generate(13);
  CHECK(call() == 13);
  protect(5, PROT_READ | PROT_EXEC);
  save();
  die_and_come_back();
  as_left();
  CHECK(call() == 13);
  all(area + PAGE, '6');
  protect(2, PROT_READ);
  all(area + 2 * PAGE, '7');
  all(area + 3 * PAGE, '3');
  return 7;
}
