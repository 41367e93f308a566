/* system_v.c - see system_v.h.
 *
 * Several processes of a tree describe the same objects, all as they were at
 * one moment: the first description counts. Only what of a segment nobody had
 * attached may be in the records of any of them. */
#include "system_v.h"
#include "command.h"
#include "system_v_objects.h"

#include <errno.h>
#include <fcntl.h>
#include <pb_decode.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct objects {
  struct system_v_object *list;
  size_t count, room;
  bool parted; /* in a namespace that goes with the program */
} objects;

/* ---- reading the records ---- */

static const struct message {
  uint32_t type;
  enum system_v_kind kind;
  const pb_msgdesc_t *fields;
} messages[] = {
    {RECORD_SYSTEM_V_MEMORY, SYSTEM_V_SEGMENT, SystemVMemory_fields},
    {RECORD_SYSTEM_V_SEMAPHORES, SYSTEM_V_SET, SystemVSemaphores_fields},
    {RECORD_SYSTEM_V_QUEUE, SYSTEM_V_MESSAGES, SystemVQueue_fields},
};

static const struct message *message_of(uint32_t type) {
  for (size_t i = 0; i < sizeof messages / sizeof *messages; i++)
    if (messages[i].type == type)
      return &messages[i];
  return NULL;
}

static bool holds_content(uint32_t type) {
  return type == RECORD_SYSTEM_V_MEMORY_DATA ||
         type == RECORD_SYSTEM_V_VALUES || type == RECORD_SYSTEM_V_MESSAGE;
}

static bool decode(const struct message *message, const void *data,
                   size_t length, struct system_v_object *object) {
  union {
    SystemVMemory memory;
    SystemVSemaphores set;
    SystemVQueue queue;
  } of;
  memset(&of, 0, sizeof of);
  pb_istream_t stream = pb_istream_from_buffer(data, length);
  if (!pb_decode(&stream, message->fields, &of))
    return false;
  *object = (struct system_v_object){.kind = message->kind};
  switch (message->kind) {
  case SYSTEM_V_SEGMENT:
    object->id = of.memory.id;
    object->key = of.memory.removed ? IPC_PRIVATE : of.memory.key;
    object->size = of.memory.size;
    object->mode = of.memory.mode;
    object->removed = of.memory.removed;
    object->owned = of.memory.owned;
    object->user = of.memory.user;
    object->group = of.memory.group;
    break;
  case SYSTEM_V_SET:
    object->id = of.set.id;
    object->key = of.set.key;
    object->size = of.set.count;
    object->mode = of.set.mode;
    object->owned = true;
    object->user = of.set.user;
    object->group = of.set.group;
    break;
  case SYSTEM_V_MESSAGES:
    object->id = of.queue.id;
    object->key = of.queue.key;
    object->size = of.queue.capacity;
    object->mode = of.queue.mode;
    object->owned = true;
    object->user = of.queue.user;
    object->group = of.queue.group;
    break;
  }
  return true;
}

static struct system_v_object *find(const struct system_v_object *like) {
  for (size_t i = 0; i < objects.count; i++)
    if (objects.list[i].kind == like->kind && objects.list[i].id == like->id)
      return &objects.list[i];
  return NULL;
}

static struct system_v_object *add(const struct system_v_object *object) {
  if (objects.count == objects.room) {
    size_t room = objects.room * 2 + 16;
    struct system_v_object *grown =
        reallocarray(objects.list, room, sizeof *grown);
    if (!grown)
      return NULL;
    objects.list = grown;
    objects.room = room;
  }
  objects.list[objects.count] = *object;
  return &objects.list[objects.count++];
}

static bool add_content(struct system_v_object *object, const void *data,
                        size_t length) {
  struct system_v_content *grown = reallocarray(
      object->content, object->contents + 1, sizeof *object->content);
  if (!grown)
    return false;
  object->content = grown;
  grown[object->contents++] = (struct system_v_content){data, length};
  return true;
}

static int read_part(const struct generation *generation,
                     struct hwckpt_error *error) {
  struct system_v_object *last = NULL; /* takes content */
  uint32_t type;
  const void *data;
  size_t length;
  for (size_t i = 0;
       cache_reader_record(generation->reader, i, &type, &data, &length); i++) {
    const struct message *message = message_of(type);
    struct system_v_object object;
    bool room = true;
    if (message) {
      if (!decode(message, data, length, &object))
        return hwckpt_fail(error, HWCKPT_E_RECORD, 0, generation->name,
                           "of a System V object");
      last = find(&object);
      if (!last)
        room = (last = add(&object)) != NULL;
      else if (last->kind != SYSTEM_V_SEGMENT)
        last = NULL;
    } else if (holds_content(type) && last)
      room = add_content(last, data, length);
    if (!room)
      return hwckpt_fail(error, HWCKPT_E_RESTORE_MEMORY, ENOMEM,
                         generation->name, "its System V objects");
  }
  return 0;
}

