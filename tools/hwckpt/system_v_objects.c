/* system_v_objects.c - see system_v_objects.h. */
#include "system_v_objects.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <unistd.h>

#define PERMISSIONS 0777

union semun {
  int val;
  struct semid_ds *buf;
  unsigned short *array;
};

const char *const system_v_words[] = {
    [SYSTEM_V_SEGMENT] = "shared memory",
    [SYSTEM_V_SET] = "semaphores",
    [SYSTEM_V_MESSAGES] = "message queue",
};

/* What the kernel says of an object, of whatever kind. */
struct facts {
  struct ipc_perm permissions;
  uint64_t size;
  uint64_t attached;
};

static int stat_segment(int id, struct facts *facts) {
  struct shmid_ds now;
  if (shmctl(id, IPC_STAT, &now))
    return -errno;
  *facts = (struct facts){now.shm_perm, now.shm_segsz, now.shm_nattch};
  return 0;
}

static int stat_set(int id, struct facts *facts) {
  struct semid_ds now;
  if (semctl(id, 0, IPC_STAT, (union semun){.buf = &now}))
    return -errno;
  *facts = (struct facts){now.sem_perm, now.sem_nsems, 0};
  return 0;
}

static int stat_queue(int id, struct facts *facts) {
  struct msqid_ds now;
  if (msgctl(id, IPC_STAT, &now))
    return -errno;
  *facts = (struct facts){now.msg_perm, now.msg_qbytes, 0};
  return 0;
}

static int by_key(const struct system_v_object *object) {
  switch (object->kind) {
  case SYSTEM_V_SEGMENT:
    return shmget(object->key, 0, 0);
  case SYSTEM_V_SET:
    return semget(object->key, 0, 0);
  default:
    return msgget(object->key, 0);
  }
}

enum system_v_state system_v_look(const struct system_v_object *object) {
  static int (*const stat[])(int, struct facts *) = {
      [SYSTEM_V_SEGMENT] = stat_segment,
      [SYSTEM_V_SET] = stat_set,
      [SYSTEM_V_MESSAGES] = stat_queue,
  };
  struct facts now;
  int known = stat[object->kind](object->id, &now);
  if (known == -EINVAL || known == -EIDRM) {
    bool free =
        object->key == IPC_PRIVATE || (by_key(object) < 0 && errno == ENOENT);
    return free ? SYSTEM_V_GONE : SYSTEM_V_TAKEN;
  }
  if (known || object->removed || now.attached ||
      now.permissions.__key != object->key)
    return SYSTEM_V_TAKEN;
  /* A queue's may have been changed. */
  return object->kind == SYSTEM_V_MESSAGES || now.size == object->size
             ? SYSTEM_V_LEFT
             : SYSTEM_V_TAKEN;
}

int system_v_create(const struct system_v_object *object) {
  int flags = IPC_CREAT | IPC_EXCL | (int)(object->mode & PERMISSIONS);
  int id;
  switch (object->kind) {
  case SYSTEM_V_SEGMENT:
    id = shmget(object->key, object->size, flags);
    break;
  case SYSTEM_V_SET:
    id = semget(object->key, (int)object->size, flags);
    break;
  default:
    id = msgget(object->key, flags);
  }
  return id < 0 ? -errno : id;
}

void system_v_remove(enum system_v_kind kind, int id) {
  if (kind == SYSTEM_V_SEGMENT)
    shmctl(id, IPC_RMID, NULL);
  else if (kind == SYSTEM_V_SET)
    semctl(id, 0, IPC_RMID);
  else
    msgctl(id, IPC_RMID, NULL);
}

/* ---- content ---- */

/* What processes have attached they fill themselves. */
static int fill_segment(const struct system_v_object *object,
                        const char **what) {
  *what = "attaching it";
  char *at = shmat(object->id, NULL, 0);
  if (at == (void *)-1)
    return -errno;
  int result = 0;
  if (object->state == SYSTEM_V_LEFT &&
      madvise(at, object->size, MADV_REMOVE)) {
    *what = "clearing it";
    result = -errno;
  }
  for (size_t i = 0; !result && i < object->contents; i++) {
    const struct system_v_content *extent = &object->content[i];
    uint64_t offset;
    if (extent->length < sizeof offset)
      continue;
    size_t length = extent->length - sizeof offset;
    memcpy(&offset, extent->data, sizeof offset);
    if (offset <= object->size && length <= object->size - offset)
      memcpy(at + offset, (const char *)extent->data + sizeof offset, length);
  }
  shmdt(at);
  return result;
}

