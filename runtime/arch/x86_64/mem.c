/* mem.c - the memory functions of the runtime and of the libraries inside it.
 *
 * Calls to memcpy and the like in the runtime's object are renamed to these,
 * so that no sanitizer's interceptor and no thread-local storage is reached
 * while the program is stopped or from threads that libc does not know.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "../arch.h"

void *__hwckpt_memcpy(void *restrict to, const void *restrict from, size_t n);
void *__hwckpt_memmove(void *to, const void *from, size_t n);
void *__hwckpt_memset(void *to, int value, size_t n);
int __hwckpt_memcmp(const void *a, const void *b, size_t n);
size_t __hwckpt_strlen(const char *s);

typedef uint64_t word __attribute__((may_alias, aligned(1)));
typedef uint32_t half __attribute__((may_alias, aligned(1)));
typedef uint16_t quarter __attribute__((may_alias, aligned(1)));
typedef long long vector
    __attribute__((vector_size(16), may_alias, aligned(1)));

static inline void repeat_move(void *to, const void *from, size_t n) {
  __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(n) : : "memory");
}

/* Up to 64 bytes as two loads and two stores that overlap; all is loaded before
 * anything is stored, so that it serves memmove as well. */
static inline void move_small(char *to, const char *from, size_t n) {
  if (n >= 32) {
    vector a = *(const vector *)from, b = *(const vector *)(from + 16);
    vector c = *(const vector *)(from + n - 32);
    vector d = *(const vector *)(from + n - 16);
    *(vector *)to = a;
    *(vector *)(to + 16) = b;
    *(vector *)(to + n - 32) = c;
    *(vector *)(to + n - 16) = d;
  } else if (n >= 16) {
    vector a = *(const vector *)from, b = *(const vector *)(from + n - 16);
    *(vector *)to = a;
    *(vector *)(to + n - 16) = b;
  } else if (n >= 8) {
    uint64_t a = *(const word *)from, b = *(const word *)(from + n - 8);
    *(word *)to = a;
    *(word *)(to + n - 8) = b;
  } else if (n >= 4) {
    uint32_t a = *(const half *)from, b = *(const half *)(from + n - 4);
    *(half *)to = a;
    *(half *)(to + n - 4) = b;
  } else if (n >= 2) {
    uint16_t a = *(const quarter *)from, b = *(const quarter *)(from + n - 2);
    *(quarter *)to = a;
    *(quarter *)(to + n - 2) = b;
  } else if (n) {
    *to = *from;
  }
}

void *__hwckpt_memcpy(void *restrict to, const void *restrict from, size_t n) {
  if (n <= 64)
    move_small(to, from, n);
  else
    repeat_move(to, from, n);
  return to;
}

void *__hwckpt_memmove(void *to, const void *from, size_t n) {
  char *t = to;
  const char *f = from;
  if (n <= 64) {
    move_small(t, f, n);
  } else if (t <= f || t >= f + n) {
    repeat_move(t, f, n);
  } else {
    while (n >= 16) {
      n -= 16;
      *(vector *)(t + n) = *(const vector *)(f + n);
    }
    move_small(t, f, n);
  }
  return to;
}

void *__hwckpt_memset(void *to, int value, size_t n) {
  void *p = to;
  __asm__ volatile("rep stosb" : "+D"(p), "+c"(n) : "a"(value) : "memory");
  return to;
}

int __hwckpt_memcmp(const void *a, const void *b, size_t n) {
  const unsigned char *x = a, *y = b;
  while (n >= 8 && *(const word *)x == *(const word *)y)
    x += 8, y += 8, n -= 8;
  for (; n; x++, y++, n--)
    if (*x != *y)
      return *x < *y ? -1 : 1;
  return 0;
}

size_t __hwckpt_strlen(const char *s) {
  size_t n = 0;
  while (s[n])
    n++;
  return n;
}

void arch_copy_page(void *to, const void *from) {
  size_t n = 4096 / 8;
  __asm__ volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(n) : : "memory");
}
