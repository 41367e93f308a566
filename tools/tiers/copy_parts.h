/* copy_parts.h - the parts of a program of several processes while they are
 * made of streams, and the records that name them.
 *
 * A part lives over all streams: one says what is new since the one before. */
#ifndef HWCKPT_TIERS_COPY_PARTS_H
#define HWCKPT_TIERS_COPY_PARTS_H

#include "stream.h"

#include "records.pb.h"

struct copy_part_made {
  char name[CACHE_NAME_MAX];        /* PART, without its application */
  uint64_t before, before_identity; /* of the stream it came in last */
  bool known;                       /* it is of the whole, as what: */
  uint64_t number, identity;
  struct cache_writer *writer; /* null: it is not made */
  size_t stream;               /* that it came in last */
  bool twice;                  /* and twice in it */
};

struct copy_parts {
  struct copy_part_made *list;
  size_t count, room;
  size_t stream;           /* that is read, counted from 1 */
  size_t *order;           /* of the parts in it: places in the list */
  size_t here, order_room; /* how many of it came */
};

/* Another stream begins. */
void copy_parts_next(struct copy_parts *parts);

/* The next part of the stream; null: no memory. Parts move when one comes. */
struct copy_part_made *copy_parts_come(struct copy_parts *parts,
                                       const char *name);
struct copy_part_made *copy_parts_here(const struct copy_parts *parts,
                                       size_t i);

/* Says beforehand which generation a part becomes. */
bool copy_parts_know(struct copy_parts *parts, const char *name,
                     uint64_t number, uint64_t identity);

/* Makes all of them durable; of those that fail, and all behind, nothing
 * remains. */
int copy_parts_commit(struct copy_parts *parts, struct hwckpt_error *error);
void copy_parts_abort(struct copy_parts *parts);
void copy_parts_free(struct copy_parts *parts);

/* ---- records, kept until it is known what they name ---- */

struct copy_records {
  unsigned char *bytes;
  size_t length, room;
};
bool copy_records_add(struct copy_records *records, uint32_t type,
                      const void *data, size_t length);
/* The record at *at, which then is behind it; false: there is none. */
bool copy_records_next(const struct copy_records *records, size_t *at,
                       uint32_t *type, const void **data, size_t *length);
void copy_records_free(struct copy_records *records);

/* A TreeMember record as one of this application, with the generations that its
 * processes have here, into room; returns its length, 0: it cannot be. Records
 * come in their order. */
struct copy_names {
  const char *application;
  uint64_t own; /* generation of the first process */
  const struct copy_parts *parts;
  size_t used; /* of them */
};
size_t copy_names_put(struct copy_names *names, const void *data, size_t length,
                      unsigned char room[TreeMember_size]);

#endif
