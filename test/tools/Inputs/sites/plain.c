#include <stdio.h>

__attribute__((noinline)) long fibonacci(int n) {
  return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2); // recursion
}

__attribute__((noinline, used)) void unused(int n) {
  while (n != 1) // loop
    printf("%d\n", n = n % 2 ? 3 * n + 1 : n / 2);
}

__attribute__((noinline)) void show(int n) {
  for (int i = 0; i < n; i++) // loop
    printf("%ld\n", fibonacci(i));
}

#ifndef LIBRARY
int main(int argc, char **argv) {
  (void)argv;
  show(argc);
  return 0;
}
#endif