/* ---- where they are made ---- */

/* Where the one to be made next gets its id from. */
static const char *const chooser[] = {
    [SYSTEM_V_SEGMENT] = "/proc/sys/kernel/shm_next_id",
    [SYSTEM_V_SET] = "/proc/sys/kernel/sem_next_id",
    [SYSTEM_V_MESSAGES] = "/proc/sys/kernel/msg_next_id",
};

static int choose_id(const struct system_v_object *object) {
  char text[16];
  int fd = open(chooser[object->kind], O_WRONLY | O_CLOEXEC);
  int length = snprintf(text, sizeof text, "%d", object->id);
  bool good = fd >= 0 && write(fd, text, (size_t)length) == length;
  int number = errno;
  if (fd >= 0)
    close(fd);
  return good ? 0 : -number;
}

static bool may_choose(const struct system_v_object *object) {
  int fd = open(chooser[object->kind], O_WRONLY | O_CLOEXEC);
  if (fd >= 0)
    close(fd);
  return fd >= 0;
}

static int not_had(const struct system_v_object *object, int number,
                   const char *what, struct hwckpt_error *error) {
  char name[64];
  snprintf(name, sizeof name, "System V %s %d", system_v_words[object->kind],
           object->id);
  return hwckpt_fail(error, HWCKPT_E_SYSTEM_V, number, name, "%s", what);
}

/* The first that cannot be had where we are; null: none. */
static const struct system_v_object *hindrance(void) {
  for (size_t i = 0; i < objects.count; i++) {
    struct system_v_object *object = &objects.list[i];
    object->state = system_v_look(object);
    if (object->state == SYSTEM_V_TAKEN ||
        (object->state == SYSTEM_V_GONE && !may_choose(object)))
      return object;
  }
  return NULL;
}

static int settle_place(bool may_part, struct hwckpt_error *error) {
  const struct system_v_object *first = hindrance();
  if (!first)
    return 0;
  if (!may_part)
    return first->state == SYSTEM_V_TAKEN
               ? not_had(first, 0,
                         "there is another by that id or key, or it "
                         "is attached",
                         error)
               : not_had(first, EPERM,
                         "it is gone, and its id cannot be "
                         "chosen here",
                         error);
  if (unshare(CLONE_NEWIPC))
    return not_had(first, errno, "an IPC namespace", error);
  objects.parted = true;
  first = hindrance();
  return first ? not_had(first, 0, "in an IPC namespace of its own", error) : 0;
}

static int make(struct system_v_object *object, struct hwckpt_error *error) {
  int failed = choose_id(object);
  if (failed)
    return not_had(object, -failed, chooser[object->kind], error);
  int id = system_v_create(object);
  if (id < 0)
    return not_had(object, -id, "making it anew", error);
  object->made = true;
  if (id == object->id)
    return 0;
  system_v_remove(object->kind, id);
  object->made = false;
  return not_had(object, 0, "another took its id meanwhile", error);
}

/* ---- all together ---- */

int system_v_make(const struct generation *const *parts, size_t count,
                  bool may_part, struct hwckpt_error *error) {
  int failed = 0;
  for (size_t i = 0; !failed && i < count; i++)
    failed = read_part(parts[i], error);
  if (failed || !objects.count)
    return failed;
  failed = settle_place(may_part, error);
  for (size_t i = 0; !failed && i < objects.count; i++) {
    struct system_v_object *object = &objects.list[i];
    const char *what = "";
    if (object->state == SYSTEM_V_GONE)
      failed = make(object, error);
    int number = failed ? 0 : system_v_fill(object, &what);
    if (number < 0)
      failed = not_had(object, -number, what, error);
  }
  if (failed)
    system_v_unmake();
  return failed;
}

void system_v_unmake(void) {
  for (size_t i = 0; i < objects.count; i++) {
    if (objects.list[i].made && !objects.parted)
      system_v_remove(objects.list[i].kind, objects.list[i].id);
    free(objects.list[i].content);
  }
  free(objects.list);
  objects = (struct objects){0};
}
