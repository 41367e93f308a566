/* Recursion that does nothing else. */
#include "common.h"

__attribute__((noinline)) static unsigned fibonacci(unsigned n) {
  return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
}

int main(int count, char **arguments) {
  (void)arguments;
  return printf("%u\n", fibonacci(35 + (unsigned)(count > 100))) < 0;
}
