/* handlers.c - see handlers.h. */
#include "handlers.h"

#include "../arch/arch.h"
#include "../arch/sys.h"
#include "live.h"
#include "process_lock.h"

#define KERNEL_SA_RESTORER 0x04000000u

/* The stop signal, and those of sites and of the other ways in. */
static struct standing {
  int number;
  signal_handler *handler;
} standing[] = {{STOP_SIGNAL, 0}, {SIGTRAP, 0}, {SIGILL, 0}, {SIGSYS, 0}};
#define COUNT (sizeof standing / sizeof *standing)

void signal_get_action(int number, struct sigaction_raw *action) {
  SYS(rt_sigaction, number, 0, action, 8);
}

static void set(int number, signal_handler *handler, uint64_t open) {
  struct sigaction_raw action = {
      .handler = (uint64_t)handler,
      .flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART | KERNEL_SA_RESTORER,
      .restorer = (uint64_t)arch_restorer,
      .mask = ~open,
  };
  SYS(rt_sigaction, number, &action, 0, 8);
}

void signal_set_handler(int number, signal_handler *handler) {
  for (unsigned i = 0; i < COUNT; i++)
    if (standing[i].number == number)
      standing[i].handler = handler;
  set(number, handler, 0);
}

/* Not where another was set by other means. */
void signal_open_handlers(uint64_t open) {
  for (unsigned i = 0; i < COUNT; i++) {
    struct sigaction_raw now = {0};
    if (!standing[i].handler)
      continue;
    signal_get_action(standing[i].number, &now);
    if (now.handler == (uint64_t)standing[i].handler)
      set(standing[i].number, standing[i].handler, open);
  }
}

static LIVE _Atomic int lock;

uint64_t signal_actions_lock(void) { return process_lock_blocking(&lock); }

void signal_actions_unlock(uint64_t mask) {
  process_unlock_blocking(&lock, mask);
}
