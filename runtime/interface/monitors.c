/* monitors.c - all monitors; see monitor.h. A new one is a file and a row. */
#include "monitor.h"

static const struct monitor *const monitors[] = {&watch_monitor};
#define MONITORS (sizeof monitors / sizeof *monitors)

bool monitors_wanted(void) {
  for (size_t i = 0; i < MONITORS; i++)
    if (monitors[i]->wanted())
      return true;
  return false;
}

void monitors_start(const struct hwckpt_options *options) {
  for (size_t i = 0; i < MONITORS; i++)
    monitors[i]->start(options);
}

void monitors_stop(void) {
  for (size_t i = 0; i < MONITORS; i++)
    monitors[i]->stop();
}

bool monitors_trap(const siginfo_t *info) {
  for (size_t i = 0; i < MONITORS; i++)
    if (monitors[i]->trap && monitors[i]->trap(info))
      return true;
  return false;
}

void monitors_describe(Event event, uint32_t detail, char *text, size_t size) {
  *text = 0;
  for (size_t i = 0; i < MONITORS; i++)
    if (monitors[i]->event == event)
      monitors[i]->describe(detail, text, size);
}

void monitors_forget(void) {
  for (size_t i = 0; i < MONITORS; i++)
    monitors[i]->forget();
}