static int fill_set(const struct system_v_object *object, const char **what) {
  unsigned short *values = calloc(object->size + 1, sizeof *values);
  *what = "setting its values";
  if (!values)
    return -ENOMEM;
  if (object->contents &&
      object->content[0].length == object->size * sizeof *values)
    memcpy(values, object->content[0].data, object->size * sizeof *values);
  int result = semctl(object->id, 0, SETALL, (union semun){.array = values})
                   ? -errno
                   : 0;
  free(values);
  return result;
}

static int set_capacity(int id, uint64_t bytes) {
  struct msqid_ds now;
  if (msgctl(id, IPC_STAT, &now))
    return -errno;
  if (now.msg_qbytes == bytes)
    return 0;
  now.msg_qbytes = bytes;
  return msgctl(id, IPC_SET, &now) ? -errno : 0;
}

static void empty_queue(int id) {
  char none[sizeof(long)];
  while (msgrcv(id, none, 0, 0, IPC_NOWAIT | MSG_NOERROR) >= 0)
    ;
}

/* More may be queued than it takes now. */
static int fill_queue(const struct system_v_object *object, const char **what) {
  uint64_t bytes = 0;
  empty_queue(object->id);
  for (size_t i = 0; i < object->contents; i++)
    bytes += object->content[i].length - sizeof(long);
  *what = "its size";
  int result =
      set_capacity(object->id, bytes > object->size ? bytes : object->size);
  for (size_t i = 0; !result && i < object->contents; i++) {
    const struct system_v_content *message = &object->content[i];
    *what = "sending what was queued";
    if (message->length >= sizeof(long) &&
        msgsnd(object->id, message->data, message->length - sizeof(long),
               IPC_NOWAIT))
      result = -errno;
  }
  return result ? result : set_capacity(object->id, object->size);
}

/* ---- whose it is ---- */

static void own(const struct system_v_object *object, struct ipc_perm *now) {
  now->uid = object->user;
  now->gid = object->group;
  now->mode = (unsigned short)((now->mode & ~PERMISSIONS) | object->mode);
}

static bool is_own(const struct system_v_object *object,
                   const struct ipc_perm *now) {
  return now->uid == object->user && now->gid == object->group &&
         (now->mode & PERMISSIONS) == object->mode;
}

static int give_back(const struct system_v_object *object) {
  if (object->kind == SYSTEM_V_SEGMENT) {
    struct shmid_ds now = {0};
    if (shmctl(object->id, IPC_STAT, &now))
      return -errno;
    if (is_own(object, &now.shm_perm))
      return 0;
    own(object, &now.shm_perm);
    return shmctl(object->id, IPC_SET, &now) ? -errno : 0;
  }
  if (object->kind == SYSTEM_V_SET) {
    struct semid_ds now = {0};
    if (semctl(object->id, 0, IPC_STAT, (union semun){.buf = &now}))
      return -errno;
    if (is_own(object, &now.sem_perm))
      return 0;
    own(object, &now.sem_perm);
    return semctl(object->id, 0, IPC_SET, (union semun){.buf = &now}) ? -errno
                                                                      : 0;
  }
  struct msqid_ds now = {0};
  if (msgctl(object->id, IPC_STAT, &now))
    return -errno;
  if (is_own(object, &now.msg_perm))
    return 0;
  own(object, &now.msg_perm);
  return msgctl(object->id, IPC_SET, &now) ? -errno : 0;
}

int system_v_fill(const struct system_v_object *object, const char **what) {
  static int (*const fill[])(const struct system_v_object *, const char **) = {
      [SYSTEM_V_SEGMENT] = fill_segment,
      [SYSTEM_V_SET] = fill_set,
      [SYSTEM_V_MESSAGES] = fill_queue,
  };
  int result = fill[object->kind](object, what);
  if (result || !object->owned)
    return result;
  *what = "its owner and permissions";
  return give_back(object);
}
