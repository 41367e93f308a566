/* system_v_memory.c - System V shared memory (shmget(2)) that the program alone
 * has attached. What it holds is in the generation's pages; the restorer makes
 * and attaches the segments. */
#include "../arch/sys.h"
#include "../support/record_types.h"
#include "resource.h"

#include <string.h>
#include <sys/ipc.h>
#include <sys/shm.h>

#define REMOVED 01000u /* SHM_DEST */

static int refuse(struct hwckpt_error *error, const struct mapped_part *part,
                  long result, const char *what) {
  char object[64];
  hwckpt_format(object, sizeof(object), "System V shared memory %llu",
                (unsigned long long)part->inode);
  return hwckpt_fail(error, HWCKPT_E_NOT_RESTORABLE,
                     result < 0 ? (int)-result : 0, object, "at %llx: %s",
                     (unsigned long long)part->address, what);
}

/* Whether it is attached as a whole, wherever it is attached: where its
 * protection differs, it is more than one part. */
static bool is_whole(const struct resource_sink *sink, uint64_t id,
                     uint64_t size) {
  uint64_t reached = 0, address = 0;
  bool attached = false;
  for (size_t i = 0; i < sink->mapped_count; i++) {
    const struct mapped_part *part = &sink->mapped[i];
    if (!part->system_v || part->inode != id)
      continue;
    bool goes_on = attached && part->address == address &&
                   part->offset == reached && reached < size;
    if (!goes_on && (part->offset || (attached && reached < size)))
      return false;
    attached = true;
    reached = part->offset + part->length;
    address = part->address + part->length;
  }
  return reached >= size;
}

static size_t parts_of(const struct resource_sink *sink, uint64_t id) {
  size_t count = 0;
  for (size_t i = 0; i < sink->mapped_count; i++)
    count += sink->mapped[i].system_v && sink->mapped[i].inode == id;
  return count;
}

static int save_segment(struct resource_sink *sink,
                        const struct mapped_part *part,
                        struct hwckpt_error *error) {
  SystemVMemory message = SystemVMemory_init_zero;
  struct shmid_ds facts;
  long result = SYS(shmctl, part->inode, IPC_STAT, &facts);
  if (result < 0)
    return refuse(error, part, result, "IPC_STAT");
  if (!is_whole(sink, part->inode, facts.shm_segsz))
    return refuse(error, part, 0, "a part of it is not attached");
  /* The kernel counts mappings. */
  if (facts.shm_nattch > parts_of(sink, part->inode))
    return refuse(error, part, 0, "other processes have it attached");
  message.id = (int32_t)part->inode;
  message.key = facts.shm_perm.__key;
  message.size = facts.shm_segsz;
  message.mode = facts.shm_perm.mode & 0777;
  message.removed = (facts.shm_perm.mode & REMOVED) != 0;
  return resource_put(sink, RECORD_SYSTEM_V_MEMORY, SystemVMemory_fields,
                      &message, error);
}

static bool is_first(const struct resource_sink *sink, size_t index) {
  for (size_t i = 0; i < index; i++)
    if (sink->mapped[i].system_v &&
        sink->mapped[i].inode == sink->mapped[index].inode)
      return false;
  return true;
}

static int save(struct resource_sink *sink, struct hwckpt_error *error) {
  int result = 0;
  for (size_t i = 0; i < sink->mapped_count && !result; i++)
    if (sink->mapped[i].system_v && is_first(sink, i))
      result = save_segment(sink, &sink->mapped[i], error);
  return result;
}

const struct resource_kind hwckpt_resource_system_v_memory = {
    .name = "System V memory",
    .save = save,
};
