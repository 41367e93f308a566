/* duration.c - durations as the user writes them. Integers all the way, so that
 * what is written is what is meant. */
#include "duration.h"

#include <stddef.h>
#include <string.h>

static const struct {
  const char *name;
  uint64_t ns;
} units[] = {
    {"", 1000000000},  {"us", 1000},       {"ms", 1000000},
    {"s", 1000000000}, {"m", 60000000000}, {"h", 3600000000000},
};

bool duration_parse(const char *text, uint64_t *ns) {
  uint64_t whole = 0, fraction = 0, scale = 1;
  bool digits = false;
  for (; *text >= '0' && *text <= '9'; text++) {
    if (__builtin_mul_overflow(whole, 10, &whole) ||
        __builtin_add_overflow(whole, (uint64_t)(*text - '0'), &whole))
      return false;
    digits = true;
  }
  if (*text == '.')
    for (text++; *text >= '0' && *text <= '9'; text++) {
      /* An hour has 3.6e12 ns: with 6 digits the product below still fits. */
      if (scale < 1000000) {
        fraction = fraction * 10 + (uint64_t)(*text - '0');
        scale *= 10;
      }
      digits = true;
    }
  if (!digits)
    return false;
  for (size_t i = 0; i < sizeof units / sizeof *units; i++)
    if (!strcmp(text, units[i].name))
      return !__builtin_mul_overflow(whole, units[i].ns, ns) &&
             !__builtin_add_overflow(*ns, fraction * units[i].ns / scale, ns);
  return false;
}
