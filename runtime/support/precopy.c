/* precopy.c - see precopy.h. */
#include "precopy.h"

#include "drain.h"
#include "exclude.h"
#include "quiesce.h"

#define ROUNDS_MAX 8u
/* So few pages are copied in a fraction of a millisecond. */
#define ENOUGH 128u
/* A round that leaves more than this part of what the one before found is the
 * last: the program writes as fast as pages are copied. */
#define SHRINKS(now, before) ((now) * 4 < (before) * 3)

/* Left to the stop, fewer do not matter. */
#define MANY 512u
#define SKIP_MOST 16u

/* Pages looked at while the table of exclusions is held. */
#define STEP 512u

static void sweep_area(struct capture *capture, const struct area *area,
                       bool all) {
  capture->area = area;
  if (!dirty_sweep_begin(capture->dirty, area, all))
    return;
  struct ring *ring = capture->ring;
  uint32_t most = ring->capacity / 2 < STEP ? ring->capacity / 2 : STEP;
  for (uint64_t at = area->start; at < area->end && !drain_failed();) {
    ring_wait_room(ring, most);
    ring_touch(ring, most);
    exclude_hold();
    at = dirty_sweep(capture->dirty, area, at, most, capture_visit, capture);
    exclude_let_go();
    ring_publish(ring);
  }
}

/* One round: the number of pages it found. */
static uint64_t sweep(struct capture *capture, const struct memory_map *map,
                      bool all) {
  uint64_t before = capture->pages;
  for (size_t i = 0; i < map->count && !drain_failed(); i++)
    sweep_area(capture, &map->areas[i], all);
  return capture->pages - before;
}

static int visit_hole(enum dirty_run run, uint64_t begin, uint64_t end,
                      void *context) {
  struct capture *capture = context;
  ring_wait_room(capture->ring, 1);
  return capture_visit(run, begin, end, capture);
}

/* Once, with what the first round left: the areas are tracked then. */
static void survey(struct capture *capture, const struct memory_map *map) {
  dirty_survey_begin(capture->dirty);
  for (size_t i = 0; i < map->count && !drain_failed(); i++) {
    capture->area = &map->areas[i];
    dirty_survey(capture->dirty, capture->area, visit_hole, capture);
  }
  ring_publish(capture->ring);
}

int precopy_run(struct capture *capture, struct memory_map *map, bool all,
                struct precopy *precopy, struct hwckpt_error *error) {
  int result = 0;
  unsigned before = precopy->rounds;
  capture->live = true;
  for (bool shrinks = true; shrinks && precopy->rounds < before + ROUNDS_MAX;) {
    uint64_t begin = quiesce_now_ns();
    result = memory_map_glance(map, error);
    if (result < 0)
      break;
    unused_guess(&capture->unused, capture->dirty, map);
    uint64_t found = sweep(capture, map, all && precopy->rounds == 0);
    if (!precopy->rounds)
      survey(capture, map);
    /* What is left in the ring would be coded while the program stands still.
     */
    ring_wait_empty(capture->ring);
    precopy->pages += found;
    if (!precopy->rounds)
      precopy->first = found;
    shrinks = found > ENOUGH &&
              (precopy->rounds == before || SHRINKS(found, precopy->left));
    precopy->left = found;
    precopy->round_ns = quiesce_now_ns() - begin;
    precopy->rounds++;
  }
  capture->live = false;
  return result;
}

bool precopy_is_worth(struct precopy_worth *worth) {
  if (!worth->skip)
    return true;
  worth->skip--;
  return false;
}

void precopy_learn(struct precopy_worth *worth, uint64_t first, uint64_t rest) {
  if (!first) {
    /* It does something else now. */
    if (rest < worth->rest / 2 || rest > 2 * worth->rest)
      *worth = (struct precopy_worth){0};
  } else if (rest < MANY || SHRINKS(rest, first)) {
    *worth = (struct precopy_worth){0};
  } else if (!worth->doubted) {
    worth->doubted = true;
  } else {
    worth->skip = worth->next ? worth->next : 1;
    worth->next = worth->skip < SKIP_MOST ? 2 * worth->skip : SKIP_MOST;
    worth->rest = rest;
  }
}
