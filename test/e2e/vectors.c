// Vector registers, 256 and 512 bits and mask registers, held over loops.
// RUN: %clang -fhwckpt -O2 %s -o %t && %python %S/Inputs/kill-and-restore --hwckpt %hwckpt --dir %t.dir -- %t
#include <immintrin.h>
#include <stdio.h>
#include <string.h>
__attribute__((target("avx2"), noinline)) static void avx2(long n,
                                                           unsigned *out) {
  __m256i a = _mm256_set1_epi32(1),
          b = _mm256_set_epi32(1, 2, 3, 4, 5, 6, 7, 8);
  __m256i c = b, k = _mm256_set1_epi32(1664525);
  for (long i = 0; i < n; i++) {
    a = _mm256_add_epi32(_mm256_mullo_epi32(a, k), b);
    b = _mm256_xor_si256(b, _mm256_srli_epi32(a, 7));
    c = _mm256_add_epi32(_mm256_permutevar8x32_epi32(c, b), a);
  }
  _mm256_storeu_si256((__m256i *)out,
                      _mm256_xor_si256(a, _mm256_add_epi32(b, c)));
}
__attribute__((target("avx512f"), noinline)) static void avx512(long n,
                                                                unsigned *out) {
  __m512i a = _mm512_set1_epi32(3), b = _mm512_set1_epi32(5),
          k = _mm512_set1_epi32(1664525);
  a = _mm512_mask_add_epi32(a, 0x5a5a, a, b);
  __mmask16 m = 0x1234;
  for (long i = 0; i < n; i++) {
    a = _mm512_add_epi32(_mm512_mullo_epi32(a, k), b);
    m = (__mmask16)(_mm512_cmpgt_epi32_mask(a, b) ^ m);
    b = _mm512_mask_xor_epi32(b, m, b, _mm512_srli_epi32(a, 9));
    b = _mm512_permutexvar_epi32(a, b);
  }
  _mm512_storeu_si512(out, _mm512_mask_add_epi32(a, m, a, b));
}
int main(void) {
  unsigned out[16];
  for (int round = 0; round < 10; round++) {
    memset(out, 0, sizeof out);
    avx2(20000000 + round, out);
    if (__builtin_cpu_supports("avx512f"))
      avx512(10000000 + round, out);
    for (int i = 0; i < 16; i++)
      printf("%x%c", out[i], i == 15 ? '\n' : ' ');
  }
  return 7;
}
