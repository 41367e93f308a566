/* handlers.c - see handlers.h. */
#include "handlers.h"

#include "../arch/arch.h"
#include "../arch/sys.h"

#define KERNEL_SA_RESTORER 0x04000000u

void signal_get_action(int number, struct sigaction_raw *action) {
  SYS(rt_sigaction, number, 0, action, 8);
}

void signal_set_handler(int number, signal_handler *handler) {
  struct sigaction_raw action = {
      .handler = (uint64_t)handler,
      .flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART | KERNEL_SA_RESTORER,
      .restorer = (uint64_t)arch_restorer,
      .mask = ~0ull,
  };
  SYS(rt_sigaction, number, &action, 0, 8);
}
