/* Longest common subsequence of two texts, by dynamic programming. */
#include "common.h"

enum { N = 4096 };

__attribute__((noinline)) static int longest(const char *a, const char *b,
                                             int *row) {
  memset(row, 0, (N + 1) * sizeof *row);
  for (int i = 0; i < N; i++) {
    int diagonal = 0;
    for (int j = 0; j < N; j++) {
      int above = row[j + 1];
      int best = above > row[j] ? above : row[j];
      row[j + 1] = a[i] == b[j] ? diagonal + 1 : best;
      diagonal = above;
    }
  }
  return row[N];
}

int main(void) {
  char *a = make(N, 1), *b = make(N, 1);
  int *row = make(N + 1, sizeof *row);
  uint64_t state = 5;
  for (int i = 0; i < N; i++) {
    a[i] = (char)('a' + next_random(&state) % 4);
    b[i] = (char)('a' + next_random(&state) % 4);
  }
  return printf("%d\n", longest(a, b, row)) < 0;
}
