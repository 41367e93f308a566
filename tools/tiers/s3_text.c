/* s3_text.c - see s3_text.h. */
#include "s3_text.h"

#include <ctype.h>
#include <stdio.h>
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
  memcpy(room, begin, (size_t)(after - begin));
  room[after - begin] = 0;
  return after + strlen(close);
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
