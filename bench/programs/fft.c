/* A fast Fourier transform, radix 2, in place. */
#include "common.h"

enum { BITS = 16, N = 1 << BITS };

__attribute__((noinline)) static void
transform(double *re, double *im, const double *cosine, const double *sine) {
  for (unsigned i = 1, j = 0; i < N; i++) {
    unsigned bit = N >> 1;
    for (; j & bit; bit >>= 1)
      j ^= bit;
    j ^= bit;
    if (i < j) {
      double x = re[i], y = im[i];
      re[i] = re[j], im[i] = im[j];
      re[j] = x, im[j] = y;
    }
  }
  for (unsigned half = 1; half < N; half <<= 1)
    for (unsigned first = 0; first < N; first += 2 * half)
      for (unsigned k = 0; k < half; k++) {
        unsigned a = first + k, b = a + half, turn = k * (N / 2 / half);
        double x = re[b] * cosine[turn] - im[b] * sine[turn];
        double y = re[b] * sine[turn] + im[b] * cosine[turn];
        re[b] = re[a] - x, im[b] = im[a] - y;
        re[a] += x, im[a] += y;
      }
}

int main(void) {
  double *re = make_numbers(N), *im = make_numbers(N);
  double *cosine = make_numbers(N / 2), *sine = make_numbers(N / 2);
  for (int i = 0; i < N / 2; i++) {
    cosine[i] = cos(2 * 3.14159265358979323846 * i / N);
    sine[i] = -sin(2 * 3.14159265358979323846 * i / N);
  }
  for (int i = 0; i < 12; i++)
    transform(re, im, cosine, sine);
  return sum_numbers(re, 1000);
}
