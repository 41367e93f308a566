/* tree.h - what descriptors are to other processes of the same tree
 * (docs/trees.md): which open files several have, and who makes what again. */
#ifndef HWCKPT_RESOURCES_TREE_H
#define HWCKPT_RESOURCES_TREE_H

#include "resource.h"

/* Whether rows that came from elsewhere are what sink->tree is: in their order,
 * of members, each descriptor once, and an open file of one object. */
bool tree_facts_fit(const struct tree_fact *rows, size_t count);

/* The rows of sink->tree of one object: the first, and their number. */
const struct tree_fact *tree_rows(const struct resource_sink *sink,
                                  uint64_t device, uint64_t inode,
                                  size_t *count);
/* The first process that has the object, -1: none. */
int32_t tree_maker(const struct resource_sink *sink, uint64_t device,
                   uint64_t inode);
/* Which open file of the tree it is, 0: not known. */
uint64_t tree_file(const struct resource_sink *sink, const Descriptor *message);
/* Fills what the record says of sharing the open file. */
void tree_share(const struct resource_sink *sink, Descriptor *message);
/* Whether another process makes it. */
bool tree_takes(const Descriptor *message);

/* ---- restoring ----
 *
 * What is given under a key is what others that ask for it get. */

enum tree_object {
  TREE_FILE = 1,
  TREE_PIPE = 2,
  TREE_SOCKET = 3,
  TREE_TERMINAL = 4 /* a master, which the tool makes; by number and 1 */
};
#define TREE_ID_MAX (~0ull >> 4)
#define TREE_KEY(object, id) ((uint64_t)(object) << 60 | ((id) & TREE_ID_MAX))

/* The caller keeps its own. */
int tree_hand_on(struct resource_source *source, enum tree_object object,
                 uint64_t id, int descriptor, struct hwckpt_error *error);
/* A descriptor, or a negative code. Waits for it. */
int tree_receive(struct resource_source *source, enum tree_object object,
                 uint64_t id, const Descriptor *message,
                 struct hwckpt_error *error);

#endif
