/* posix_queues.c - see posix_queues.h. */
#include "posix_queues.h"

#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <pb_decode.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct {
  char (*list)[sizeof((PosixQueue *)0)->name + 1]; /* with the slash */
  size_t count;
} made;

static bool note_made(const char *path) {
  void *list = realloc(made.list, (made.count + 1) * sizeof *made.list);
  if (!list)
    return false;
  made.list = list;
  snprintf(made.list[made.count++], sizeof *made.list, "%s", path);
  return true;
}

void posix_queues_unmake(void) {
  while (made.count)
    mq_unlink(made.list[--made.count]);
  free(made.list);
  made.list = NULL;
}

static int not_had(const PosixQueue *queue, int number, const char *what,
                   struct hwckpt_error *error) {
  return hwckpt_fail(error, HWCKPT_E_POSIX_QUEUE, number, queue->name, "%s",
                     what);
}

/* False also of a name that no queue has. */
static bool decode(const void *data, size_t length, PosixQueue *queue) {
  *queue = (PosixQueue)PosixQueue_init_zero;
  pb_istream_t stream = pb_istream_from_buffer(data, length);
  return pb_decode(&stream, PosixQueue_fields, queue) && *queue->name &&
         !strchr(queue->name, '/');
}

static mqd_t create(const PosixQueue *queue, const char *path) {
  struct mq_attr facts = {.mq_maxmsg = (long)queue->messages,
                          .mq_msgsize = (long)queue->size};
  mqd_t file =
      mq_open(path, O_RDWR | O_CREAT | O_EXCL | O_NONBLOCK, 0600, &facts);
  if (file < 0)
    return file;
  if (!note_made(path)) {
    mq_close(file);
    mq_unlink(path);
    errno = ENOMEM;
    return -1;
  }
  if (fchown(file, queue->user, queue->group))
    errno = 0; /* who restores has it then */
  fchmod(file, queue->mode);
  return file;
}

static int empty(mqd_t file, const PosixQueue *queue) {
  char *message = malloc(queue->size + 1);
  if (!message)
    return -ENOMEM;
  while (mq_receive(file, message, queue->size + 1, NULL) >= 0)
    ;
  free(message);
  return 0;
}

static int open_left(mqd_t *file, const PosixQueue *queue, const char *path,
                     struct hwckpt_error *error) {
  struct mq_attr facts;
  *file = mq_open(path, O_RDWR | O_NONBLOCK);
  if (*file < 0)
    return not_had(queue, errno, "mq_open", error);
  if (!mq_getattr(*file, &facts) && facts.mq_maxmsg == (long)queue->messages &&
      facts.mq_msgsize == (long)queue->size && !empty(*file, queue))
    return 0;
  mq_close(*file);
  return not_had(queue, 0, "another queue has its name", error);
}

static int make(const struct generation *generation, const PosixQueue *queue,
                size_t index, struct hwckpt_error *error) {
  char path[sizeof queue->name + 1];
  uint32_t type, priority;
  const void *data;
  size_t length;
  int failed = 0;
  snprintf(path, sizeof path, "/%s", queue->name);
  mqd_t file = create(queue, path);
  if (file < 0 && errno != EEXIST)
    return not_had(queue, errno, "making it anew", error);
  if (file < 0)
    failed = open_left(&file, queue, path, error);
  if (failed)
    return failed;
  while (
      !failed &&
      cache_reader_record(generation->reader, ++index, &type, &data, &length) &&
      type == RECORD_POSIX_MESSAGE && length >= sizeof priority) {
    memcpy(&priority, data, sizeof priority);
    if (mq_send(file, (const char *)data + sizeof priority,
                length - sizeof priority, priority))
      failed = not_had(queue, errno, "sending what was queued", error);
  }
  mq_close(file);
  return failed;
}

int posix_queues_make(const struct generation *const *parts, size_t count,
                      struct hwckpt_error *error) {
  PosixQueue queue;
  uint32_t type;
  const void *data;
  size_t length;
  int failed = 0;
  for (size_t part = 0; part < count; part++)
    for (size_t i = 0; !failed && cache_reader_record(parts[part]->reader, i,
                                                      &type, &data, &length);
         i++) {
      if (type != RECORD_POSIX_QUEUE)
        continue;
      if (!decode(data, length, &queue))
        return hwckpt_fail(error, HWCKPT_E_RECORD, 0, parts[part]->name,
                           "of a POSIX message queue");
      /* The first description of it has its messages behind it. */
      if (queue.holds)
        failed = make(parts[part], &queue, i, error);
    }
  return failed;
}
