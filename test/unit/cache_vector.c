/* The hashes and the zero test are the same whatever vector unit they use, at
 * every length and alignment, and hashes are those of the specification. */
// RUN: %unit/cache_vector
// RUN: %unit/sanitized/cache_vector
#include "Inputs/unit.h"

#include "runtime/cache/vector.h"

static unsigned char bytes[(size_t)300 << 10];

static bool same(struct format_page_hash a, struct format_page_hash b) {
  return a.low == b.low && a.high == b.high;
}

struct loops {
  uint64_t (*hash)(const void *data, size_t length);
  struct format_page_hash (*hash_page)(const void *page, uint64_t seed);
  bool (*is_zero_page)(const void *page);
};
static const struct loops sse2 = {vector_hash_sse2, vector_hash_page_sse2,
                                  vector_is_zero_page_sse2};
static const struct loops avx2 = {vector_hash_avx2, vector_hash_page_avx2,
                                  vector_is_zero_page_avx2};
static const struct loops chosen = {vector_hash, vector_hash_page,
                                    vector_is_zero_page};

static void compare(const struct loops *a, const struct loops *b) {
  for (size_t length = 0; length < sizeof(bytes) - 64;
       length += 1 + length / 16)
    for (size_t at = 0; at < 64; at += 7)
      CHECK(a->hash(bytes + at, length) == b->hash(bytes + at, length));
  for (size_t at = 0; at < 64; at++)
    CHECK(same(a->hash_page(bytes + at, at), b->hash_page(bytes + at, at)));
}

/* One byte makes the difference, wherever it is. */
static void test_zero(const struct loops *loops) {
  static unsigned char pages[2 * CACHE_PAGE_SIZE];
  for (size_t at = 0; at < 64; at += 9)
    CHECK(loops->is_zero_page(pages + at));
  for (size_t i = 0; i < CACHE_PAGE_SIZE; i++) {
    pages[i + 9] = 0x80;
    CHECK(!loops->is_zero_page(pages + 9));
    pages[i + 9] = 0;
  }
  pages[8] = pages[CACHE_PAGE_SIZE + 9] = 1; /* next to it */
  CHECK(loops->is_zero_page(pages + 9));
  pages[8] = pages[CACHE_PAGE_SIZE + 9] = 0;
}

/* Of the reference implementation, xxhsum -H3 and -H128. */
static void test_known(const struct loops *loops) {
  static unsigned char page[CACHE_PAGE_SIZE];
  CHECK(loops->hash("", 0) == UINT64_C(0x2d06800538d394c2));
  CHECK(loops->hash(page, sizeof(page)) == UINT64_C(0x93d76fe148c689ba));
  CHECK(same(loops->hash_page(page, 0),
             (struct format_page_hash){UINT64_C(0x93d76fe148c689ba),
                                       UINT64_C(0x3ee8dc4f9e7ee495)}));
}

int main(void) {
  unit_seed(1);
  for (size_t i = 0; i < sizeof(bytes); i++)
    bytes[i] = (unsigned char)unit_random(256);
  test_zero(&sse2);
  test_known(&sse2);
  for (int i = 0; i < 2; i++, cache_forget()) {
    CHECK(vector_has_avx2() == !!__builtin_cpu_supports("avx2"));
    test_zero(&chosen);
    test_known(&chosen);
    compare(&sse2, &chosen);
  }
  if (!vector_has_avx2())
    return 0;
  test_zero(&avx2);
  test_known(&avx2);
  compare(&sse2, &avx2);
  return 0;
}
