/* Records of what outlives its program, or is made before the program is there,
 * from a stranger, as the command line makes it: System V objects, POSIX
 * message queues, pseudo terminals and TCP connections of a tree, of up to two
 * processes, in a system of ours in which calls fail as the input says.
 *
 * What must hold: memory is read and written only where an object or a record
 * has some; no path is opened but those of the kernel; of a restore that comes
 * to nothing no System V object stays that was not there before.
 *
 * Input: u8 what is done, u16 length of the answers, u16 length of the first
 * process's records; the answers, the records of each.
 */
#include "../Inputs/fake_system.h"
#include "../Inputs/memory_io.h"
#include "../Inputs/record_list.h"

#include "runtime/resources/tcp_room.h"
#include "tools/hwckpt/assembly.h"
#include "tools/hwckpt/exchange.h"
#include "tools/hwckpt/family.h"
#include "tools/hwckpt/posix_queues.h"
#include "tools/hwckpt/system_v.h"

#include <errno.h>
#include <sanitizer/asan_interface.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* ---- what the system answers ---- */

static struct {
  const uint8_t *at, *end;
} answers;

static uint8_t next_byte(void) {
  return answers.at < answers.end ? *answers.at++ : 0;
}

static bool fails(void) {
  static const int numbers[] = {EPERM,  ENOENT, EAGAIN, ENOMEM,
                                EACCES, EIDRM,  EINVAL, EADDRINUSE};
  uint8_t byte = next_byte();
  if (byte < 0xe0)
    return false;
  errno = numbers[byte % 8];
  return true;
}

static int refuse(int number) {
  errno = number;
  return -1;
}

/* What is read must be there, and so must be what is written. */
static void take(const void *from, size_t length) {
  if (length && __asan_region_is_poisoned((void *)(uintptr_t)from, length))
    abort();
}

/* ---- System V objects ---- */

enum { SEGMENT, SET, MESSAGES, KINDS };
#define OBJECTS_MAX 16
#define SIZE_MAX_HERE 65536u

struct object {
  bool there, made;
  int kind, id;
  key_t key;
  size_t size; /* bytes, semaphores, bytes of a queue */
  unsigned mode, attached, queued;
  uid_t user;
  char *memory; /* while it is attached by us */
};

static struct {
  struct object objects[OBJECTS_MAX];
  int next_id[KINDS], last_id; /* -1: the kernel chooses */
  bool parted;
} ipc;

static struct object *find_id(int kind, int id) {
  for (struct object *object = ipc.objects; object < ipc.objects + OBJECTS_MAX;
       object++)
    if (object->there && object->kind == kind && object->id == id)
      return object;
  errno = EINVAL;
  return NULL;
}

static struct object *add(int kind, int id, key_t key, size_t size) {
  struct object *object = ipc.objects;
  while (object < ipc.objects + OBJECTS_MAX && object->there)
    object++;
  if (object == ipc.objects + OBJECTS_MAX) {
    errno = ENOSPC;
    return NULL;
  }
  *object = (struct object){
      .there = true, .kind = kind, .id = id, .key = key, .size = size};
  return object;
}

/* Up to three that were there before. */
static void begin_ipc(void) {
  memset(&ipc, 0, sizeof ipc);
  ipc.last_id = 1000;
  for (int kind = 0; kind < KINDS; kind++)
    ipc.next_id[kind] = -1;
  for (unsigned count = next_byte() % 4; count; count--) {
    int kind = next_byte() % KINDS, id = next_byte(), key = next_byte();
    struct object *object = add(kind, id, key, next_byte());
    object->attached = next_byte() & 1;
    object->queued = next_byte() & 3;
  }
}

static void end_ipc(void) {
  for (size_t i = 0; i < OBJECTS_MAX; i++)
    free(ipc.objects[i].memory);
}

static bool any_made(void) {
  for (size_t i = 0; i < OBJECTS_MAX; i++)
    if (ipc.objects[i].there && ipc.objects[i].made)
      return true;
  return false;
}

