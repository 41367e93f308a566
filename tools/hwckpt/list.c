/* list.c - `hwckpt list`: the applications of a cache and their generations.
 *
 * The names of the JSON fields are stable; docs/hwckpt.1 lists them. */
#include "arguments.h"
#include "figures.h"
#include "generation.h"
#include "history.h"
#include "inventory.h"
#include "json.h"
#include "selection.h"
#include "text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

/* One row: what the cache knows, and what the records say. */
struct row {
  const struct inventory_generation *item;
  int damage;
  const Statistics *statistics; /* null when it is damaged, or its key not given
                                 */
  size_t threads;
  bool holds_regions; /* and no program */
};

/* A way of writing the list. */
struct writer {
  struct json json;
  bool use_json, with_figures;
  const char *cache; /* its path */
  unsigned rows;
  struct figures figures; /* of the application that is being written */
};

static void begin(struct writer *writer, const char *cache) {
  writer->cache = cache;
  if (!writer->use_json)
    return;
  writer->json.out = stdout;
  json_open(&writer->json, NULL, '{');
  json_string(&writer->json, "cache", cache);
  json_open(&writer->json, "applications", '[');
}

static void begin_application(struct writer *writer, const char *name) {
  writer->figures = (struct figures){0};
  if (!writer->use_json)
    return;
  json_open(&writer->json, NULL, '{');
  json_string(&writer->json, "name", name);
  json_open(&writer->json, "generations", '[');
}

static const char *kind(const struct row *row) {
  return row->item->info.parent ? "delta" : "base";
}

static const char *event(const struct row *row) {
  return row->holds_regions ? "regions"
         : row->statistics  ? generation_event(row->statistics->event)
                            : "encrypted";
}

static void write_json_row(struct json *json, const struct row *row) {
  const struct cache_generation *info = &row->item->info;
  char code[32];
  json_open(json, NULL, '{');
  json_number(json, "number", info->number);
  json_number(json, "parent", info->parent);
  json_string(json, "kind", kind(row));
  json_number(json, "committed_ns", info->commit_ns);
  json_number(json, "pages", info->pages);
  json_number(json, "bytes", info->bytes);
  json_number(json, "raw_bytes", info->raw_bytes);
  json_number(json, "restores", info->restores);
  json_bool(json, "encrypted", info->encrypted);
  figures_json_generation(json, info);
  snprintf(code, sizeof code, "HWCKPT-E%d", row->damage);
  if (row->damage)
    json_string(json, "damage", code);
  else
    json_null(json, "damage");
  if (row->statistics) {
    json_string(json, "event", event(row));
    json_number(json, "pause_ns", row->statistics->pause_ns);
    json_number(json, "threads", row->threads);
  } else {
    json_null(json, "event");
    json_null(json, "pause_ns");
    json_null(json, "threads");
  }
  json_close(json, '}');
}

static void write_text_row(const struct row *row, bool first) {
  const struct cache_generation *info = &row->item->info;
  char escaped[4 * CACHE_NAME_MAX], name[4 * CACHE_NAME_MAX + 24];
  char when[32], size[32], pause[32] = "-";
  if (first)
    printf("%-28s %-5s  %-19s  %-10s %7s %9s %10s %9s %8s\n", "GENERATION",
           "KIND", "TAKEN", "EVENT", "THREADS", "PAGES", "SIZE", "PAUSE",
           "RESTORES");
  snprintf(name, sizeof name, "%s/%" PRIu64,
           text_escape(escaped, sizeof escaped, info->application),
           info->number);
  printf("%-28s %-5s  %-19s  ", name, kind(row),
         text_time(when, sizeof when, info->commit_ns));
  if (row->damage) {
    printf("HWCKPT-E%d: %s\n", row->damage,
           hwckpt_error_what((enum hwckpt_code)row->damage));
    return;
  }
  char threads[24] = "-";
  if (row->statistics)
    snprintf(threads, sizeof threads, "%zu", row->threads);
  if (row->statistics && row->statistics->pause_ns)
    text_duration(pause, sizeof pause, row->statistics->pause_ns);
  printf("%-10s %7s %9" PRIu64 " %10s %9s %8u\n", event(row), threads,
         info->pages, text_bytes(size, sizeof size, info->bytes), pause,
         info->restores);
}

static void write_json_history(const struct history_entry *entry,
                               void *context) {
  struct json *json = context;
  json_open(json, NULL, '{');
  json_number(json, "realtime_ns", entry->realtime_ns);
  json_string(json, "what", history_word(entry->what));
  json_number(json, "generation", entry->generation);
  if (WIFSIGNALED(entry->status))
    json_number(json, "signal", (uint64_t)WTERMSIG(entry->status));
  else
    json_number(json, "status", (uint64_t)WEXITSTATUS(entry->status));
  json_close(json, '}');
}

struct told {
  const char *name; /* escaped */
  size_t skip;      /* entries before those that are shown */
};

static void count_entry(const struct history_entry *entry, void *context) {
  (void)entry;
  ++*(size_t *)context;
}

static void write_text_history(const struct history_entry *entry,
                               void *context) {
  struct told *told = context;
  char when[32], how[96], number[24] = "";
  if (told->skip) {
    told->skip--;
    return;
  }
  bool of_generation =
      entry->what == HISTORY_RESTORED || entry->what == HISTORY_SET_ASIDE;
  bool has_status = entry->what != HISTORY_BEGAN && !of_generation;
  if (of_generation)
    snprintf(number, sizeof number, "/%" PRIu64, entry->generation);
  printf("%s%s %s %s%s%s\n", told->name, number,
         text_time(when, sizeof when, entry->realtime_ns),
         history_word(entry->what), has_status ? ": " : "",
         has_status ? history_status(how, sizeof how, entry->status) : "");
}

