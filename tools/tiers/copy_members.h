/* copy_members.h - where the parts of a program of several processes are, as
 * the TreeMember records of its first process tell (docs/trees.md).
 */
#ifndef HWCKPT_TIERS_COPY_MEMBERS_H
#define HWCKPT_TIERS_COPY_MEMBERS_H

#include "stream.h"

#include "records.pb.h"

struct copy_part {
  const char *name; /* PART, without its application */
  uint64_t generation;
};

/* In the order of the records. */
struct copy_members {
  const char *application; /* that the records name */
  const char *place;       /* for errors */
  enum hwckpt_code wrong;  /* what a record that cannot be is */
  size_t processes;        /* records: also those that had ended */
  size_t count, room;      /* parts: those of others than the first process */
  struct copy_member_part *parts;
};

/* Takes a record in, checked: a part is one of the application. */
int copy_members_add(struct copy_members *members, const void *data,
                     size_t length, struct hwckpt_error *error);
struct copy_part copy_members_part(const struct copy_members *members,
                                   size_t i);
void copy_members_free(struct copy_members *members);

#endif
