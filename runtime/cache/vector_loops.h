/* vector_loops.h - the loops of vector.h, for the vector unit that XXH_VECTOR
 * and the including file's target attribute name. Included once by each such
 * file, which defines VECTOR_UNIT. */
#define XXH_INLINE_ALL
/* Loads through packed structures: with -fno-builtin the default, memcpy, is a
 * call for every eight bytes. */
#define XXH_FORCE_MEMORY_ACCESS 1
#include <xxhash.h>

#define NAME_OF(what, unit) vector_##what##_##unit
#define NAME_IN(what, unit) NAME_OF(what, unit)
#define NAME(what) NAME_IN(what, VECTOR_UNIT)

uint64_t NAME(hash)(const void *data, size_t length) {
  return XXH3_64bits(data, length);
}

struct format_page_hash NAME(hash_page)(const void *page, uint64_t seed) {
  XXH128_hash_t hash = XXH3_128bits_withSeed(page, CACHE_PAGE_SIZE, seed);
  return (struct format_page_hash){hash.low64, hash.high64};
}

/* Most pages that are not zero differ early; the rest is for the vector unit.
 */
bool NAME(is_zero_page)(const void *page) {
  typedef uint64_t __attribute__((may_alias, aligned(1))) word;
  const word *words = page;
  for (size_t block = 0; block < CACHE_PAGE_SIZE / 8; block += 64) {
    uint64_t any = 0;
    for (size_t i = 0; i < 64; i++)
      any |= words[block + i];
    if (any)
      return false;
  }
  return true;
}