static int get(int kind, key_t key, size_t size, int flags) {
  if (fails())
    return -1;
  for (size_t i = 0; key != IPC_PRIVATE && i < OBJECTS_MAX; i++) {
    const struct object *is = &ipc.objects[i];
    if (is->there && is->kind == kind && is->key == key)
      return flags & IPC_EXCL ? refuse(EEXIST) : is->id;
  }
  if (!(flags & IPC_CREAT))
    return refuse(ENOENT);
  if (kind != MESSAGES && (!size || size > SIZE_MAX_HERE))
    return refuse(EINVAL);
  int id = ipc.next_id[kind];
  ipc.next_id[kind] = -1;
  if (id < 0 || next_byte() == 1 || find_id(kind, id))
    id = ++ipc.last_id;
  struct object *object = add(kind, id, key, kind == MESSAGES ? 64 : size);
  if (!object)
    return -1;
  object->made = true;
  object->mode = (unsigned)flags & 0777;
  return id;
}

int fake_shmget(key_t key, size_t size, int flags) {
  return get(SEGMENT, key, size, flags);
}
int fake_semget(key_t key, int count, int flags) {
  return count < 0 ? refuse(EINVAL) : get(SET, key, (size_t)count, flags);
}
int fake_msgget(key_t key, int flags) { return get(MESSAGES, key, 0, flags); }

/* Removes it, or says or sets its permissions: null but for those. */
static struct object *control(int kind, int id, int command,
                              struct ipc_perm *permissions) {
  struct object *object = find_id(kind, id);
  if (!object || (command != IPC_RMID && fails()))
    return NULL;
  if (command == IPC_RMID) {
    free(object->memory);
    object->memory = NULL;
    object->there = false;
  } else if (command == IPC_SET) {
    object->mode = permissions->mode;
    object->user = permissions->uid;
  } else {
    *permissions = (struct ipc_perm){.__key = object->key,
                                     .uid = object->user,
                                     .mode = (unsigned short)object->mode};
  }
  return object;
}

int fake_shmctl(int id, int command, struct shmid_ds *facts) {
  struct object *object =
      control(SEGMENT, id, command, facts ? &facts->shm_perm : NULL);
  if (object && command == IPC_STAT) {
    facts->shm_segsz = object->size;
    facts->shm_nattch = object->attached;
  }
  return object ? 0 : -1;
}

int fake_semctl(int id, int which, int command, ...) {
  union {
    int value;
    struct semid_ds *facts;
    unsigned short *values;
  } argument;
  (void)which;
  struct object *object;
  if (command == IPC_RMID)
    return control(SET, id, command, NULL) ? 0 : -1;
  va_list list;
  va_start(list, command);
  argument.facts = va_arg(list, struct semid_ds *);
  va_end(list);
  if (command == SETALL) {
    object = find_id(SET, id);
    if (!object || fails())
      return -1;
    take(argument.values, object->size * sizeof *argument.values);
    return 0;
  }
  object = control(SET, id, command, &argument.facts->sem_perm);
  if (object && command == IPC_STAT)
    argument.facts->sem_nsems = object->size;
  return object ? 0 : -1;
}

int fake_msgctl(int id, int command, struct msqid_ds *facts) {
  struct object *object =
      control(MESSAGES, id, command, facts ? &facts->msg_perm : NULL);
  if (object && command == IPC_STAT)
    facts->msg_qbytes = object->size;
  else if (object && command == IPC_SET)
    object->size = facts->msg_qbytes;
  return object ? 0 : -1;
}

void *fake_shmat(int id, const void *at, int flags) {
  struct object *object = find_id(SEGMENT, id);
  if (at || flags)
    abort();
  if (!object || fails())
    return (void *)-1;
  if (!object->memory)
    object->memory = calloc(object->size, 1);
  return object->memory;
}

static struct object *attached_at(const void *at) {
  for (size_t i = 0; i < OBJECTS_MAX; i++)
    if (ipc.objects[i].memory == at)
      return &ipc.objects[i];
  abort();
}

int fake_shmdt(const void *at) {
  struct object *object = attached_at(at);
  free(object->memory);
  object->memory = NULL;
  return 0;
}

