/* regions.h - named regions of a program's memory as generations of their own:
 * what an application saves and loads itself, for another build of it or on
 * another machine too.
 *
 * A generation of a set holds for each region its name, what its elements are,
 * their number, and the bytes, each region at an address that its place in the
 * set gives and not the program's. Invariant: nothing of the program is
 * overwritten before every byte was read and checked, and every region fits.
 *
 * On the checkpoint thread, while the program runs.
 */
#ifndef HWCKPT_SUPPORT_REGIONS_H
#define HWCKPT_SUPPORT_REGIONS_H

#include "../cache/cache.h"

#define REGION_SET_MAX 48 /* bytes of the names, with NUL */
#define REGION_NAME_MAX 80
#define REGIONS_MAX 512u
/* Bytes of one region at most: the distance of their addresses. */
#define REGION_BYTES_MAX (UINT64_C(1) << 36)

struct region {
  char set[REGION_SET_MAX]; /* "": not in use */
  char name[REGION_NAME_MAX];
  uint64_t address, count; /* elements */
  uint32_t type;           /* enum hwckpt_type */
};

/* Bytes of an element; 0: there is no such type. */
unsigned region_element(uint32_t type);

/* Where a set is stored. */
struct region_store {
  const char *cache, *application;
  int level;
  struct cache_retention retention;
};

/* Saves the regions of the set, of REGIONS_MAX, as the next generation. */
int regions_save(const struct region_store *store, const char *set,
                 const struct region *regions, uint64_t *number,
                 struct hwckpt_error *error);

/* Loads the newest generation that is whole; *number is 0 when there is none.
 * `warn` hears of damaged ones that were passed over, and of what is saved and
 * not described. */
int regions_load(const struct region_store *store, const char *set,
                 const struct region *regions, uint64_t *number,
                 void (*warn)(const struct hwckpt_error *),
                 struct hwckpt_error *error);

#endif
