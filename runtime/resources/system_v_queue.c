/* system_v_queue.c - System V message queues (msgget(2)) that the program has
 * asked for, with what is queued: MSG_COPY leaves it there. `hwckpt restore`
 * makes them anew, or fills those that are still there
 * (tools/hwckpt/system_v.c). */
#include "../arch/sys.h"
#include "../support/record_types.h"
#include "resource.h"
#include "system_v_used.h"

#include <errno.h>
#include <sys/ipc.h>
#include <sys/msg.h>

#define TYPE sizeof(long) /* before a message's text */
#define TEXT_MAX (RESOURCE_SCRATCH_FACTS - RESOURCE_SCRATCH_DATA - TYPE)

static int refuse(struct resource_sink *sink, int id, long result,
                  struct hwckpt_error *error) {
  char object[64];
  hwckpt_format(object, sizeof object, "System V message queue %d", id);
  return resource_unsupported(sink, error, object, "not to be read (errno %ld)",
                              -result);
}

static int save_queue(struct resource_sink *sink, int id,
                      const struct msqid_ds *facts,
                      struct hwckpt_error *error) {
  void *buffer = (char *)sink->scratch + RESOURCE_SCRATCH_DATA;
  SystemVQueue message = {
      .id = id,
      .key = facts->msg_perm.__key,
      .capacity = facts->msg_qbytes,
      .mode = facts->msg_perm.mode & 0777,
      .user = facts->msg_perm.uid,
      .group = facts->msg_perm.gid,
  };
  int result = resource_put(sink, RECORD_SYSTEM_V_QUEUE, SystemVQueue_fields,
                            &message, error);
  for (long i = 0; !result && i < (long)facts->msg_qnum; i++) {
    long length = SYS(msgrcv, id, buffer, TEXT_MAX, i, MSG_COPY | IPC_NOWAIT);
    if (length == -ENOMSG)
      break;
    result = length < 0 ? refuse(sink, id, length, error)
                        : sink->put(sink, RECORD_SYSTEM_V_MESSAGE, buffer,
                                    TYPE + (size_t)length, error);
    if (length < 0)
      break;
  }
  return result;
}

static int save(struct resource_sink *sink, struct hwckpt_error *error) {
  size_t cursor = 0;
  int result = 0;
  for (int id;
       !result && (id = system_v_used_next(SYSTEM_V_QUEUE, &cursor)) >= 0;) {
    struct msqid_ds facts;
    long known = SYS(msgctl, id, IPC_STAT, &facts);
    if (known == -EINVAL || known == -EIDRM)
      system_v_used_forget(cursor);
    else
      result = known < 0 ? refuse(sink, id, known, error)
                         : save_queue(sink, id, &facts, error);
  }
  return result;
}

const struct resource_kind hwckpt_resource_system_v_queue = {
    .name = "System V message queues",
    .save = save,
};
