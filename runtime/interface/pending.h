/* pending.h - events that no checkpoint has served yet, and what caused them.
 *
 * One word an event: what caused the first since the last that was served, and
 * when that was among the others. Any thread, a signal handler too, sets it by
 * one exchange and before the event's bit is set in a request (requests.h); the
 * checkpoint thread takes it. So an event that finds the word set is served by
 * the checkpoint that takes it: that has not begun.
 */
#ifndef HWCKPT_INTERFACE_PENDING_H
#define HWCKPT_INTERFACE_PENDING_H

#include "records.pb.h"

#include <stdbool.h>
#include <stdint.h>

/* What one checkpoint serves. */
struct pending {
  uint32_t events; /* bit per Event; 0: none */
  Event event;     /* the one that came first */
  uint64_t word;   /* its word, 0: it has none */
};

/* Async-signal-safe. The meaning of detail is the event's. */
void pending_post(Event event, uint32_t detail);

/* Takes those of the bits in events, but for those that served() says are
 * answered; posted: something came since the last was taken. */
struct pending pending_take(uint32_t events,
                            bool (*served)(Event event, bool posted));
/* All of the bits in events are answered. */
void pending_drop(uint32_t events);
void pending_put_back(const struct pending *taken);

static inline uint32_t pending_detail(const struct pending *taken) {
  return (uint32_t)taken->word;
}

void pending_clear(void);

#endif
