/* argument_list.c - an argument vector that grows, and response files.
 *
 * Invariant: reading what to_response_file() wrote gives the same arguments.
 * The quoting is that of GNU response files, which clang reads on Linux.
 */
#include "argument_list.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Files that name each other would be read for ever. */
#define RESPONSE_FILE_DEPTH 16

static void *or_die(void *memory) {
  if (!memory) {
    fputs("clang: error: out of memory\n", stderr);
    exit(1);
  }
  return memory;
}

void argument_list_add(struct argument_list *list, const char *argument) {
  if (list->count + 1 >= list->capacity) {
    list->capacity = list->capacity ? list->capacity * 2 : 64;
    list->items =
        or_die(realloc(list->items, list->capacity * sizeof(*list->items)));
  }
  list->items[list->count++] = argument;
  list->items[list->count] = NULL;
}

void argument_list_addf(struct argument_list *list, const char *format, ...) {
  va_list args;
  char *text = NULL;
  va_start(args, format);
  int length = vasprintf(&text, format, args);
  va_end(args);
  argument_list_add(list, or_die(length < 0 ? NULL : text));
}

/* ---- reading response files ---- */

/* The file's bytes with a NUL behind them, or null if it cannot be read. */
static char *read_file(const char *path) {
  FILE *file = fopen(path, "re");
  if (!file)
    return NULL;
  size_t length = 0, capacity = 4096;
  char *text = or_die(malloc(capacity));
  size_t got;
  while ((got = fread(text + length, 1, capacity - length - 1, file)) > 0) {
    length += got;
    if (length + 1 == capacity)
      text = or_die(realloc(text, capacity *= 2));
  }
  bool failed = ferror(file);
  fclose(file);
  text[length] = '\0';
  if (failed) {
    free(text);
    return NULL;
  }
  return text;
}

static bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Takes one argument off *text; it never gets longer, so it is written over the
 * text. Null at the end. */
static char *next_token(char **text) {
  char *in = *text;
  while (is_blank(*in))
    in++;
  if (!*in)
    return NULL;
  char *token = in, *out = in;
  char quote = '\0';
  for (; *in && (quote || !is_blank(*in)); in++) {
    if (quote && *in == quote) {
      quote = '\0';
    } else if (!quote && (*in == '"' || *in == '\'')) {
      quote = *in;
    } else {
      if (*in == '\\' && quote != '\'' && in[1])
        in++;
      *out++ = *in;
    }
  }
  *text = *in ? in + 1 : in;
  *out = '\0';
  return token;
}

static void add_expanded(struct argument_list *list, const char *argument,
                         unsigned depth) {
  char *text = NULL;
  if (argument[0] == '@' && depth < RESPONSE_FILE_DEPTH)
    text = read_file(argument + 1);
  if (!text) {
    argument_list_add(list, argument);
    return;
  }
  char *token;
  while ((token = next_token(&text)))
    add_expanded(list, token, depth + 1);
}

void argument_list_add_expanded(struct argument_list *list,
                                const char *argument) {
  add_expanded(list, argument, 0);
}

/* ---- writing one ---- */

int argument_list_to_response_file(struct argument_list *list) {
  int fd = memfd_create("clang-arguments", 0);
  if (fd < 0)
    return -1;
  FILE *file = fdopen(fd, "w");
  if (!file) {
    close(fd);
    return -1;
  }
  for (size_t i = 1; i < list->count; i++) {
    putc('"', file);
    for (const char *c = list->items[i]; *c; c++) {
      if (*c == '"' || *c == '\\')
        putc('\\', file);
      putc(*c, file);
    }
    fputs("\"\n", file);
  }
  /* The stream stays open: closing it would close the file. */
  if (fflush(file) != 0)
    return -1;
  list->count = 1;
  argument_list_addf(list, "@/proc/self/fd/%d", fd);
  return 0;
}