/* The last things that `hwckpt run --restart` did. */
#define HISTORY_SHOWN 6u

static void write_history(struct writer *writer, const char *name) {
  char escaped[4 * CACHE_NAME_MAX];
  struct told told = {text_escape(escaped, sizeof escaped, name), 0};
  size_t count = 0;
  if (writer->use_json) {
    json_open(&writer->json, "history", '[');
    history_each(writer->cache, name, write_json_history, &writer->json);
    json_close(&writer->json, ']');
    return;
  }
  history_each(writer->cache, name, count_entry, &count);
  told.skip = count > HISTORY_SHOWN ? count - HISTORY_SHOWN : 0;
  history_each(writer->cache, name, write_text_history, &told);
}

static void end_application(struct writer *writer, const char *name,
                            bool empty) {
  char text[512], escaped[4 * CACHE_NAME_MAX];
  if (!writer->use_json) {
    if (!empty && writer->with_figures)
      printf("%s: %s\n", text_escape(escaped, sizeof escaped, name),
             figures_text(text, sizeof text, &writer->figures));
    write_history(writer, name);
    return;
  }
  json_close(&writer->json, ']');
  write_history(writer, name);
  figures_json(&writer->json, &writer->figures);
  json_close(&writer->json, '}');
}

static void end(struct writer *writer, const char *cache, bool complete) {
  if (!writer->use_json) {
    if (!writer->rows && complete)
      report_note("no checkpoint in %s yet", cache);
    return;
  }
  json_close(&writer->json, ']');
  json_close(&writer->json, '}');
  json_end(&writer->json);
}

/* Reads the records for what only they know. A generation that cannot be opened
 * is damaged, whatever the walk over the cache thought of it. */
static void write_row(struct writer *writer, struct cache *cache,
                      const struct inventory_generation *item,
                      struct generation *generation) {
  struct row row = {.item = item, .damage = item->damage};
  if (!row.damage)
    row.damage = -generation_open_any(cache, item->info.application,
                                      item->info.number, generation, NULL);
  if (!row.damage) {
    row.statistics = &generation->statistics;
    row.threads = generation->threads;
    row.holds_regions = generation->holds_regions;
  }
  if (row.damage == HWCKPT_E_KEY_NEEDED)
    row.damage = 0;
  if (!row.damage)
    figures_add(&writer->figures, &item->info);
  if (writer->use_json)
    write_json_row(&writer->json, &row);
  else
    write_text_row(&row, !writer->rows);
  writer->rows++;
  generation_close(generation);
}

static int write_application(struct writer *writer, struct cache *cache,
                             const char *name, struct generation *generation,
                             struct hwckpt_error *error) {
  struct inventory_generation *items;
  size_t count;
  int failed = inventory_generations(cache, name, &items, &count, error);
  if (failed)
    return failed;
  begin_application(writer, name);
  for (size_t i = 0; i < count; i++)
    write_row(writer, cache, &items[i], generation);
  failed = figures_measure(&writer->figures, cache, name, error);
  end_application(writer, name, !count);
  free(items);
  return failed;
}

/* only: one application's name, or null for all. */
static int write_list(struct writer *writer, const struct selection *selection,
                      const char *only, struct hwckpt_error *error) {
  static struct generation generation;
  struct cache_application *applications;
  size_t count;
  int failed =
      inventory_applications(selection->cache, &applications, &count, error);
  if (failed)
    return failed;
  begin(writer, selection->path);
  for (size_t i = 0; i < count && !failed; i++)
    if (!only || !strcmp(applications[i].name, only))
      failed = write_application(writer, selection->cache, applications[i].name,
                                 &generation, error);
  end(writer, selection->path, !failed);
  free(applications);
  return failed;
}

static int list(int argc, char **argv) {
  static struct selection selection;
  struct hwckpt_error error = {0};
  struct writer writer = {0};
  const char *cache_option = NULL, *which;
  const struct argument_flag flags[] = {
      {"json", &writer.use_json}, {"figures", &writer.with_figures}, {0}};
  int status = arguments_of_cache(&command_list, argc, argv, flags,
                                  &cache_option, &which);
  if (status)
    return status;
  if (selection_open(&selection, cache_option, &error) ||
      (which && selection_find_application(&selection, which, &error)) ||
      write_list(&writer, &selection, which ? selection.application : NULL,
                 &error))
    status = report_error(&error);
  selection_close(&selection);
  return status;
}

const struct command command_list = {
    .name = "list",
    .summary = "List the applications and checkpoints in a cache",
    .help =
        "usage: hwckpt list [OPTIONS] [APP]\n"
        "\n"
        "Lists the generations of every application in the cache, or of "
        "APP: name and\n"
        "number (as `hwckpt restore` takes them), whether it is a base "
        "(stands alone)\n"
        "or a delta, when and why it was taken, threads, pages and bytes "
        "in it, how\n"
        "long the program stood still, how often it was restored. A "
        "damaged one is\n"
        "listed with the code of its damage.\n"
        "\n"
        "  --cache DIR    the cache\n"
        "  --key-file FILE, --key-command COMMAND\n"
        "                 the key that it is encrypted with\n"
        "  --figures      behind each application's: flash in use, bytes "
        "written for\n"
        "                 bytes captured, pages that needed not be written\n"
        "  --json         write JSON (field names: hwckpt(1))\n"
        "\n"
        "Exit status: 0; 125 when the cache cannot be read, 2 when the "
        "command line\n"
        "is wrong.\n",
    .run = list,
};
