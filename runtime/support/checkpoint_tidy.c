/* checkpoint_tidy.c - the cache between two checkpoints: deltas are merged,
 * what retention does not keep is removed. See checkpoint.h.
 */
#include "checkpoint_state.h"

#include "../arch/sys.h"
#include "parts.h"
#include "undo.h"

#define IOPRIO_THREAD 1
#define IOPRIO_IDLE (3u << 13)

/* Work in the background: the device serves everybody else first, until the
 * rest of it is waited for. The processor is left to others by whoever is asked
 * to go on: to wait at a lower priority could not be taken back without
 * rights. */
struct background {
  bool (*go_on)(void *context);
  void *context;
  long priority; /* before, or an error */
};

static void begin_background(struct background *background) {
  background->priority = SYS(ioprio_get, IOPRIO_THREAD, 0);
  if (background->priority >= 0)
    SYS(ioprio_set, IOPRIO_THREAD, 0, IOPRIO_IDLE);
}

static void end_background(struct background *background) {
  if (background->priority >= 0)
    SYS(ioprio_set, IOPRIO_THREAD, 0, background->priority);
  background->priority = -1;
}

static bool background_goes_on(void *context) {
  struct background *background = context;
  bool on = background->go_on(background->context);
  if (!on)
    end_background(background);
  return on;
}

/* What turns out to be damaged is not built on any more, nor referred to. */
static int merge(bool always, struct background *background,
                 struct cache_merge_result *merged,
                 struct hwckpt_error *error) {
  const struct cache_merge_options options = {
      .level = checkpoint.options.level,
      .always = always,
      .extra_reads = checkpoint.options.extra_reads,
      .go_on = background_goes_on,
      .context = background,
  };
  begin_background(background);
  int status = cache_merge(checkpoint.cache, checkpoint.application, &options,
                           merged, error);
  end_background(background);
  if (merged->merged)
    checkpoint.deltas = 0;
  if (cache_is_damage(status) || status == -HWCKPT_E_CHAIN_BROKEN) {
    checkpoint.newest = 0;
    checkpoint.damaged = true;
  }
  return status;
}

/* Of a part only what the whole does not name any more is removed, by whoever
 * writes that. */
static bool is_part(void) {
  const char *at = checkpoint.application;
  while (*at && *at != '/')
    at++;
  return *at != 0;
}

static int retain(struct hwckpt_error *error) {
  if (is_part())
    return 0;
  int status = cache_retain(checkpoint.cache, checkpoint.application,
                            &checkpoint.options.retention, error);
  undo_retain();
  if (status < 0 && status != -HWCKPT_E_CACHE_QUOTA)
    return status;
  /* What the parts have counts, and goes with what named it. */
  int parts = parts_retain(checkpoint.cache, checkpoint.application,
                           status < 0 ? 0 : error);
  if (parts == 0 && status < 0)
    return cache_retain(checkpoint.cache, checkpoint.application,
                        &checkpoint.options.retention, error);
  return status < 0 ? status : parts;
}

int checkpoint_tidy(bool (*go_on)(void *context), void *context,
                    struct cache_merge_result *merged,
                    struct hwckpt_error *error) {
  struct background background = {go_on, context, -1};
  int status = merge(false, &background, merged, error);
  if (status < 0)
    return status;
  if (checkpoint.deltas == 0 || checkpoint.options.retention.quota ||
      checkpoint.options.retention.shared_quota)
    status = retain(error);
  /* What the newest ones hold of older ones is not all needed. */
  if (status == -HWCKPT_E_CACHE_QUOTA && checkpoint.deltas &&
      merge(true, &background, merged, 0) == 0 && merged->merged)
    status = retain(error);
  return status;
}

bool checkpoint_turn_take(void) {
  return !checkpoint.cache || cache_turn_take(checkpoint.cache);
}

void checkpoint_turn_end(void) {
  if (checkpoint.cache)
    cache_turn_end(checkpoint.cache);
}