int fake_madvise(void *at, size_t length, int advice) {
  if (advice != MADV_REMOVE || length > attached_at(at)->size)
    abort();
  return fails() ? -1 : 0;
}

int fake_msgsnd(int id, const void *message, size_t length, int flags) {
  struct object *object = find_id(MESSAGES, id);
  take(message, sizeof(long) + length);
  if (!object || fails())
    return -1;
  if (!(flags & IPC_NOWAIT))
    abort(); /* it would wait for somebody who is not there yet */
  return length > object->size ? refuse(EAGAIN) : 0;
}

ssize_t fake_msgrcv(int id, void *message, size_t length, long type,
                    int flags) {
  struct object *object = find_id(MESSAGES, id);
  take(message, sizeof(long) + length);
  if (type || !(flags & IPC_NOWAIT))
    abort();
  if (!object || !object->queued)
    return refuse(ENOMSG);
  object->queued--;
  memset(message, 1, sizeof(long) + length);
  return (ssize_t)length;
}

/* ---- descriptors ---- */

enum { TERMINAL_FD = 50, CHOOSER_FD = 100, QUEUE_FD = 200, SOCKET_FD = 300 };

static struct {
  unsigned terminals, last_number;
  unsigned queues;      /* that were made and are there */
  struct mq_attr queue; /* of the name that was opened last */
  unsigned queued;
} files;

int fake_open(const char *path, int flags) {
  static const char *const choosers[] = {
      [SEGMENT] = "shm", [SET] = "sem", [MESSAGES] = "msg"};
  char chooser[64];
  (void)flags;
  if (!strcmp(path, "/dev/ptmx"))
    return fails() ? -1 : TERMINAL_FD + (int)(files.terminals++ % 40);
  for (int kind = 0; kind < KINDS; kind++) {
    snprintf(chooser, sizeof chooser, "/proc/sys/kernel/%s_next_id",
             choosers[kind]);
    if (!strcmp(path, chooser))
      return fails() ? -1 : CHOOSER_FD + kind;
  }
  abort();
}

ssize_t fake_write(int fd, const void *text, size_t length) {
  char number[32] = "";
  take(text, length);
  if (fd < CHOOSER_FD || fd >= CHOOSER_FD + KINDS || length >= sizeof number)
    abort();
  if (fails())
    return -1;
  memcpy(number, text, length);
  ipc.next_id[fd - CHOOSER_FD] = atoi(number);
  return (ssize_t)length;
}

int fake_close(int fd) { return fd < 0 ? abort(), -1 : 0; }
int fake_change(int fd) {
  return fd < QUEUE_FD ? abort(), -1 : fails() ? -1 : 0;
}

int fake_unshare(int what) {
  if (what != CLONE_NEWIPC)
    abort();
  if (fails())
    return -1;
  end_ipc();
  memset(ipc.objects, 0, sizeof ipc.objects);
  ipc.parted = true;
  return 0;
}

int fake_ioctl(int fd, unsigned long request, ...) {
  va_list list;
  va_start(list, request);
  void *argument = va_arg(list, void *);
  va_end(list);
  if (fd < TERMINAL_FD || fd >= CHOOSER_FD)
    abort();
  if (fails())
    return -1;
  if (request == TIOCGPTN)
    *(unsigned *)argument = files.last_number += next_byte() % 4;
  else if (request == TIOCSPTLCK)
    take(argument, sizeof(int));
  else if (request == TIOCSWINSZ)
    take(argument, sizeof(struct winsize));
  else if (request == TIOCGPTPEER)
    return TERMINAL_FD + (int)(files.terminals++ % 40);
  return 0;
}

/* Nothing is left. */
bool tcp_free_left(const void *address) {
  (void)address;
  return false;
}

/* ---- POSIX queues ---- */

