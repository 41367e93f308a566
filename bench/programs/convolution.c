/* A picture and a 5 x 5 kernel. */
#include "common.h"

enum { N = 640, K = 5 };

__attribute__((noinline)) static void
convolve(const float A[N][N], const float k[K][K], float B[restrict N][N]) {
  for (int i = 0; i < N - K; i++)
    for (int j = 0; j < N - K; j++) {
      float sum = 0;
      for (int y = 0; y < K; y++)
        for (int x = 0; x < K; x++)
          sum += A[i + y][j + x] * k[y][x];
      B[i][j] = sum;
    }
}

int main(void) {
  float *A = make(N * N, sizeof *A), *B = make(N * N, sizeof *B);
  float k[K][K];
  uint64_t state = 3;
  double sum = 0;
  for (int i = 0; i < N * N; i++)
    A[i] = (float)(next_random(&state) & 255), B[i] = 0;
  for (int i = 0; i < K * K; i++)
    k[i / K][i % K] = (float)i / 25;
  for (int i = 0; i < 20; i++)
    convolve((void *)A, (void *)k, (void *)B);
  for (int i = 0; i < N * N; i++)
    sum += B[i];
  return printf("%.6g\n", sum) < 0;
}
