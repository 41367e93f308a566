// In the place of another libc's loader: says whether anything is preloaded,
// and does not load the program.
#include <sys/syscall.h>

static long call(long number, long a, const void *b, long c) {
  long result;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(a), "S"(b), "d"(c)
                   : "rcx", "r11", "memory");
  return result;
}

/* The kernel puts the count of arguments there, and what is behind it. */
__attribute__((used)) void begin(char **stack) {
  static const char key[] = "LD_PRELOAD=";
  char **entry = stack + (long)stack[0] + 2;
  long preloads = 0;
  for (; *entry; entry++) {
    unsigned long i = 0;
    while (i < sizeof key - 1 && (*entry)[i] == key[i])
      i++;
    preloads |= i == sizeof key - 1;
  }
  if (preloads)
    call(SYS_write, 1, "preloads\n", 9);
  else
    call(SYS_write, 1, "as it is\n", 9);
  for (;;)
    call(SYS_exit_group, 0, 0, 0);
}

__asm__(
    ".globl _start\n_start: mov %rsp, %rdi\n\tand $-16, %rsp\n\tcall begin");
