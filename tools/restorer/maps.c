/* maps.c - /proc/self/maps of the restorer itself, before it places anything.
 * Source: proc(5). */
#include "restorer.h"

#include "../../runtime/arch/sys.h"

#include <fcntl.h>

static char text[MAPPINGS_MAX * 512];

static const char *parse_hex(const char *p, uint64_t *value) {
  for (*value = 0;; p++) {
    if (*p >= '0' && *p <= '9')
      *value = *value << 4 | (uint64_t)(*p - '0');
    else if (*p >= 'a' && *p <= 'f')
      *value = *value << 4 | (uint64_t)(*p - 'a' + 10);
    else
      return p;
  }
}

static void read_text(void) {
  long fd = SYS(openat, AT_FDCWD, "/proc/self/maps", O_RDONLY | O_CLOEXEC, 0);
  if (fd < 0)
    FAIL(HWCKPT_E_RESTORE_KERNEL, (int)-fd, "/proc/self/maps", "open");
  size_t length = 0;
  long got;
  do {
    got = SYS(read, fd, text + length, sizeof text - 1 - length);
    if (got < 0)
      FAIL(HWCKPT_E_RESTORE_KERNEL, (int)-got, "/proc/self/maps", "read");
    length += (size_t)got;
  } while (got > 0);
  text[length] = 0;
  SYS(close, fd);
}

/* A line: start-end perms offset major:minor inode   name */
static const char *parse_line(const char *p, struct mapping *mapping) {
  p = parse_hex(p, &mapping->range.begin);
  p = parse_hex(p + 1, &mapping->range.end);
  for (int fields = 0; fields < 4; fields++)
    for (p++; *p && *p != ' ' && *p != '\n'; p++)
      ;
  while (*p == ' ')
    p++;
  size_t n = 0;
  for (; *p && *p != '\n'; p++)
    if (n + 1 < sizeof mapping->name)
      mapping->name[n++] = *p;
  mapping->name[n] = 0;
  return *p ? p + 1 : p;
}

size_t read_mappings(struct mapping mappings[MAPPINGS_MAX]) {
  read_text();
  size_t count = 0;
  for (const char *p = text; *p && count < MAPPINGS_MAX; count++)
    p = parse_line(p, &mappings[count]);
  if (count == MAPPINGS_MAX)
    FAIL(HWCKPT_E_RESTORE_KERNEL, 0, "/proc/self/maps", "too many mappings");
  return count;
}
