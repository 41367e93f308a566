/* descriptors.h - one recorded descriptor at a time: what a restore
 * (descriptors.c) and a rollback (descriptors_back.c) both do with it. */
#ifndef HWCKPT_RESOURCES_DESCRIPTORS_H
#define HWCKPT_RESOURCES_DESCRIPTORS_H

#include "resource.h"

/* Calls visit for every descriptor recorded, ascending, until one returns
 * another value than 0. E314 where a record is malformed. */
int descriptors_each(struct resource_source *source, void *context,
                     int (*visit)(struct resource_source *source,
                                  const Descriptor *message, void *context,
                                  struct hwckpt_error *error),
                     struct hwckpt_error *error);
/* Not null in what descriptors_each() visits. */
const struct descriptor_kind *descriptors_kind(const Descriptor *message);

/* For descriptors_each(): in the end the int at `context` is the highest
 * number, or as it was. */
int descriptors_note_highest(struct resource_source *source,
                             const Descriptor *message, void *context,
                             struct hwckpt_error *error);
/* For descriptors_each(), without context. */
/* Opens the object and puts it at its number. */
int descriptors_place(struct resource_source *source, const Descriptor *message,
                      void *context, struct hwckpt_error *error);
/* Of struct descriptor_kind, for each open file once. */
int descriptors_link(struct resource_source *source, const Descriptor *message,
                     void *context, struct hwckpt_error *error);
/* All of them: settle(), and then meet(). */
int descriptors_settle_all(struct resource_source *source,
                           struct hwckpt_error *error);
/* Takes the locks that were held through it. */
int descriptors_lock(struct resource_source *source, const Descriptor *message,
                     void *context, struct hwckpt_error *error);

#endif
