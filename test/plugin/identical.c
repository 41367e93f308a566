// Sites are no code: but for the table, ordinary loops compile to the very same
// instructions, with and without debug information.
// RUN: %python %S/Inputs/same-code.py "clang %s" "%clang -fhwckpt %s" -O0 -O1 -O2 -O3 -Os "-O2 -g" "-O2 -fPIC -march=x86-64-v3"

#include <stddef.h>

double dot(int n, const double *a, const double *b) {
  double s = 0;
  for (int i = 0; i < n; i++)
    s += a[i] * b[i];
  return s;
}

void gemm(int n, double *restrict a, double *restrict b, double *restrict c) {
  for (int i = 0; i < n; i++)
    for (int k = 0; k < n; k++)
      for (int j = 0; j < n; j++)
        c[i * n + j] += a[i * n + k] * b[k * n + j];
}

size_t length(const char *s) {
  const char *p = s;
  while (*p)
    p++;
  return p - s;
}

int search(const int *a, int n, int key) {
  int low = 0, high = n;
  while (low < high) {
    int middle = low + (high - low) / 2;
    if (a[middle] < key)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

struct node {
  struct node *left, *right;
  int value;
};

int total(const struct node *t) {
  return t ? total(t->left) + t->value + total(t->right) : 0;
}

void sort(int *a, int n) {
  for (int i = 1; i < n; i++) {
    int key = a[i], j = i - 1;
    while (j >= 0 && a[j] > key) {
      a[j + 1] = a[j];
      j--;
    }
    a[j + 1] = key;
  }
}

long interpret(const unsigned char *pc, long a) {
  static const void *const operations[] = {&&increment, &&twice, &&jump,
                                           &&halt};
  goto *operations[*pc++];
increment:
  a++;
  goto *operations[*pc++];
twice:
  a *= 2;
  goto *operations[*pc++];
jump:
  pc = a & 1 ? pc - *pc : pc + 1;
  goto *operations[*pc++];
halt:
  return a;
}

/* Of the first operation the place is known, so that the loads of the others
 * are not in the block that jumps. */
void dispatch(long *r) {
  static const struct {
    unsigned char operation, to, from;
  } program[] = {{0, 1, 0}, {1, 0, 1}, {2, 0, 0}, {3, 0, 0}};
  static const void *const operations[] = {&&copy, &&add, &&jump, &&halt};
  size_t at = 0;
  goto *operations[program[at].operation];
copy:
  r[program[at].to] = r[program[at].from];
  at++;
  goto *operations[program[at].operation];
add:
  r[program[at].to] += r[program[at].from];
  at++;
  goto *operations[program[at].operation];
jump:
  at = r[0] > 1000 ? 3 : 0;
  goto *operations[program[at].operation];
halt:
  return;
}
