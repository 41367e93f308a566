/* figures.h - what a cache costs and saves for an application: bytes written
 * for bytes captured, bytes a day, pages that were not written because they are
 * zero or in the cache already. */
#ifndef HWCKPT_FIGURES_H
#define HWCKPT_FIGURES_H

#include "json.h"

#include "runtime/cache/cache.h"

struct figures {
  uint64_t flash_bytes; /* in use now */
  /* Over the life of the application in this cache; 0: not counted. */
  uint64_t put_bytes, written_bytes, since_ns, until_ns;
  /* Over the generations that are there. */
  uint64_t put_pages, zero_pages, same_pages;
};

/* Adds a generation that can be read; the newest last. */
void figures_add(struct figures *figures,
                 const struct cache_generation *generation);

/* Asks how much flash the application takes. */
int figures_measure(struct figures *figures, struct cache *cache,
                    const char *application, struct hwckpt_error *error);

/* One line for people, without a newline; returns text. */
char *figures_text(char *text, size_t size, const struct figures *figures);

/* The member "figures" of an object. */
void figures_json(struct json *json, const struct figures *figures);

/* Members that say the same of one generation, within an object. */
void figures_json_generation(struct json *json,
                             const struct cache_generation *generation);

#endif
