/* A hash table with open addressing: counts words of a made-up text. */
#include "common.h"

enum { SLOTS = 1 << 15, WORDS = 500000 };
struct slot {
  uint32_t length, count;
  char word[24];
};

static uint64_t hash(const char *text, uint32_t length) {
  uint64_t value = 14695981039346656037ull;
  for (uint32_t i = 0; i < length; i++)
    value = (value ^ (unsigned char)text[i]) * 1099511628211ull;
  return value;
}

__attribute__((noinline)) static void count(struct slot *table,
                                            const char *word, uint32_t length) {
  uint64_t at = hash(word, length) & (SLOTS - 1);
  while (table[at].count && (table[at].length != length ||
                             memcmp(table[at].word, word, length) != 0))
    at = (at + 1) & (SLOTS - 1);
  if (!table[at].count++) {
    table[at].length = length;
    memcpy(table[at].word, word, length);
  }
}

int main(void) {
  struct slot *table = make(SLOTS, sizeof *table);
  memset(table, 0, SLOTS * sizeof *table);
  uint64_t state = 17, sum = 0;
  for (int i = 0; i < WORDS; i++) {
    char word[24];
    uint32_t length = 0;
    for (uint64_t n = next_random(&state) % 20000; n; n /= 7)
      word[length++] = (char)('a' + n % 7);
    count(table, word, length);
  }
  for (int i = 0; i < SLOTS; i++)
    sum += (uint64_t)table[i].count * table[i].count;
  return printf("%llu\n", (unsigned long long)sum) < 0;
}
