// The floating point state of a thread that is stopped in the middle of a
// computation: MXCSR, the x87 control word and stack, and vector registers,
// over stops and a restore.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t
#include "behaviour.h"
#include <pthread.h>
#include <stdint.h>

#define MXCSR 0x7f80u   /* rounds to zero, flushes to zero; traps masked */
#define CONTROL 0x0e7fu /* rounds to zero, double precision */

static _Atomic uint32_t go_on;
static _Atomic int computing;
static int has_avx;

/* Loads the state, spins in code without a site, stores the state. */
static void hold_state(float out[16][8], uint32_t *mxcsr, uint16_t *control,
                       double x87[2]) {
  static const float in[8] = {1, 2, 3, 4, 5, 6, 7, 8};
  static const double values[2] = {1.25, -3e300};
  uint32_t set = MXCSR, mxcsr_before;
  uint16_t word = CONTROL, control_before;
  __asm__ volatile("stmxcsr %0\n\tfnstcw %1"
                   : "=m"(mxcsr_before), "=m"(control_before));
  computing = 1;
  if (has_avx)
    __asm__ volatile("vmovups (%0), %%ymm3\n\t"
                     "vmovups (%0), %%ymm15"
                     :
                     : "r"(in)
                     : "xmm3", "xmm15");
  __asm__ volatile(
      "ldmxcsr %[set]\n\t"
      "fldcw %[word]\n\t"
      "fldl 8(%[values])\n\t"
      "fldl (%[values])\n\t"
      "movups (%[in]), %%xmm7\n"
      "1:\n\t"
      "pause\n\t"
      "cmpl $0, %[go_on]\n\t"
      "je 1b\n\t"
      "movups %%xmm7, (%[out7])\n\t"
      "fstpl (%[x87])\n\t"
      "fstpl 8(%[x87])\n\t"
      "stmxcsr %[mxcsr]\n\t"
      "fnstcw %[control]"
      : [mxcsr] "=m"(*mxcsr), [control] "=m"(*control)
      : [set] "m"(set), [word] "m"(word), [values] "r"(values), [in] "r"(in),
        [go_on] "m"(go_on), [out7] "r"(out[7]), [x87] "r"(x87)
      : "xmm7", "memory");
  if (has_avx)
    __asm__ volatile("vmovups %%ymm3, (%0)\n\t"
                     "vmovups %%ymm15, (%1)"
                     :
                     : "r"(out[3]), "r"(out[15])
                     : "memory");
  __asm__ volatile("ldmxcsr %0\n\tfldcw %1"
                   :
                   : "m"(mxcsr_before), "m"(control_before));
}

static void *compute(void *unused) {
  float out[16][8] = {{0}};
  uint32_t mxcsr;
  uint16_t control;
  double x87[2];
  hold_state(out, &mxcsr, &control, x87);
  CHECK_EQUAL(mxcsr & 0xffc0, MXCSR);
  CHECK_EQUAL(control & 0x0f3f, CONTROL & 0x0f3f);
  CHECK(x87[0] == 1.25 && x87[1] == -3e300);
  for (int i = 0; i < 8; i++) {
    CHECK(i >= 4 || out[7][i] == (float)(i + 1));
    CHECK(!has_avx || (out[3][i] == (float)(i + 1) && out[15][i] == i + 1));
  }
  return unused;
}

int main(void) {
  pthread_t thread;
  has_avx = __builtin_cpu_supports("avx");
  pthread_create(&thread, NULL, compute, NULL);
  while (!computing)
    sched_yield();
  for (int i = 0; i < 5; i++)
    CHECK_EQUAL(__builtin_ckpt_save(), 0);
  die_and_come_back();
  for (int i = 0; i < 5; i++)
    CHECK_EQUAL(__builtin_ckpt_save(), 0);
  go_on = 1;
  pthread_join(thread, NULL);
  return 0;
}
