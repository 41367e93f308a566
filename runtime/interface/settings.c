/* settings.c - see settings.h. */
#include "settings.h"

#include "../arch/sys.h"
#include "../support/checkpoint.h"
#include "../support/live.h"

#include <string.h>

LIVE struct settings settings;

void settings_begin(void) {
  size_t size = sizeof settings.begun_in;
  long length = SYS(getcwd, settings.begun_in, size);
  /* It may be removed, or beyond the root. */
  if (length < 0 || *settings.begun_in != '/')
    hwckpt_format(settings.begun_in, size, "/proc/self/cwd");
}

void settings_path(const char *given, char *path, size_t size) {
  bool whole = !*given || *given == '/';
  if (hwckpt_format(path, size, "%s%s%s", whole ? "" : settings.begun_in,
                    whole ? "" : "/", given) >= size)
    *path = 0;
}

bool settings_always_armed(void) {
  return settings.options.every_site || settings.options.rollback_every;
}

bool settings_take_back(void) {
  return settings.options.files[0] == 'r' || settings.options.files[0] == 'e';
}

/* The place of a word in a list of words that ends with a null pointer. */
static int word_index(const char *word, const char *const *words) {
  for (int i = 0; words[i]; i++)
    if (strlen(words[i]) == strlen(word) &&
        memcmp(words[i], word, strlen(word)) == 0)
      return i;
  return 0;
}

static const char *const track_words[] = {
    [DIRTY_AUTO] = "auto",       [DIRTY_WP] = "wp",
    [DIRTY_SOFT] = "soft-dirty", [DIRTY_PROTECT] = "mprotect",
    [DIRTY_FULL] = "full",       0};
static const char *const method_words[] = {[CHECKPOINT_AUTO] = "auto",
                                           [CHECKPOINT_STOP] = "stop",
                                           [CHECKPOINT_PRECOPY] = "precopy",
                                           [CHECKPOINT_COW] = "cow",
                                           0};
static const char *const unused_words[] = {[UNUSED_HEAP] = "heap",
                                           [UNUSED_HEAP_STACK] = "heap+stacks",
                                           [UNUSED_NOTHING] = "nothing",
                                           0};

static struct cache_retention retention(void) {
  const struct hwckpt_options *options = &settings.options;
  return (struct cache_retention){.keep = (unsigned)options->keep,
                                  .keep_for_ns = options->keep_for,
                                  .quota = options->quota,
                                  .shared_quota = options->cache_quota,
                                  .weight = (unsigned)options->weight};
}

/* truncate: the same as rollback, with nothing kept. */
static enum file_policy file_policy(const char *files) {
  return files[0] == 'k'   ? FILES_KEEP
         : files[0] == 'c' ? FILES_CHECK
                           : FILES_ROLLBACK;
}

int settings_open_checkpoints(struct hwckpt_error *error) {
  const struct hwckpt_options *options = &settings.options;
  struct checkpoint_options how = {
      .cache = settings.cache,
      .application = settings.application,
      .application_exists = settings.generation != 0,
      .generation = settings.generation,
      .tracking = settings.tracking,
      .track = (enum dirty_method)word_index(options->track, track_words),
      .method =
          (enum checkpoint_method)word_index(options->method, method_words),
      .unused = (enum unused_kinds)word_index(options->unused, unused_words),
      .undo = settings_take_back(),
      .files = file_policy(options->files),
      .undo_most = options->undo,
      .mapped_most = options->mapped,
      .go_on = options->on_unsupported[0] == 'w',
      .level = (int)options->level,
      .base_every = (unsigned)options->base_every,
      .extra_reads = (unsigned)options->extra_reads,
      .retention = retention(),
      .huge = options->huge,
      .ring_bytes = (size_t)options->ring << 20,
  };
  return checkpoint_open(&how, error);
}

/* The name of a program that has none: that of its file. */
static void name_program(char *name, size_t size) {
  char path[4096];
  long length = SYS(readlink, "/proc/self/exe", path, sizeof path - 1);
  path[length > 0 ? length : 0] = 0;
  const char *last = path;
  for (const char *at = path; *at; at++)
    if (*at == '/')
      last = at + 1;
  hwckpt_format(name, size, "%s", *last ? last : "program");
  for (; *name; name++)
    if (!((*name >= 'a' && *name <= 'z') || (*name >= 'A' && *name <= 'Z') ||
          (*name >= '0' && *name <= '9') || *name == '-' || *name == '_'))
      *name = '_';
}

void settings_region_store(struct region_store *store, const char *set,
                           char application[CACHE_NAME_MAX]) {
  /* Memory of the program: it keeps its name when it is restored. */
  static char program[CACHE_NAME_MAX - REGION_SET_MAX];
  if (!*program && *settings.options.application)
    hwckpt_format(program, sizeof program, "%s", settings.options.application);
  if (!*program)
    name_program(program, sizeof program);
  hwckpt_format(application, CACHE_NAME_MAX, "%s.%s", program, set);
  *store = (struct region_store){.cache = settings.cache,
                                 .application = application,
                                 .level = (int)settings.options.level,
                                 .retention = retention()};
}
