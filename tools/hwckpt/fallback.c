/* fallback.c - see fallback.h. The command begins anew by execve(2): what the
 * attempt has left behind, from locks to the signals it took over, is nobody's
 * business then. */
#include "fallback.h"
#include "advice.h"
#include "command.h"
#include "supervised.h"
#include "text.h"

#include "tools/tiers/copy.h"

#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool fallback_is_damage(enum hwckpt_code code) {
  return cache_is_damage(-(int)code) || code == HWCKPT_E_CHAIN_BROKEN ||
         code == HWCKPT_E_RECORD;
}

struct whole {
  uint64_t above, below, number;
};

static int visit_whole(const struct cache_generation *generation, int damage,
                       void *context) {
  struct whole *whole = context;
  if (!damage && generation->number > whole->above &&
      generation->number < whole->below)
    whole->number = generation->number;
  return 0;
}

/* Of generations that were found damaged on the way. */
#define NAMED_MAX 6
struct damaged {
  uint64_t numbers[NAMED_MAX];
  size_t count;
};

/* Opens the newest generation older than the selected one that is whole, down
 * to every page of it: generations have content in common, and with it damage.
 * Its number, 0: there is none. */
static uint64_t find_older(struct selection *selection,
                           struct generation *generation,
                           struct damaged *damaged) {
  for (struct whole whole = {selection->above, selection->number, 0};;) {
    whole.number = 0;
    if (cache_each_generation(selection->cache, selection->application,
                              visit_whole, &whole, NULL) ||
        !whole.number)
      return 0;
    if (!copy_check_cached(selection->cache, selection->application,
                           whole.number, NULL) &&
        !generation_open(selection->cache, selection->application, whole.number,
                         generation, NULL))
      return whole.number;
    if (damaged->count < NAMED_MAX)
      damaged->numbers[damaged->count] = whole.number;
    damaged->count++;
    whole.below = whole.number;
  }
}

static void say_damaged(const struct selection *selection,
                        const struct damaged *damaged) {
  char list[NAMED_MAX * 24 + 32] = "";
  size_t used = 0;
  for (size_t i = 0; i < damaged->count && i < NAMED_MAX; i++)
    used += (size_t)snprintf(list + used, sizeof list - used, "%s%" PRIu64,
                             i ? ", " : "", damaged->numbers[i]);
  if (damaged->count > NAMED_MAX)
    snprintf(list + used, sizeof list - used, " and %zu older ones",
             damaged->count - NAMED_MAX);
  if (damaged->count)
    report_note("also damaged, or holding what is: %s/%s",
                selection->application, list);
}

/* hwckpt restore OPTIONS --before N -- APP. */
static void begin_again(const struct selection *selection, uint64_t number,
                        char **argv) {
  char before[32];
  size_t count = 0;
  char **again = calloc((size_t)optind + 7, sizeof *again);
  if (!again)
    return;
  snprintf(before, sizeof before, "%" PRIu64, number + 1);
  again[count++] = "hwckpt";
  for (int i = 0; i < optind; i++)
    if (strcmp(argv[i], "--") != 0)
      again[count++] = argv[i];
  again[count++] = "--before";
  again[count++] = before;
  again[count++] = "--";
  again[count++] = (char *)selection->application;
  fflush(NULL);
  supervised_pass_on();
  execv("/proc/self/exe", again);
  free(again);
}

void fallback_take(struct selection *selection, struct generation *generation,
                   enum hwckpt_code code, bool named, char **argv) {
  char taken[32];
  generation_close(generation);
  struct damaged damaged = {.count = 0};
  uint64_t older = find_older(selection, generation, &damaged);
  say_damaged(selection, &damaged);
  if (!older)
    return;
  text_time(taken, sizeof taken, generation->info->commit_ns);
  if (!named && fallback_is_damage(code)) {
    report_note("restoring %s/%" PRIu64 " instead, taken %s: what the program "
                "did since then is done again",
                selection->application, older, taken);
    generation_close(generation);
    begin_again(selection, older, argv);
  }
  generation_close(generation);
  char which[CACHE_NAME_MAX + 32], advice[ADVICE_MAX];
  snprintf(which, sizeof which, "%s/%" PRIu64, selection->application, older);
  report_note("the newest whole one before it: %s",
              advice_restore(advice, sizeof advice, selection->path, which));
}