/* One that is there has the facts and as many messages as the input says. */
mqd_t fake_mq_open(const char *name, int flags, ...) {
  if (*name != '/' || strlen(name) > 256)
    abort();
  if (fails())
    return -1;
  if (!name[1] || strchr(name + 1, '/'))
    return refuse(EACCES);
  if (flags & O_CREAT) {
    va_list list;
    va_start(list, flags);
    (void)va_arg(list, mode_t);
    const struct mq_attr *facts = va_arg(list, struct mq_attr *);
    va_end(list);
    files.queue = *facts;
    files.queued = 0;
    if (facts->mq_maxmsg <= 0 || facts->mq_msgsize <= 0 ||
        facts->mq_msgsize > (long)SIZE_MAX_HERE)
      return refuse(EINVAL);
    if (!(flags & O_EXCL) || !(flags & O_NONBLOCK))
      abort();
    if (next_byte() & 1)
      return refuse(EEXIST);
    files.queues++;
  } else {
    files.queue.mq_maxmsg = next_byte();
    files.queue.mq_msgsize = next_byte();
    files.queued = next_byte() & 3;
  }
  return QUEUE_FD;
}

int fake_mq_unlink(const char *name) {
  if (*name != '/' || !files.queues--)
    abort();
  return 0;
}

int fake_mq_getattr(mqd_t queue, struct mq_attr *facts) {
  *facts = files.queue;
  return queue != QUEUE_FD ? abort(), -1 : fails() ? -1 : 0;
}

ssize_t fake_mq_receive(mqd_t queue, char *room, size_t length,
                        unsigned *priority) {
  (void)priority;
  take(room, length);
  if (queue != QUEUE_FD)
    abort();
  if (length < (size_t)files.queue.mq_msgsize)
    return refuse(EMSGSIZE);
  if (!files.queued)
    return refuse(EAGAIN);
  files.queued--;
  memset(room, 1, (size_t)files.queue.mq_msgsize);
  return (ssize_t)files.queue.mq_msgsize;
}

int fake_mq_send(mqd_t queue, const char *text, size_t length,
                 unsigned priority) {
  (void)priority;
  take(text, length);
  if (queue != QUEUE_FD)
    abort();
  return fails()                                   ? -1
         : length > (size_t)files.queue.mq_msgsize ? refuse(EMSGSIZE)
                                                   : 0;
}

/* ---- sockets ---- */

static void check_socket(int fd) {
  if (fd < SOCKET_FD)
    abort();
}

int fake_socket(int domain, int type, int protocol) {
  (void)domain, (void)type, (void)protocol;
  return fails() ? -1 : SOCKET_FD + next_byte();
}

bool tcp_room_make(int socket, size_t bytes) {
  (void)socket, (void)bytes;
  return !fails();
}
int fake_setsockopt(int fd, int level, int name, const void *value,
                    socklen_t length) {
  (void)level, (void)name;
  take(value, length);
  check_socket(fd);
  return fails() ? -1 : 0;
}

int fake_getsockopt(int fd, int level, int name, void *value,
                    socklen_t *length) {
  (void)level, (void)name;
  check_socket(fd);
  memset(value, next_byte(), *length);
  return fails() ? -1 : 0;
}

static struct {
  char bytes[28];
  socklen_t length;
} bound;

int fake_bind(int fd, const struct sockaddr *name, socklen_t length) {
  check_socket(fd);
  take(name, length);
  if (length > sizeof bound.bytes)
    abort();
  memcpy(bound.bytes, name, length);
  bound.length = length;
  return fails() ? -1 : 0;
}

int fake_connect(int fd, const struct sockaddr *name, socklen_t length) {
  check_socket(fd);
  take(name, length);
  return fails() ? -1 : 0;
}

int fake_getsockname(int fd, struct sockaddr *name, socklen_t *length) {
  check_socket(fd);
  if (*length < bound.length)
    abort();
  memcpy(name, bound.bytes, bound.length);
  *length = bound.length;
  if (next_byte() == 1)
    memset(name, 7, *length); /* another one */
  return fails() ? -1 : 0;
}

int fake_listen(int fd) { return check_socket(fd), fails() ? -1 : 0; }
int fake_accept(int fd) { return check_socket(fd), fails() ? -1 : SOCKET_FD; }

