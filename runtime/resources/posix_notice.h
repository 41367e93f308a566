/* posix_notice.h - by which signal, and with which value, the program is told
 * of a message in a POSIX message queue (mq_notify(3)). */
#ifndef HWCKPT_RESOURCES_POSIX_NOTICE_H
#define HWCKPT_RESOURCES_POSIX_NOTICE_H

#include "resource.h"

#include <mqueue.h>

/* mq_notify(2), for interpose_threads.c: its result, or a negative errno. */
long __hwckpt_mq_notify(mqd_t queue, const struct sigevent *event);
/* libc has made the call, for a function (SIGEV_THREAD). */
void __hwckpt_mq_notified(mqd_t queue, const struct sigevent *event);

/* A thread of the runtime, all of whose signals are blocked, closes what it has
 * in a table of its own: calls that, so that nobody's notification ends. */
void posix_notice_close(void (*close)(void *context), void *context);

/* Puts a record before the descriptor's own, where this process is told by way
 * of its queue. */
int posix_notice_save(struct resource_sink *sink, const Descriptor *message,
                      struct hwckpt_error *error);

#endif
