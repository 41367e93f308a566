/* All shortest paths of a dense graph (Floyd and Warshall). */
#include "common.h"

enum { N = 340 };

__attribute__((noinline)) static void close_paths(int D[N][N]) {
  for (int k = 0; k < N; k++)
    for (int i = 0; i < N; i++)
      for (int j = 0; j < N; j++) {
        int through = D[i][k] + D[k][j];
        if (through < D[i][j])
          D[i][j] = through;
      }
}

int main(void) {
  int *D = make(N * N, sizeof *D);
  uint64_t state = 7, sum = 0;
  for (int i = 0; i < N * N; i++)
    D[i] = 1 + (int)(next_random(&state) % 10000);
  close_paths((void *)D);
  for (int i = 0; i < N * N; i++)
    sum += (uint64_t)D[i];
  return printf("%llu\n", (unsigned long long)sum) < 0;
}
