// The break grows, shrinks and grows again: what is new reads as zero.
// RUN: %clang -fhwckpt -O2 %s -o %t && %by_all %python %S/Inputs/come-back %hwckpt 2 7 %t
#define _GNU_SOURCE
#include "Inputs/come-back.h"
#include <string.h>
#include <sys/syscall.h>
enum { PAGE = 4096 };
static char *start;
// libc's malloc would take sbrk() for its own.
static char *set_break(int pages) {
  char *end = (char *)syscall(SYS_brk, start + pages * PAGE);
  CHECK(end == start + pages * PAGE);
  return end;
}
static void holds(int page, int value) {
  for (int i = 0; i < PAGE; i++)
    CHECK(start[page * PAGE + i] == value);
}
static void fill(int page, int value) {
  memset(start + page * PAGE, value, PAGE);
}
int main(void) {
  start = (char *)syscall(SYS_brk, 0);
  start = (char *)(((unsigned long)start + PAGE - 1) / PAGE * PAGE);
  set_break(20);
  for (int page = 0; page < 20; page++)
    fill(page, 'a');
  save();
  set_break(5);
  set_break(40);
  fill(30, 'b');
  die_and_come_back();
  CHECK((char *)syscall(SYS_brk, 0) == start + 40 * PAGE);
  for (int page = 0; page < 40; page++)
    holds(page, page < 5 ? 'a' : page == 30 ? 'b' : 0);
  save();
  set_break(31);
  save();
  set_break(50);
  fill(35, 'c');
  set_break(34);
  set_break(36);
  die_and_come_back();
  CHECK((char *)syscall(SYS_brk, 0) == start + 36 * PAGE);
  for (int page = 0; page < 36; page++)
    holds(page, page < 5 ? 'a' : page == 30 ? 'b' : 0);
  set_break(60);
  holds(59, 0);
  return 7;
}
