/* posix_notice.c - see posix_notice.h.
 *
 * The kernel tells who is told by which signal, and nobody the value: what is
 * known of it is from libc's calls. A notification ends when any descriptor of
 * the queue is closed in the process that asked for it: the queue is looked at
 * elsewhere, and it is asked for again last. */
#include "posix_notice.h"

#include "../arch/sys.h"
#include "../support/live.h"
#include "../support/process_lock.h"
#include "../support/record_types.h"
#include "elsewhere.h"
#include "info.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>

#define NOTICES 256u

/* Of queues, the last each; the kernel tells whether it still stands. */
struct notice {
  int process; /* who asked; 0: free */
  uint64_t device, inode;
  int notify, signal;
  uint64_t value;
};

static LIVE struct {
  _Atomic int lock;
  uint32_t next; /* the one that goes when all are taken */
  struct notice all[NOTICES];
} notices;

/* ---- noting ---- */

static struct notice *find(int process, uint64_t device, uint64_t inode) {
  for (size_t i = 0; i < NOTICES; i++) {
    struct notice *notice = &notices.all[i];
    if (notice->process == process && notice->device == device &&
        notice->inode == inode)
      return notice;
  }
  return 0;
}

/* One that a parent has left is free. */
static struct notice *place_for(int process, uint64_t device, uint64_t inode) {
  struct notice *place = find(process, device, inode);
  for (size_t i = 0; !place && i < NOTICES; i++)
    if (notices.all[i].process != process)
      place = &notices.all[i];
  return place ? place : &notices.all[notices.next++ % NOTICES];
}

static void note(mqd_t queue, const struct sigevent *event) {
  struct stat status;
  if (SYS(fstat, queue, &status) < 0)
    return;
  int process = (int)SYS(getpid);
  struct notice *notice = place_for(process, status.st_dev, status.st_ino);
  *notice = (struct notice){.device = status.st_dev, .inode = status.st_ino};
  if (!event)
    return;
  notice->process = process;
  notice->notify = event->sigev_notify;
  notice->signal = event->sigev_signo;
  memcpy(&notice->value, &event->sigev_value, sizeof(notice->value));
}

long __hwckpt_mq_notify(mqd_t queue, const struct sigevent *event) {
  uint64_t before = process_lock_blocking(&notices.lock);
  long result = SYS(mq_notify, queue, event);
  if (result >= 0)
    note(queue, event);
  process_unlock_blocking(&notices.lock, before);
  return result;
}

void __hwckpt_mq_notified(mqd_t queue, const struct sigevent *event) {
  uint64_t before = process_lock_blocking(&notices.lock);
  note(queue, event);
  process_unlock_blocking(&notices.lock, before);
}

static bool is_any(int process) {
  for (size_t i = 0; i < NOTICES; i++)
    if (notices.all[i].process == process)
      return true;
  return false;
}

#define STACK 4096

void posix_notice_close(void (*close)(void *context), void *context) {
  _Alignas(16) char stack[STACK];
  process_lock(&notices.lock);
  if (!is_any((int)SYS(getpid)) ||
      elsewhere(stack + STACK, true, close, context) < 0)
    close(context);
  process_unlock(&notices.lock);
}

/* ---- saving ---- */

struct look {
  const char *name;
  uint64_t told; /* process, 0: nobody */
};

/* Its text is for who may read the queue. */
static void look_at_queue(void *context) {
  struct look *look = context;
  char text[128];
  long file = SYS(mq_open, look->name, O_RDONLY | O_CLOEXEC, 0, 0);
  if (file < 0)
    return;
  long length = SYS(read, file, text, sizeof(text) - 1);
  SYS(close, file);
  text[length > 0 ? length : 0] = 0;
  if (!info_number(text, "NOTIFY_PID:", 10, &look->told))
    look->told = 0;
}

int posix_notice_save(struct resource_sink *sink, const Descriptor *message,
                      struct hwckpt_error *error) {
  PosixNotice is = PosixNotice_init_zero;
  if (message->kind != DescriptorKind_DESCRIPTOR_POSIX_QUEUE)
    return 0;
  const struct notice *notice =
      find((int)SYS(getpid), message->device, message->inode);
  struct look look = {.name = message->path + 1};
  if (!notice ||
      elsewhere((char *)sink->scratch + RESOURCE_SCRATCH_DATA, false,
                look_at_queue, &look) < 0 ||
      look.told != (uint64_t)notice->process)
    return 0;
  is.number = message->number;
  is.notify = notice->notify;
  is.signal = notice->signal;
  is.value = notice->value;
  return resource_put(sink, RECORD_POSIX_NOTICE, PosixNotice_fields, &is,
                      error);
}

static int nothing_more(struct resource_sink *sink,
                        struct hwckpt_error *error) {
  (void)sink;
  (void)error;
  return 0;
}

/* ---- restoring ---- */

static void ask_again(struct resource_source *source, const PosixNotice *is) {
  struct sigevent event = {.sigev_notify = is->notify,
                           .sigev_signo = is->signal};
  memcpy(&event.sigev_value, &is->value, sizeof(event.sigev_value));
  /* In a rollback it may be there, with another value. */
  SYS(mq_notify, is->number, 0);
  /* That of libc's thread goes by a socket of libc's. */
  long result = is->notify == SIGEV_THREAD
                    ? -EOPNOTSUPP
                    : __hwckpt_mq_notify(is->number, &event);
  if (result < 0)
    resource_not_set(source, result, "POSIX message queue",
                     "descriptor %d: mq_notify", (int)is->number);
}

static int finish(struct resource_source *source, struct hwckpt_error *error) {
  int result = 0;
  for (size_t at = (size_t)-1;
       !result && resource_next(source, RECORD_POSIX_NOTICE, &at);) {
    PosixNotice is;
    result = resource_get(&source->records[at], PosixNotice_fields, &is, error);
    if (!result)
      ask_again(source, &is);
  }
  return result;
}

/* What there is to save comes with the descriptors. */
const struct resource_kind hwckpt_resource_posix_notices = {
    .name = "notifications of message queues",
    .save = nothing_more,
    .finish = finish,
};
