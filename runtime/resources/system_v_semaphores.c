/* system_v_semaphores.c - sets of System V semaphores (semget(2)) that the
 * program has asked for. `hwckpt restore` makes them anew, or gives those that
 * are still there their values (tools/hwckpt/system_v.c). */
#include "../arch/sys.h"
#include "../support/record_types.h"
#include "resource.h"
#include "system_v_used.h"

#include <errno.h>
#include <sys/ipc.h>
#include <sys/sem.h>

#define COUNT_MAX ((RESOURCE_SCRATCH_FACTS - RESOURCE_SCRATCH_DATA) / 2)

static int refuse(struct resource_sink *sink, int id, long result,
                  struct hwckpt_error *error) {
  char object[64];
  hwckpt_format(object, sizeof object, "System V semaphores %d", id);
  return resource_unsupported(
      sink, error, object,
      result ? "not to be read (errno %ld)" : "too many in a set", -result);
}

static int save_set(struct resource_sink *sink, int id,
                    const struct semid_ds *facts, struct hwckpt_error *error) {
  void *values = (char *)sink->scratch + RESOURCE_SCRATCH_DATA;
  if (facts->sem_nsems > COUNT_MAX)
    return refuse(sink, id, 0, error);
  long known = SYS(semctl, id, 0, GETALL, values);
  if (known < 0)
    return refuse(sink, id, known, error);
  SystemVSemaphores message = {
      .id = id,
      .key = facts->sem_perm.__key,
      .count = (uint32_t)facts->sem_nsems,
      .mode = facts->sem_perm.mode & 0777,
      .user = facts->sem_perm.uid,
      .group = facts->sem_perm.gid,
  };
  int result = resource_put(sink, RECORD_SYSTEM_V_SEMAPHORES,
                            SystemVSemaphores_fields, &message, error);
  return result ? result
                : sink->put(sink, RECORD_SYSTEM_V_VALUES, values,
                            2 * facts->sem_nsems, error);
}

static int save(struct resource_sink *sink, struct hwckpt_error *error) {
  size_t cursor = 0;
  int result = 0;
  for (int id; !result &&
               (id = system_v_used_next(SYSTEM_V_SEMAPHORES, &cursor)) >= 0;) {
    struct semid_ds facts;
    long known = SYS(semctl, id, 0, IPC_STAT, &facts);
    if (known == -EINVAL || known == -EIDRM)
      system_v_used_forget(cursor);
    else
      result = known < 0 ? refuse(sink, id, known, error)
                         : save_set(sink, id, &facts, error);
  }
  return result;
}

const struct resource_kind hwckpt_resource_system_v_semaphores = {
    .name = "System V semaphores",
    .save = save,
};