ssize_t fake_send(int fd, const void *bytes, size_t length, int flags) {
  check_socket(fd);
  take(bytes, length);
  if (!length || !(flags & MSG_DONTWAIT) || !(flags & MSG_NOSIGNAL))
    abort();
  if (fails())
    return -1;
  uint8_t some = next_byte();
  return (ssize_t)(some ? length % some : length);
}

int fake_poll(struct pollfd *watched, nfds_t count) {
  take(watched, count * sizeof *watched);
  check_socket(watched->fd);
  return next_byte() & 1;
}

/* ---- what is done ---- */

bool exchange_give(struct exchange *exchange, uint64_t key, int descriptor) {
  (void)exchange, (void)key;
  if (descriptor < TERMINAL_FD ||
      (descriptor >= CHOOSER_FD && descriptor < SOCKET_FD))
    abort();
  return !fails();
}

static void check(int result, const struct hwckpt_error *error) {
  char text[2048];
  if (result && (result != -(int)error->code || !error->object[0]))
    abort();
  if (result)
    hwckpt_error_text(error, "fuzz", text, sizeof text);
}

static void make_in_tree(struct part *const parts[2], size_t count) {
  struct hwckpt_error error = {0}, other = {0};
  struct relative relatives[] = {
      {.pid = 100, .session = 100, .parent = FAMILY_OUTSIDE},
      {.pid = 101, .session = 101, .parent = 0, .member = 1},
      {.pid = 102, .session = 100, .kind = RELATIVE_STAND_IN}};
  const struct assembly_plan plan = {
      .parts = (struct part **)parts,
      .count = count,
      .relatives = relatives,
      .relative_count = 3,
  };
  check(terminals_make(&plan, NULL, &error), &error);
  if (relatives[2].terminal)
    abort(); /* it is none of the program's */
  check(connections_make(&plan, NULL, &other), &other);
}

enum { MAY_PART = 1, FAILS_LATER = 2 };

static void make_all(struct part *const parts[2], size_t count, unsigned what) {
  const struct generation *of[2];
  struct hwckpt_error error = {0};
  for (size_t i = 0; i < count; i++)
    of[i] = &parts[i]->generation;
  begin_ipc();
  memset(&files, 0, sizeof files);
  int result = system_v_make(of, count, what & MAY_PART, &error);
  check(result, &error);
  if (!result) {
    result = posix_queues_make(of, count, &error);
    check(result, &error);
  }
  if (result || what & FAILS_LATER)
    system_v_unmake();
  if ((result || what & FAILS_LATER) && !ipc.parted && any_made())
    abort();
  system_v_unmake();
  posix_queues_unmake();
  if (files.queues)
    abort();
  end_ipc();
  make_in_tree(parts, count);
}

static void put_records(struct cache *cache, const uint8_t *data, size_t size) {
  static struct record_list list;
  record_list_read(&list, data, size);
  record_list_write(&list, cache, 0);
  record_list_free(&list);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static struct part first, second;
  struct part *const parts[] = {&first, &second};
  if (size < 5)
    return 0;
  size_t answered = data[1] | (size_t)data[2] << 8,
         length = data[3] | (size_t)data[4] << 8;
  unsigned what = data[0];
  data += 5;
  size -= 5;
  answered = answered < size ? answered : size;
  answers.at = data;
  answers.end = data + answered;
  data += answered;
  size -= answered;
  length = length < size ? length : size;
  memory_reset();
  struct cache *cache = memory_cache();
  put_records(cache, data, length);
  put_records(cache, data + length, size - length);
  for (uint64_t i = 0; i < 2; i++) {
    struct generation *generation = &parts[i]->generation;
    if (cache_reader_open(cache, MEMORY_APPLICATION, i + 1, &generation->reader,
                          NULL) < 0)
      abort();
    snprintf(generation->name, sizeof generation->name, "%s/%u",
             MEMORY_APPLICATION, (unsigned)i + 1);
  }
  make_all(parts, 2, what);
  for (size_t i = 0; i < 2; i++)
    cache_reader_close(parts[i]->generation.reader);
  cache_close(cache);
  return 0;
}
