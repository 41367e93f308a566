/* registered.h - memory that a userfaultfd of the program is registered for:
 * where, for what, which pages are there, and which are write-protected by it.
 *
 * /proc/self/smaps tells where, but not by which userfaultfd: there is one only
 * (resources/userfaultfd.c). The runtime's own registers with WP_ASYNC, which
 * the scan of page tables tells from any other. Such memory is never tracked,
 * so each generation has all pages of it that are there and not zero.
 *
 * Invariant: after a restore exactly the pages are there that were, so the
 * program is asked for the others and for no page that it has given. The
 * runtime never touches one that is not there: who gives it stands still.
 */
#ifndef HWCKPT_SUPPORT_REGISTERED_H
#define HWCKPT_SUPPORT_REGISTERED_H

#include "../resources/resource.h"
#include "dirty.h"
#include "stage.h"

struct registered_area {
  uint64_t start, end;
  uint32_t modes; /* REGISTERED_MISSING, REGISTERED_WP */
};
/* UFFDIO_REGISTER_MODE_MISSING and _WP */
#define REGISTERED_MISSING 1u
#define REGISTERED_WP 2u

/* Pages in a row, as in a record of type RECORD_USER_FAULT_PAGES. */
struct registered_run {
  uint64_t begin;
  uint64_t end; /* and REGISTERED_THERE, REGISTERED_PROTECTED */
};
#define REGISTERED_THERE 1u
#define REGISTERED_PROTECTED 2u

struct registered {
  struct registered_area *areas; /* private memory, ascending */
  struct registered_run *runs;   /* private memory, ascending */
  size_t area_count, run_count, run_room;
  int32_t descriptor;
};

int registered_open(struct registered *registered, struct hwckpt_error *error);
/* Before a stop: there is room for more where the last one found any. */
void registered_prepare(struct registered *registered);
/* In the stop, once the sink knows the userfaultfd: E208 where what it is
 * registered for cannot come back. */
int registered_find(struct registered *registered, struct resource_sink *sink,
                    const struct dirty *dirty, const struct memory_map *map,
                    struct hwckpt_error *error);
/* As records. */
int registered_put(const struct registered *registered, struct stage *stage,
                   struct hwckpt_error *error);

/* In a restored program, its memory filled and no thread of it running.
 * `tracking`: by which all memory is tracked since; -1: none. */
int registered_restore(const struct resource_source *source, int tracking,
                       struct hwckpt_error *error);

#endif
