/* vector.c - choosing among the loops of vector.h. */
#include "vector.h"

#include "../arch/x86_64/cpu.h"

#include <stdatomic.h>

/* A program may be restored on another processor: see cache_forget(). */
enum { UNKNOWN, SSE2, AVX2 };
static _Atomic int unit;

bool vector_has_avx2(void) {
  int known = atomic_load_explicit(&unit, memory_order_relaxed);
  if (known == UNKNOWN) {
    known = arch_has_avx2() ? AVX2 : SSE2;
    atomic_store_explicit(&unit, known, memory_order_relaxed);
  }
  return known == AVX2;
}

void cache_forget(void) {
  atomic_store_explicit(&unit, UNKNOWN, memory_order_relaxed);
}

uint64_t vector_hash(const void *data, size_t length) {
  return vector_has_avx2() ? vector_hash_avx2(data, length)
                           : vector_hash_sse2(data, length);
}

struct format_page_hash vector_hash_page(const void *page, uint64_t seed) {
  return vector_has_avx2() ? vector_hash_page_avx2(page, seed)
                           : vector_hash_page_sse2(page, seed);
}

bool vector_is_zero_page(const void *page) {
  return vector_has_avx2() ? vector_is_zero_page_avx2(page)
                           : vector_is_zero_page_sse2(page);
}
