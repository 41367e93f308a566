/* What is merged in the background is merged at the idle priority of input and
 * output, and no more than that: the thread has its own again as soon as
 * somebody waits for the rest of it, and when it is done, however it ended. The
 * code of the runtime runs on this thread, what it calls looks at it. */
// RUN: %unit/background_priority
// RUN: %unit/sanitized/background_priority
#define cache_merge look_merge
#define cache_retain look_retain
/* NOLINTNEXTLINE(bugprone-suspicious-include): what it calls is below */
#include "../../runtime/support/checkpoint_tidy.c"

#include "Inputs/unit.h"

#define BEST_EFFORT (2u << 13)
#define OWN (BEST_EFFORT | 6)
#define ASKED 3 /* times that a merge asks whether to go on */

struct checkpoint_state checkpoint;
static unsigned merges, retains, asked, refuse_at; /* 0: never */
static int outcome;
static bool due, over_quota;

static void has(long priority) {
  long now = SYS(ioprio_get, IOPRIO_THREAD, 0);
  if (now != priority)
    fprintf(stderr, "priority %#lx, wanted %#lx\n", now, priority);
  CHECK(now == priority);
}

static bool go_on(void *context) {
  CHECK(context == &asked);
  has(IOPRIO_IDLE);
  return ++asked != refuse_at;
}

int look_merge(struct cache *cache, const char *application,
               const struct cache_merge_options *options,
               struct cache_merge_result *merged, struct hwckpt_error *error) {
  (void)cache, (void)error;
  CHECK(application == checkpoint.application);
  merges++;
  has(IOPRIO_IDLE);
  for (unsigned i = 0; i < ASKED; i++)
    if (!options->go_on(options->context)) {
      has(OWN); /* what is left is waited for */
      break;
    }
  CHECK(asked == (refuse_at ? refuse_at : merges * ASKED));
  *merged = (struct cache_merge_result){.merged = outcome == 0 &&
                                                  (due || options->always)};
  if (merged->merged)
    over_quota = false;
  return outcome;
}

int look_retain(struct cache *cache, const char *application,
                const struct cache_retention *retention,
                struct hwckpt_error *error) {
  (void)cache, (void)application, (void)retention, (void)error;
  has(OWN);
  retains++;
  return over_quota ? -HWCKPT_E_CACHE_QUOTA : 0;
}

int parts_retain(struct cache *cache, const char *application,
                 struct hwckpt_error *error) {
  (void)cache, (void)application, (void)error;
  has(OWN);
  return 0;
}

void undo_retain(void) { has(OWN); }

static void tidy(int result, unsigned refuse, unsigned times) {
  struct cache_merge_result merged;
  struct hwckpt_error error;
  merges = retains = asked = 0;
  outcome = result;
  refuse_at = refuse;
  checkpoint.deltas = 5;
  has(OWN);
  CHECK(checkpoint_tidy(go_on, &asked, &merged, &error) == result);
  has(OWN);
  CHECK(merges == times && merged.merged == (result == 0));
  CHECK((retains > 0) == (result == 0));
}

int main(void) {
  CHECK(SYS(ioprio_set, IOPRIO_THREAD, 0, OWN) == 0);
  strcpy(checkpoint.application, "solver");
  due = true;
  tidy(0, 0, 1);
  tidy(0, 2, 1);
  tidy(-HWCKPT_E_CACHE_DAMAGED, 0, 1);
  tidy(-HWCKPT_E_CACHE_BUSY, 1, 1);
  /* Not due, but for the quota. */
  due = false;
  over_quota = true;
  checkpoint.options.retention.quota = 1;
  tidy(0, 0, 2);
  return 0;
}
