/* text.c - how names, times and amounts are written for people. */
#include "text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

size_t text_utf8_length(const char *text) {
  const unsigned char *byte = (const unsigned char *)text;
  unsigned lead = byte[0];
  if (lead < 0x80)
    return 1;
  size_t length = lead >= 0xC2 && lead <= 0xDF   ? 2
                  : lead >= 0xE0 && lead <= 0xEF ? 3
                  : lead >= 0xF0 && lead <= 0xF4 ? 4
                                                 : 0;
  for (size_t i = 1; i < length; i++)
    if ((byte[i] & 0xC0) != 0x80)
      return 0;
  /* Overlong forms, surrogates, and what is above U+10FFFF (RFC 3629). */
  if ((lead == 0xE0 && byte[1] < 0xA0) || (lead == 0xED && byte[1] > 0x9F) ||
      (lead == 0xF0 && byte[1] < 0x90) || (lead == 0xF4 && byte[1] > 0x8F))
    return 0;
  return length;
}

char *text_escape(char *buffer, size_t size, const char *text) {
  size_t used = 0;
  while (*text) {
    unsigned char lead = (unsigned char)*text;
    size_t length = text_utf8_length(text);
    /* C1 control characters are 0xC2 0x80..0x9F in UTF-8. */
    int control = lead < 0x20 || lead == 0x7F ||
                  (lead == 0xC2 && (unsigned char)text[1] < 0xA0);
    if (length && !control) {
      if (used + length >= size)
        break;
      memcpy(buffer + used, text, length);
      used += length;
      text += length;
    } else {
      if (used + 4 >= size)
        break;
      used += (size_t)snprintf(buffer + used, size - used, "\\x%02x", lead);
      text++;
    }
  }
  if (size)
    buffer[used] = 0;
  return buffer;
}

/* Whether text_escape() leaves it as it is. */
static int is_plain(const char *text) {
  char escaped[8];
  for (size_t length; *text; text += length) {
    char one[5] = {0};
    length = text_utf8_length(text);
    if (!length)
      return 0;
    memcpy(one, text, length);
    if (strcmp(text_escape(escaped, sizeof escaped, one), one) != 0)
      return 0;
  }
  return 1;
}

char *text_shell_word(char *buffer, size_t size, const char *text) {
  static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
                              "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+:,./-";
  if (*text && !text[strspn(text, plain)]) {
    snprintf(buffer, size, "%s", text);
    return buffer;
  }
  int dollar = !is_plain(text);
  size_t used = (size_t)snprintf(buffer, size, "%s'", dollar ? "$" : "");
  for (; *text && used + 6 < size; text++) {
    const char *before = "";
    if (dollar)
      before = *text == '\'' || *text == '\\' ? "\\" : "";
    else if (*text == '\'')
      before = "'\\'";
    used += (size_t)snprintf(buffer + used, size - used, "%s%c", before, *text);
  }
  snprintf(buffer + used, size - used, "'");
  return buffer;
}

char *text_bytes(char *buffer, size_t size, uint64_t bytes) {
  static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  if (bytes < 1024) {
    snprintf(buffer, size, "%" PRIu64 " B", bytes);
    return buffer;
  }
  double amount = (double)bytes / 1024;
  size_t unit = 0;
  while (amount >= 1024 && unit + 1 < sizeof units / sizeof *units) {
    amount /= 1024;
    unit++;
  }
  snprintf(buffer, size, "%.1f %s", amount, units[unit]);
  return buffer;
}

char *text_duration(char *buffer, size_t size, uint64_t ns) {
  if (ns < 1000)
    snprintf(buffer, size, "%" PRIu64 " ns", ns);
  else if (ns < 1000000)
    snprintf(buffer, size, "%.1f us", (double)ns / 1e3);
  else if (ns < 1000000000)
    snprintf(buffer, size, "%.1f ms", (double)ns / 1e6);
  else if (ns < 60000000000)
    snprintf(buffer, size, "%.1f s", (double)ns / 1e9);
  else {
    uint64_t minutes = ns / 60000000000;
    if (minutes < 60)
      snprintf(buffer, size, "%" PRIu64 " min %" PRIu64 " s", minutes,
               ns / 1000000000 % 60);
    else if (minutes < 48 * 60)
      snprintf(buffer, size, "%" PRIu64 " h %" PRIu64 " min", minutes / 60,
               minutes % 60);
    else
      snprintf(buffer, size, "%" PRIu64 " days", minutes / (24 * 60));
  }
  return buffer;
}

char *text_time(char *buffer, size_t size, uint64_t realtime_ns) {
  time_t seconds = (time_t)(realtime_ns / 1000000000);
  struct tm local;
  if (!realtime_ns || !localtime_r(&seconds, &local) ||
      !strftime(buffer, size, "%Y-%m-%d %H:%M:%S", &local))
    snprintf(buffer, size, "-");
  return buffer;
}
