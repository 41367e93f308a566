/* system_v_memory.c - System V shared memory (shmget(2)). What processes of the
 * program have attached is in the pages of their generations, what none has
 * attached in records. `hwckpt restore` makes the segments
 * (tools/hwckpt/system_v.c), the restorer attaches them. */
#include "../arch/sys.h"
#include "../support/record_types.h"
#include "extents.h"
#include "system_v_used.h"
#include "tree.h"

#include <errno.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/shm.h>

#define PAGE ((uint64_t)4096)
#define REMOVED 01000u /* SHM_DEST */

static int refuse(struct hwckpt_error *error, int id, uint64_t address,
                  long result, const char *what) {
  char object[64];
  hwckpt_format(object, sizeof(object), "System V shared memory %d", id);
  return hwckpt_fail(error, HWCKPT_E_NOT_RESTORABLE,
                     result < 0 ? (int)-result : 0, object, "at %llx: %s",
                     (unsigned long long)address, what);
}

/* ---- what is attached ---- */

static bool is_of(const struct mapped_part *part, int id) {
  return part->system_v && part->inode == (uint64_t)id;
}

static size_t parts_of(const struct resource_sink *sink, int id) {
  size_t count = 0;
  for (size_t i = 0; i < sink->mapped_count; i++)
    count += is_of(&sink->mapped[i], id);
  return count;
}

/* In how many pieces the processes of the tree have it attached, and whether
 * this one is the first of those that have. */
static size_t pieces_in_tree(const struct resource_sink *sink, int id,
                             bool *first) {
  size_t count = parts_of(sink, id);
  *first = true;
  if (!sink->tree)
    return count;
  const struct tree_fact *rows =
      tree_rows(sink, TREE_SYSTEM_V_DEVICE, (uint64_t)id, &count);
  *first = !count || rows->member == sink->member;
  return count;
}

/* Where the part ends that `offset` lies in, else `offset`; *limit is where the
 * next one begins then. */
static uint64_t skip_attached(const struct resource_sink *sink, int id,
                              uint64_t offset, uint64_t *limit) {
  for (size_t i = 0; i < sink->mapped_count; i++) {
    const struct mapped_part *part = &sink->mapped[i];
    if (!is_of(part, id))
      continue;
    if (offset >= part->offset && offset < part->offset + part->length)
      return part->offset + part->length;
    if (part->offset > offset && part->offset < *limit)
      *limit = part->offset;
  }
  return offset;
}

/* ---- saving ---- */

/* It is attached for that time: nobody else looks at the program's memory. */
static int put_rest(struct resource_sink *sink, int id, uint64_t size,
                    struct hwckpt_error *error) {
  char *buffer = (char *)sink->scratch + RESOURCE_SCRATCH_DATA;
  size_t room = RESOURCE_SCRATCH_FACTS - RESOURCE_SCRATCH_DATA - EXTENT_BLOCK;
  const char *content = NULL;
  int result = 0;
  for (uint64_t offset = 0; !result && offset < size;) {
    uint64_t limit = size, next = skip_attached(sink, id, offset, &limit);
    if (next != offset) {
      offset = next;
      continue;
    }
    if (!content) {
      long at = SYS(shmat, id, 0, SHM_RDONLY);
      if (at < 0 && at > -(long)PAGE)
        return refuse(error, id, 0, at, "reading it");
      content = (const char *)at;
    }
    size_t length = limit - offset < room ? (size_t)(limit - offset) : room;
    memcpy(buffer + EXTENT_HEAD, content + offset, length);
    result = extents_put(sink, RECORD_SYSTEM_V_MEMORY_DATA, buffer, length,
                         offset, error);
    offset += length;
  }
  if (content)
    SYS(shmdt, content);
  return result;
}

static int save_segment(struct resource_sink *sink, int id, uint64_t address,
                        const struct shmid_ds *facts,
                        struct hwckpt_error *error) {
  SystemVMemory message = SystemVMemory_init_zero;
  bool first;
  size_t pieces = pieces_in_tree(sink, id, &first);
  /* The kernel counts mappings. One process looks, before it attaches it itself
   * to read the rest. */
  if (first && pieces && facts->shm_nattch > pieces)
    return refuse(error, id, address, 0, "other processes have it attached");
  message.id = id;
  message.key = facts->shm_perm.__key;
  message.size = facts->shm_segsz;
  message.mode = facts->shm_perm.mode & 0777;
  message.removed = (facts->shm_perm.mode & REMOVED) != 0;
  message.user = facts->shm_perm.uid;
  message.group = facts->shm_perm.gid;
  message.owned = true;
  int result = resource_put(sink, RECORD_SYSTEM_V_MEMORY, SystemVMemory_fields,
                            &message, error);
  /* Of those that have a part of it each, the first has all the rest. */
  return result || !first ? result
                          : put_rest(sink, id, facts->shm_segsz, error);
}

static bool is_first(const struct resource_sink *sink, size_t index) {
  for (size_t i = 0; i < index; i++)
    if (is_of(&sink->mapped[i], (int)sink->mapped[index].inode))
      return false;
  return true;
}

static int save_attached(struct resource_sink *sink,
                         struct hwckpt_error *error) {
  int result = 0;
  for (size_t i = 0; i < sink->mapped_count && !result; i++) {
    const struct mapped_part *part = &sink->mapped[i];
    struct shmid_ds facts;
    if (!part->system_v || !is_first(sink, i))
      continue;
    long known = SYS(shmctl, part->inode, IPC_STAT, &facts);
    result = known < 0 ? refuse(error, (int)part->inode, part->address, known,
                                "IPC_STAT")
                       : save_segment(sink, (int)part->inode, part->address,
                                      &facts, error);
  }
  return result;
}

/* Asked for, and not attached by this process. */
static int save_used(struct resource_sink *sink, struct hwckpt_error *error) {
  size_t cursor = 0;
  int result = 0;
  for (int id;
       !result && (id = system_v_used_next(SYSTEM_V_MEMORY, &cursor)) >= 0;) {
    struct shmid_ds facts;
    if (parts_of(sink, id))
      continue;
    long known = SYS(shmctl, id, IPC_STAT, &facts);
    if (known == -EINVAL || known == -EIDRM)
      system_v_used_forget(cursor);
    else
      result = known < 0 ? refuse(error, id, 0, known, "IPC_STAT")
                         : save_segment(sink, id, 0, &facts, error);
  }
  return result;
}

static int save(struct resource_sink *sink, struct hwckpt_error *error) {
  if (system_v_used_too_many())
    return resource_unsupported(sink, error, "System V objects",
                                "more than are kept");
  int result = save_attached(sink, error);
  return result ? result : save_used(sink, error);
}

const struct resource_kind hwckpt_resource_system_v_memory = {
    .name = "System V memory",
    .save = save,
};
