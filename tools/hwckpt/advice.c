/* advice.c - see advice.h. */
#include "advice.h"
#include "key.h"
#include "selection.h"
#include "text.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void add(char *text, size_t size, const char *more) {
  size_t used = strlen(text);
  snprintf(text + used, size - used, "%s", more);
}

static void add_option(char *text, size_t size, const char *name,
                       const char *value) {
  char word[4 * CACHE_PATH_MAX]; /* were each character quoted */
  add(text, size, name);
  add(text, size, text_shell_word(word, sizeof word, value));
}

/* The shell that it is pasted into may be elsewhere by then. What has no path,
 * as a pipe, stays as it was given. */
static void add_key_file(char *text, size_t size, const char *path) {
  char *absolute = realpath(path, NULL);
  add_option(text, size, " --key-file ", absolute ? absolute : path);
  free(absolute);
}

static bool same(const char *one, const char *other) {
  return one == other || (one && other && !strcmp(one, other));
}

static bool is_usual(const char *cache) {
  char usual[CACHE_PATH_MAX];
  return !selection_cache_path(NULL, getenv("HWCKPT_OPTIONS"), usual, NULL) &&
         !strcmp(usual, cache);
}

char *advice_restore(char *text, size_t size, const char *cache,
                     const char *which) {
  struct key_room room;
  struct key_request usual = {0};
  const struct key_request *key = key_source();
  key_settle(&usual, getenv("HWCKPT_OPTIONS"), &room);
  snprintf(text, size, "hwckpt restore");
  if (!is_usual(cache))
    add_option(text, size, " --cache ", cache);
  if (!same(key->file, usual.file) || !same(key->command, usual.command)) {
    if (key->file)
      add_key_file(text, size, key->file);
    if (key->command)
      add_option(text, size, " --key-command ", key->command);
  }
  add_option(text, size, " ", which);
  return text;
}
