/* hook_costs.c - see hook_costs.h.
 *
 * Invariant: the runtime itself measures, as for hook=auto. It is loaded in a
 * child process, which it keeps: it handles signals there. */
#include "hook_costs.h"
#include "intrinsics/hwckpt_isa.h"
#include "own_file.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct costs {
  unsigned long times[HWCKPT_ENTER_COUNT]; /* nanoseconds; 0: not here */
  int cheapest;                            /* HWCKPT_ENTER_* */
};

static const struct {
  const char *hooks;
  const char *option; /* what hook=auto takes is called so */
} entries[HWCKPT_ENTER_COUNT] = {
    [HWCKPT_ENTER_TRAP] = {"trap, insn", "trap"},
    [HWCKPT_ENTER_SYSCALL] = {"syscall", "syscall"},
    [HWCKPT_ENTER_INTERRUPT] = {"interrupt", "interrupt"},
};

static _Noreturn void measure(const char *runtime, int to) {
  struct costs costs;
  int (*measure_hooks)(unsigned long *) = NULL;
  unsetenv("HWCKPT_OPTIONS");
  void *library = dlopen(runtime, RTLD_NOW | RTLD_LOCAL);
  void *symbol = library ? dlsym(library, HWCKPT_MEASURE_SYMBOL) : NULL;
  if (!symbol)
    _exit(1);
  memcpy(&measure_hooks, &symbol, sizeof symbol);
  costs.cheapest = measure_hooks(costs.times);
  _exit(write(to, &costs, sizeof costs) != (ssize_t)sizeof costs);
}

static bool read_costs(struct costs *costs) {
  char runtime[CACHE_PATH_MAX];
  int ends[2], status;
  if (own_file("hwckpt-preload.so", runtime) != 0 || pipe(ends) != 0)
    return false;
  pid_t child = fork();
  if (child == 0)
    measure(runtime, ends[1]);
  close(ends[1]);
  bool known = child > 0 &&
               read(ends[0], costs, sizeof *costs) == (ssize_t)sizeof *costs;
  close(ends[0]);
  while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
    ;
  return known && costs->cheapest >= 0 && costs->cheapest < HWCKPT_ENTER_COUNT;
}

void hook_costs_say(void) {
  struct costs costs;
  fflush(stdout);
  if (!read_costs(&costs)) {
    printf("%-13s not measured: the runtime cannot be loaded\n", "hooks");
    return;
  }
  for (int i = 0; i < HWCKPT_ENTER_COUNT; i++)
    if (costs.times[i])
      printf("%-13s %-10s %.6f ms to enter the runtime and come back\n",
             i ? "" : "hooks", entries[i].hooks, (double)costs.times[i] / 1e6);
    else
      printf("%-13s %-10s not here: the instruction ud1 does its work\n",
             i ? "" : "hooks", entries[i].hooks);
  printf("%-13s hook=auto takes %s\n", "", entries[costs.cheapest].option);
}
