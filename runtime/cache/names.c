/* names.c - the marker file's text and the names inside a cache.
 *
 * Invariant: a name is recognised only in the one spelling it is written in,
 * so that two files never stand for the same generation.
 */
#include "format.h"

#include "../error.h"
#include "cache.h"

static const char marker_text[] = "hwckpt-cache ";

size_t format_marker(char buffer[FORMAT_MARKER_MAX]) {
  return hwckpt_format(buffer, FORMAT_MARKER_MAX, "%s%u\n", marker_text,
                       FORMAT_VERSION);
}

enum format_status format_check_marker(const char *text, size_t length,
                                       unsigned *number) {
  size_t prefix = sizeof(marker_text) - 1;
  if (length < prefix + 2 || __builtin_memcmp(text, marker_text, prefix) != 0 ||
      text[length - 1] != '\n')
    return FORMAT_DAMAGED;

  uint64_t version = 0;
  for (size_t i = prefix; i < length - 1; i++) {
    if (text[i] < '0' || text[i] > '9' || version > UINT32_MAX ||
        (i == prefix && text[i] == '0'))
      return FORMAT_DAMAGED;
    version = version * 10 + (uint64_t)(text[i] - '0');
  }
  if (version < FORMAT_VERSION_OLDEST || version > FORMAT_VERSION)
    return FORMAT_OTHER;
  *number = (unsigned)version;
  return FORMAT_OK;
}

static bool valid_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '+' || c == '-';
}

bool format_valid_application(const char *name) {
  /* lost+found belongs to the file system when a cache is its root. */
  static const char lost[] = "lost+found";
  size_t length = 0;
  for (; name[length]; length++)
    if (length + 1 >= CACHE_APPLICATION_MAX || !valid_character(name[length]))
      return false;
  return length > 0 && name[0] != '.' &&
         !(length + 1 == sizeof(lost) &&
           __builtin_memcmp(name, lost, length) == 0);
}

static bool is_hex(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

/* 'm', a number, '-', 8 hex digits: nothing else in an application's directory
 * has such a name. */
bool format_valid_part(const char *name) {
  size_t at = 1, digits = 0;
  if (name[0] != 'm')
    return false;
  while (name[at] >= '0' && name[at] <= '9')
    at++;
  if (at < 2 || at > 11 || name[at++] != '-')
    return false;
  while (is_hex(name[at + digits]))
    digits++;
  return digits == 8 && !name[at + digits];
}

bool format_split_name(const char *name, char application[CACHE_NAME_MAX],
                       const char **part) {
  size_t length = 0;
  while (name[length] && name[length] != '/')
    length++;
  if (length >= CACHE_APPLICATION_MAX)
    return false;
  __builtin_memcpy(application, name, length);
  application[length] = 0;
  *part = name[length] ? name + length + 1 : NULL;
  return format_valid_application(application) &&
         (!*part || format_valid_part(*part));
}

void format_generation_file(char name[FORMAT_FILE_MAX], uint64_t number,
                            const char *suffix) {
  hwckpt_format(name, FORMAT_FILE_MAX, "g%010llu%s", (unsigned long long)number,
                suffix);
}

bool format_same_name(const char *a, const char *b) {
  while (*a && *a == *b)
    a++, b++;
  return *a == *b;
}

/* The number behind the first letter; 0: none, or too large. */
static uint64_t parse_number(const char *name) {
  uint64_t number = 0;
  for (const char *at = name + 1; *at >= '0' && *at <= '9'; at++) {
    if (number > UINT64_MAX / 10 - 1)
      return 0;
    number = number * 10 + (uint64_t)(*at - '0');
  }
  return number;
}

uint64_t format_parse_generation(const char *name) {
  uint64_t number = name[0] == 'g' ? parse_number(name) : 0;
  char expected[FORMAT_FILE_MAX];
  format_generation_file(expected, number, FORMAT_SUFFIX_GENERATION);
  return format_same_name(name, expected) ? number : 0;
}

void format_segment_file(char name[FORMAT_FILE_MAX], uint32_t number) {
  hwckpt_format(name, FORMAT_FILE_MAX, "s%010u.seg", number);
}

uint64_t format_parse_segment(const char *name) {
  uint64_t number = name[0] == 's' ? parse_number(name) : 0;
  char expected[FORMAT_FILE_MAX];
  if (number > UINT32_MAX)
    return 0;
  format_segment_file(expected, (uint32_t)number);
  return format_same_name(name, expected) ? number : 0;
}

void format_undo_file(char name[FORMAT_FILE_MAX], uint64_t number) {
  hwckpt_format(name, FORMAT_FILE_MAX, "u%010llu.undo",
                (unsigned long long)number);
}

uint64_t format_parse_undo(const char *name) {
  uint64_t number = name[0] == 'u' ? parse_number(name) : 0;
  char expected[FORMAT_FILE_MAX];
  format_undo_file(expected, number);
  return format_same_name(name, expected) ? number : 0;
}

bool format_is_temporary(const char *name) {
  static const char suffix[] = FORMAT_TEMPORARY_SUFFIX;
  size_t length = 0;
  while (name[length])
    length++;
  return length >= sizeof(suffix) &&
         format_same_name(name + length - (sizeof(suffix) - 1), suffix);
}
