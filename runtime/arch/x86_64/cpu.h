/* cpu.h - what the processor can do, as far as some code has a faster form.
 *
 * A header, for the tools' parts and the tests of cache/ have no arch/ to link.
 */
#ifndef HWCKPT_ARCH_X86_64_CPU_H
#define HWCKPT_ARCH_X86_64_CPU_H

#include <stdbool.h>
#include <stdint.h>

static inline void arch_cpuid(uint32_t leaf, uint32_t part, uint32_t out[4]) {
  __asm__ volatile("cpuid"
                   : "=a"(out[0]), "=b"(out[1]), "=c"(out[2]), "=d"(out[3])
                   : "a"(leaf), "c"(part));
}

/* Whether there are AVX2 and a kernel that saves its registers (Intel SDM
 * volume 1, section 14.7.1). Slow in a virtual machine: ask once. */
static inline bool arch_has_avx2(void) {
  uint32_t basic[4], features[4], extended[4], low, high;
  arch_cpuid(0, 0, basic);
  if (basic[0] < 7)
    return false;
  arch_cpuid(1, 0, features);
  if (!(features[2] >> 27 & 1)) /* OSXSAVE */
    return false;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  arch_cpuid(7, 0, extended);
  return (low & 6) == 6 && extended[1] >> 5 & 1;
}

#endif
