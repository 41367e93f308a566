/* handlers.h - signal handlers as the kernel knows them, without libc between.
 * Async-signal-safe. */
#ifndef HWCKPT_SUPPORT_HANDLERS_H
#define HWCKPT_SUPPORT_HANDLERS_H

#include <signal.h>
#include <stdint.h>

/* The kernel's struct sigaction (rt_sigaction(2), 8-byte mask). */
struct sigaction_raw {
  uint64_t handler, flags, restorer, mask;
};

/* By which threads are stopped, and the runtime is asked from outside: libc's
 * own (setuid() in all threads), which programs cannot handle. */
#define STOP_SIGNAL 33

typedef void signal_handler(int number, siginfo_t *info, void *context);

void signal_get_action(int number, struct sigaction_raw *action);
/* Installs a handler that runs with every signal blocked, on the alternate
 * stack where there is one, and restarts system calls. */
void signal_set_handler(int number, signal_handler *handler);
/* Those in which threads stand, as far as they are installed, leave these open
 * from now on (bit n - 1 is signal n); 0: none. */
void signal_open_handlers(uint64_t open);

/* Held with all signals blocked, so that no thread is stopped with it; a child
 * that was forked meanwhile takes it. The mask is that of before, and that of
 * after. */
uint64_t signal_actions_lock(void);
void signal_actions_unlock(uint64_t mask);

#endif
