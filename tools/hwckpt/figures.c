/* figures.c - see figures.h. */
#include "figures.h"
#include "text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

/* A shorter time tells nothing of a day. */
#define SPAN_LEAST_NS UINT64_C(60000000000)
#define DAY_NS 86400e9

void figures_add(struct figures *figures,
                 const struct cache_generation *generation) {
  figures->put_pages += generation->put_pages;
  figures->zero_pages += generation->zero_pages;
  figures->same_pages += generation->same_pages;
  if (!generation->counted_since_ns)
    return;
  figures->put_bytes = generation->total_put;
  figures->written_bytes = generation->total_written;
  figures->since_ns = generation->counted_since_ns;
  figures->until_ns = generation->commit_ns;
}

int figures_measure(struct figures *figures, struct cache *cache,
                    const char *application, struct hwckpt_error *error) {
  return cache_used(cache, application, &figures->flash_bytes, error);
}

/* Negative: it cannot be told. */
static double amplification(const struct figures *figures) {
  return figures->put_bytes
             ? (double)figures->written_bytes / (double)figures->put_bytes
             : -1;
}

static double bytes_per_day(const struct figures *figures) {
  if (figures->until_ns < figures->since_ns ||
      figures->until_ns - figures->since_ns < SPAN_LEAST_NS)
    return -1;
  return (double)figures->written_bytes /
         (double)(figures->until_ns - figures->since_ns) * DAY_NS;
}

__attribute__((format(printf, 3, 4))) static void
append(char *text, size_t size, const char *format, ...) {
  size_t used = strlen(text);
  va_list args;
  va_start(args, format);
  vsnprintf(text + used, size - used, format, args);
  va_end(args);
}

static double percent(uint64_t part, uint64_t whole) {
  return 100.0 * (double)part / (double)whole;
}

char *figures_text(char *text, size_t size, const struct figures *figures) {
  char amount[32], other[32];
  double ratio = amplification(figures), day = bytes_per_day(figures);
  *text = 0;
  append(text, size, "%s on flash",
         text_bytes(amount, sizeof amount, figures->flash_bytes));
  if (ratio >= 0)
    append(text, size, "; %s written for %s captured (%.2f)",
           text_bytes(amount, sizeof amount, figures->written_bytes),
           text_bytes(other, sizeof other, figures->put_bytes), ratio);
  if (day >= 0)
    append(text, size, ", %s a day",
           text_bytes(amount, sizeof amount, (uint64_t)day));
  if (figures->put_pages)
    append(text, size,
           "; of %" PRIu64 " pages %.0f %% zero, %.0f %% in the cache already",
           figures->put_pages, percent(figures->zero_pages, figures->put_pages),
           percent(figures->same_pages, figures->put_pages));
  return text;
}

static void number_or_null(struct json *json, const char *key, double value,
                           bool whole) {
  if (value < 0)
    json_null(json, key);
  else if (whole)
    json_number(json, key, (uint64_t)(value + 0.5));
  else
    json_decimal(json, key, value);
}

void figures_json(struct json *json, const struct figures *figures) {
  json_open(json, "figures", '{');
  json_number(json, "flash_bytes", figures->flash_bytes);
  json_number(json, "put_bytes", figures->put_bytes);
  json_number(json, "written_bytes", figures->written_bytes);
  json_number(json, "counted_since_ns", figures->since_ns);
  number_or_null(json, "write_amplification", amplification(figures), false);
  number_or_null(json, "bytes_per_day", bytes_per_day(figures), true);
  json_number(json, "put_pages", figures->put_pages);
  json_number(json, "zero_pages", figures->zero_pages);
  json_number(json, "same_pages", figures->same_pages);
  json_close(json, '}');
}

void figures_json_generation(struct json *json,
                             const struct cache_generation *generation) {
  json_number(json, "put_pages", generation->put_pages);
  json_number(json, "zero_pages", generation->zero_pages);
  json_number(json, "same_pages", generation->same_pages);
  json_number(json, "merged", generation->merged);
}
