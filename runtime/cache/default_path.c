/* default_path.c - where the checkpoint cache is when nobody says.
 *
 * Freestanding: looks at the environ it is given, calls nothing. */
#include "default_path.h"

#include "../error.h"

#include <stdbool.h>

static const char *lookup(char *const *environ, const char *name) {
  for (; environ && *environ; environ++) {
    const char *entry = *environ, *wanted = name;
    while (*wanted && *entry == *wanted) {
      entry++;
      wanted++;
    }
    if (!*wanted && *entry == '=' && entry[1])
      return entry + 1;
  }
  return NULL;
}

/* Writes head and tail, one after the other; false when they do not fit. */
static bool join(char *buffer, size_t size, const char *head,
                 const char *tail) {
  size_t length = 0;
  for (const char *part = head; part; part = part == head ? tail : NULL)
    for (const char *at = part; *at; at++) {
      if (length + 1 >= size)
        return false;
      buffer[length++] = *at;
    }
  buffer[length] = 0;
  return true;
}

int cache_default_path(char *const *environ, char *buffer, size_t size) {
  static const struct {
    const char *variable, *below;
    bool absolute; /* a relative value does not count */
  } places[] = {
      {"HWCKPT_CACHE", "", false},
      {"XDG_STATE_HOME", "/hwckpt", true},
      {"HOME", "/.local/state/hwckpt", true},
  };
  if (!size)
    return -HWCKPT_E_CACHE_NAME;
  buffer[0] = 0;
  for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
    const char *value = lookup(environ, places[i].variable);
    if (!value || (places[i].absolute && *value != '/'))
      continue;
    if (join(buffer, size, value, places[i].below))
      return 0;
    buffer[0] = 0;
    return -HWCKPT_E_CACHE_NAME;
  }
  return -HWCKPT_E_CACHE_MISSING;
}
