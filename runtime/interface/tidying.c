/* tidying.c - see tidying.h. For each second of a processor the thread rests
 * four, so that it takes little from the program. */
#include "tidying.h"

#include "../arch/sys.h"
#include "../support/checkpoint.h"
#include "events.h"
#include "monitor.h"
#include "requests.h"
#include "settings.h"

#include <time.h>

#define REST 4u

struct tidying {
  uint64_t cpu_ns; /* of the thread, when it rested last */
};

static uint64_t own_cpu_ns(void) {
  struct timespec now = {0, 0};
  SYS(clock_gettime, CLOCK_THREAD_CPUTIME_ID, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static bool goes_on(void *context) {
  struct tidying *tidying = context;
  uint64_t now = quiesce_now_ns();
  uint64_t cpu = own_cpu_ns(), rest = (cpu - tidying->cpu_ns) * REST;
  if (now + rest > monitors_due(now))
    return false;
  requests_sleep(rest);
  tidying->cpu_ns = cpu;
  return atomic_load(&requests.word) == 0;
}

static void say_merged(const struct cache_merge_result *merged, uint64_t ns) {
  char text[256];
  hwckpt_format(text, sizeof text,
                "hwckpt: %s/%llu merged with the %u before it, %llu pages "
                "copied, in %llu ms\n",
                merged->generation.application,
                (unsigned long long)merged->generation.number,
                merged->generations - 1,
                (unsigned long long)merged->copied_pages,
                (unsigned long long)ns / 1000000u);
  events_report(text);
}

void tidying_do(void) {
  struct hwckpt_error error;
  struct tidying tidying = {own_cpu_ns()};
  struct cache_merge_result merged;
  uint64_t begin = quiesce_now_ns();
  int status = checkpoint_tidy(goes_on, &tidying, &merged, &error);
  if (status < 0 && status != -HWCKPT_E_CACHE_BUSY)
    events_say(&error);
  if (merged.merged && settings.options.verbosity > 0)
    say_merged(&merged, quiesce_now_ns() - begin);
}
