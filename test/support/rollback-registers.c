// A thread that is stopped by signal in a loop without sites gets its vector
// registers back.
// RUN: %behaviour -mavx %s -o %t && %t
#include "behaviour.h"
#include <immintrin.h>
#include <pthread.h>

static _Atomic int stop, running;

[[hwckpt::nopoll]] static void *spin(void *argument) {
  __m256i kept = _mm256_set1_epi64x(0x1234567), one = _mm256_set1_epi64x(7);
  unsigned long other = 0x9876543210ul;
  long turns = 0;
  running = 1;
  while (!stop) {
    __asm__ volatile("" : "+x"(kept), "+x"(one), "+r"(other));
    turns++;
  }
  __m256i sum = _mm256_castps_si256(
      _mm256_add_ps(_mm256_castsi256_ps(kept), _mm256_castsi256_ps(kept)));
  (void)sum;
  for (int i = 0; i < 4; i++) {
    CHECK_EQUAL(((long long *)&kept)[i], 0x1234567);
    CHECK_EQUAL(((long long *)&one)[i], 7);
  }
  CHECK_EQUAL(other, 0x9876543210ul);
  CHECK(turns > 0);
  return argument;
}

int main(void) {
  if (!__builtin_cpu_supports("avx"))
    SKIP("no AVX");
  pthread_t thread;
  CHECK_EQUAL(pthread_create(&thread, 0, spin, 0), 0);
  while (!running)
    usleep(100);
  int n = __builtin_ckpt_save();
  CHECK(n >= 0);
  if (n < 5) {
    if (n % 2) {
      stop = 1;
      pthread_join(thread, 0);
    }
    roll_back();
  }
  stop = 1;
  return pthread_join(thread, 0);
}
