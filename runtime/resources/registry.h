/* registry.h - between registry.c, which lists the kinds, and descriptors.c and
 * descriptors_back.c, which apply those of descriptors. */
#ifndef HWCKPT_RESOURCES_REGISTRY_H
#define HWCKPT_RESOURCES_REGISTRY_H

#include "resource.h"

/* The first that recognises a descriptor has it; the last recognises all; null
 * ends the list. */
extern const struct descriptor_kind *const hwckpt_descriptor_kinds[];

int descriptors_save(struct resource_sink *sink, struct hwckpt_error *error);
/* As resources_restore() and resources_settle(). */
int descriptors_restore(struct resource_source *source, int *keep,
                        struct hwckpt_error *error);
int descriptors_settle(struct resource_source *source,
                       struct hwckpt_error *error);
/* At the end: those that were on their way are sent, and closed here. */
int descriptors_finish(struct resource_source *source,
                       struct hwckpt_error *error);
/* As resources_check() and resources_roll_back(). */
int descriptors_check(struct resource_source *source,
                      struct hwckpt_error *error);
int descriptors_roll_back(struct resource_source *source,
                          struct hwckpt_error *error);

#endif
