/* s3_text.c - see s3_text.h. */
#include "s3_text.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool s3_encode(const char *text, bool slash, char *room, size_t size) {
  size_t used = 0;
  for (; *text; text++) {
    unsigned char byte = (unsigned char)*text;
    bool plain =
        isalnum(byte) || strchr("-._~", byte) || (byte == '/' && !slash);
    if (used + 4 > size)
      return false;
    used += (size_t)snprintf(room + used, size - used, plain ? "%c" : "%%%02X",
                             byte);
  }
  room[used] = 0;
  return true;
}

/* The byte that an entity stands for ("&amp;", "&#38;", "&#x26;"), and how long
 * that is: 0 when it is none. What is beyond ASCII comes as it is. */
static size_t decode_entity(const char *text, size_t length, char *byte) {
  static const struct {
    const char *name;
    char byte;
  } names[] = {{"&amp;", '&'},
               {"&lt;", '<'},
               {"&gt;", '>'},
               {"&quot;", '"'},
               {"&apos;", '\''}};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    size_t name = strlen(names[i].name);
    if (name <= length && !memcmp(text, names[i].name, name)) {
      *byte = names[i].byte;
      return name;
    }
  }
  char *end = NULL;
  if (length < 4 || text[1] != '#')
    return 0;
  bool hex = text[2] == 'x';
  unsigned long code = isxdigit((unsigned char)text[2 + hex])
                           ? strtoul(text + 2 + hex, &end, hex ? 16 : 10)
                           : 0;
  if (!code || code > 127 || *end != ';' || end >= text + length)
    return 0;
  *byte = (char)code;
  return (size_t)(end + 1 - text);
}

/* Decoded, it is no longer than it was. */
static void copy_decoded(const char *text, size_t length, char *room) {
  while (length) {
    char byte = *text;
    size_t taken = byte == '&' ? decode_entity(text, length, &byte) : 0;
    taken = taken ? taken : 1;
    *room++ = byte;
    text += taken;
    length -= taken;
  }
  *room = 0;
}

const char *s3_element(const char *from, const char *end, const char *name,
                       char *room, size_t size) {
  char open[64], close[64];
  snprintf(open, sizeof open, "<%s>", name);
  snprintf(close, sizeof close, "</%s>", name);
  const char *begin = strstr(from, open);
  begin = begin ? begin + strlen(open) : NULL;
  const char *after = begin ? strstr(begin, close) : NULL;
  if (!after || (end && after > end) || (size_t)(after - begin) >= size)
    return NULL;
  copy_decoded(begin, (size_t)(after - begin), room);
  return after + strlen(close);
}

bool s3_is_error(const char *answer) {
  static const char root[] = "<Error", blank[] = " \t\r\n";
  answer += strspn(answer, blank);
  if (!strncmp(answer, "<?", 2)) {
    const char *end = strstr(answer, "?>");
    answer = end ? end + 2 : answer;
  }
  answer += strspn(answer, blank);
  return !strncmp(answer, root, sizeof root - 1) &&
         strchr("> \t\r\n", answer[sizeof root - 1]);
}

int s3_each_element(const char *text, const char *name,
                    int (*visit)(const char *begin, const char *end,
                                 void *context),
                    void *context) {
  char open[64], close[64];
  int result = 0;
  snprintf(open, sizeof open, "<%s>", name);
  snprintf(close, sizeof close, "</%s>", name);
  for (const char *at = text; !result && (at = strstr(at, open));) {
    at += strlen(open);
    const char *end = strstr(at, close);
    if (!end)
      break;
    result = visit(at, end, context);
    at = end;
  }
  return result;
}

bool s3_goes_round(struct s3_rounds *rounds, const char *mark) {
  if (rounds->count && !strcmp(mark, rounds->mark))
    return true;
  if (rounds->count++ == rounds->next) {
    snprintf(rounds->mark, sizeof rounds->mark, "%s", mark);
    rounds->next = 2 * rounds->next + 1;
  }
  return false;
}
