/* undo_filled.c - see undo_filled.h. A table with open addresses, at most half
 * full. */
#include "undo_filled.h"

#define ROOM_LEAST 256u
#define WHOLE_FILE UINT64_MAX /* the entry that says its size and time */

struct entry {
  uint64_t device, inode, block;
  uint64_t mtime_ns, size;
  unsigned process;
  bool used;
};

void undo_filled_close(struct undo_filled *filled) {
  buffer_free(filled->env, &filled->table);
  filled->count = filled->room = 0;
}

static uint64_t mix(uint64_t a, uint64_t b) {
  a = (a ^ b) * UINT64_C(0x9e3779b97f4a7c15);
  return a ^ a >> 29;
}

/* The entry of the block, or the free one where it is to be. */
static struct entry *find(const struct undo_filled *filled, uint64_t device,
                          uint64_t inode, uint64_t block) {
  struct entry *at = filled->table.data;
  size_t i = mix(mix(device, inode), block) & (filled->room - 1);
  while (at[i].used && (at[i].device != device || at[i].inode != inode ||
                        at[i].block != block))
    i = (i + 1) & (filled->room - 1);
  return &at[i];
}

static bool make_room(struct undo_filled *filled) {
  struct undo_filled larger = *filled;
  const struct entry *at = filled->table.data;
  if (filled->count * 2 < filled->room)
    return true;
  larger.room = filled->room ? filled->room * 2 : ROOM_LEAST;
  larger.table = (struct buffer){0};
  if (!buffer_reserve(filled->env, &larger.table,
                      larger.room * sizeof(struct entry)))
    return false; /* what is mapped is zero */
  for (size_t i = 0; i < filled->room; i++)
    if (at[i].used)
      *find(&larger, at[i].device, at[i].inode, at[i].block) = at[i];
  buffer_free(filled->env, &filled->table);
  *filled = larger;
  return true;
}

/* The entry; *older: that a log of another process said it, which found the
 * file less changed. Else it is this one's from now on. Null: no memory. */
static struct entry *settle(struct undo_filled *filled,
                            const struct undo_state_of *file, uint64_t block,
                            bool *older) {
  if (!make_room(filled))
    return NULL;
  struct entry *entry = find(filled, file->device, file->inode, block);
  *older = entry->used && entry->process != filled->process &&
           entry->mtime_ns < file->mtime_ns;
  if (*older)
    return entry;
  filled->count += !entry->used;
  *entry = (struct entry){.device = file->device,
                          .inode = file->inode,
                          .block = block,
                          .mtime_ns = file->mtime_ns,
                          .size = file->size,
                          .process = filled->process,
                          .used = true};
  return entry;
}

bool undo_filled_file(struct undo_filled *filled, struct undo_state_of *file) {
  bool older;
  const struct entry *entry = settle(filled, file, WHOLE_FILE, &older);
  if (!entry)
    return false;
  file->mtime_ns = entry->mtime_ns;
  file->size = entry->size;
  return true;
}

int undo_filled_block(struct undo_filled *filled,
                      const struct undo_state_of *file, uint64_t block) {
  bool older;
  if (!settle(filled, file, block, &older))
    return -1;
  return !older;
}
