/* Primes by crossing out, and a sum over text of them: bytes and branches. */
#include "common.h"

enum { N = 4000000 };

__attribute__((noinline)) static unsigned cross_out(unsigned char *composite) {
  unsigned found = 0;
  memset(composite, 0, N);
  for (unsigned i = 2; i < N; i++) {
    if (composite[i])
      continue;
    found++;
    for (unsigned k = 2 * i; k < N; k += i)
      composite[k] = 1;
  }
  return found;
}

int main(void) {
  unsigned char *composite = make(N, 1);
  unsigned found = 0;
  for (int i = 0; i < 2; i++)
    found += cross_out(composite);
  return printf("%u\n", found) < 0;
}
