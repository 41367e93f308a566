/* pending.c - see pending.h. A word is a number in the order of events, never
 * 0, above the detail. */
#include "pending.h"

#include "../support/live.h"

#include <stdatomic.h>

#define EVENTS (_Event_MAX + 1)

static LIVE struct {
  _Atomic uint32_t order;
  _Atomic uint64_t words[EVENTS];
} pending;

static uint64_t new_word(uint32_t detail) {
  uint32_t order;
  do
    order = atomic_fetch_add(&pending.order, 1) + 1;
  while (!order);
  return (uint64_t)order << 32 | detail;
}

void pending_post(Event event, uint32_t detail) {
  uint64_t none = 0;
  if (!atomic_load(&pending.words[event]))
    atomic_compare_exchange_strong(&pending.words[event], &none,
                                   new_word(detail));
}

/* The numbers wrap around. */
static bool is_before(uint64_t word, uint64_t other) {
  return word && (!other || (int32_t)((uint32_t)(word >> 32) -
                                      (uint32_t)(other >> 32)) < 0);
}

struct pending pending_take(uint32_t events,
                            bool (*served)(Event event, bool posted)) {
  struct pending taken = {0, Event_EVENT_NONE, 0};
  for (int event = _Event_MIN + 1; event < EVENTS; event++) {
    if (!(events >> event & 1))
      continue;
    uint64_t word = atomic_exchange(&pending.words[event], 0);
    if (served((Event)event, word != 0))
      continue;
    if (!taken.events || is_before(word, taken.word)) {
      taken.event = (Event)event;
      taken.word = word;
    }
    taken.events |= 1u << event;
  }
  return taken;
}

void pending_drop(uint32_t events) {
  for (int event = _Event_MIN + 1; event < EVENTS; event++)
    if (events >> event & 1)
      atomic_store(&pending.words[event], 0);
}

void pending_put_back(const struct pending *taken) {
  for (int event = _Event_MIN + 1; event < EVENTS; event++)
    if (taken->events >> event & 1)
      pending_post((Event)event, 0);
  if (taken->word)
    atomic_store(&pending.words[taken->event], taken->word);
}

void pending_clear(void) {
  for (int event = 0; event < EVENTS; event++)
    atomic_store(&pending.words[event], 0);
}
