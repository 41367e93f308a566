/* plan.c - making a plan: the chain is resolved, once, into units to be read.
 *
 * The chain is walked from the newest generation to the base with the list of
 * what is still wanted: what a generation has of it becomes pieces, what it has
 * or says to be a hole is struck from the list. A frame from which nothing is
 * wanted is in no unit, so overwritten data costs nothing, and work follows the
 * number of extents, never the size of the address space.
 */
#include "plan.h"

#include <errno.h>
#include <string.h>

/* A frame's number in the slot of a span: two neighbours then never look as if
 * one went on in the other. */
#define FRAME_SHIFT 32
#define FRAMES_MAX UINT32_MAX /* in all links */

struct planning {
  struct cache_plan *plan;
  struct hwckpt_error *error;
  struct spans wanted;      /* still to be found, ascending and disjoint */
  struct spans rest, after; /* of it, while a generation is looked at */
  struct spans found;       /* what the generation has of it */
  uint64_t frames;          /* of all links so far */
};

static int fail_memory(const struct planning *planning) {
  return hwckpt_fail(planning->error, HWCKPT_E_RESTORE_MEMORY, 0,
                     planning->plan->reader->generation.application,
                     "lists of pages to restore");
}

static uint64_t pages_of(struct span span) {
  return (span.end - span.begin) / CACHE_PAGE_SIZE;
}

/* ---- one generation ---- */

/* Strikes from the list what the generation has of it or says to be a hole. */
static bool find_pieces(struct planning *planning,
                        const struct image_index *index) {
  const struct cache_env *env = planning->plan->env;
  planning->rest.buffer.length = planning->after.buffer.length = 0;
  planning->found.buffer.length = 0;
  if (!spans_divide(env, &planning->wanted, &index->extents, &planning->found,
                    &planning->rest) ||
      !spans_divide(env, &planning->rest, &index->holes, NULL,
                    &planning->after))
    return false;
  struct spans swap = planning->wanted;
  planning->wanted = planning->after;
  planning->after = swap;
  return true;
}

/* Says which unit the unit's frames are in. */
static void note_unit(const struct cache_plan *plan,
                      const struct plan_link *link,
                      const struct plan_unit *unit, size_t number) {
  uint32_t *unit_of = plan->unit_of.data;
  for (uint64_t i = 0; i < unit->frames; i++)
    unit_of[link->first + unit->first + i] = (uint32_t)number;
}

static bool end_unit(struct cache_plan *plan, const struct plan_link *link,
                     const struct plan_unit *unit) {
  if (unit->frames == 0)
    return true;
  const struct format_frame *first = &link->index->frames[unit->first];
  const struct format_frame *last = first + unit->frames - 1;
  size_t stored = (size_t)(last->offset + last->stored - first->offset);
  size_t raw = (size_t)unit->frames * link->frame_pages * CACHE_PAGE_SIZE;
  if (stored > plan->stored_max)
    plan->stored_max = stored;
  if (raw > plan->raw_max)
    plan->raw_max = raw;
  note_unit(plan, link, unit, plan->units.length / sizeof(*unit));
  return buffer_append(plan->env, &plan->units, unit, sizeof(*unit));
}

/* Whether the unit can go on with the frame: it is in it, or the next, and lies
 * right behind it. */
static bool goes_on(const struct plan_link *link, const struct plan_unit *unit,
                    uint64_t frame, uint64_t most) {
  const struct format_frame *frames = link->index->frames;
  uint64_t end = unit->first + unit->frames;
  return frame < end || (frame == end && unit->frames < most &&
                         frame_follows(&frames[frame - 1], &frames[frame]));
}

/* Makes pieces of one frame each, ascending by slot. Several may be of the same
 * frame and of the same pages of it. Before, ascending by address, they are
 * noted for who looks for a page. */
static bool cut_pieces(struct planning *planning,
                       const struct plan_link *link) {
  struct cache_plan *plan = planning->plan;
  const struct cache_env *env = plan->env;
  planning->rest.buffer.length = 0;
  for (size_t i = 0; i < spans_count(&planning->found); i++) {
    struct span piece = spans_at(&planning->found)[i];
    while (piece.begin < piece.end) {
      uint64_t count = link->frame_pages - piece.slot % link->frame_pages;
      uint64_t frame = link->first + piece.slot / link->frame_pages;
      struct span part = piece;
      if (count < pages_of(piece))
        part.end = part.begin + count * CACHE_PAGE_SIZE;
      struct span place = {part.begin, part.end, frame << FRAME_SHIFT};
      plan->pages += pages_of(part);
      if (!buffer_append(env, &planning->rest.buffer, &part, sizeof(part)) ||
          !buffer_append(env, &plan->by_address.buffer, &place, sizeof(place)))
        return false;
      piece.begin = part.end;
      piece.slot += count;
    }
  }
  struct spans swap = planning->found;
  planning->found = planning->rest;
  planning->rest = swap;
  return spans_sort_by_slot(env, &planning->found);
}

/* Puts the pieces into units. */
static bool make_units(struct planning *planning, size_t number,
                       const struct plan_link *link) {
  struct cache_plan *plan = planning->plan;
  struct plan_unit unit = {.link = (uint32_t)number};
  size_t before = spans_count(&plan->pieces);
  size_t count = spans_count(&planning->found);
  for (size_t i = 0; i < count; i++) {
    uint64_t frame = spans_at(&planning->found)[i].slot / link->frame_pages;
    if (unit.frames == 0 || !goes_on(link, &unit, frame, plan->unit_frames)) {
      if (!end_unit(plan, link, &unit))
        return false;
      unit = (struct plan_unit){(uint32_t)number, 1, frame, before + i,
                                before + i};
    }
    if (frame == unit.first + unit.frames)
      unit.frames++;
    unit.pieces_end++;
  }
  return end_unit(plan, link, &unit) &&
         buffer_append(plan->env, &plan->pieces.buffer,
                       planning->found.buffer.data,
                       count * sizeof(struct span));
}

/* Numbers so many frames more. */
static bool number_frames(struct planning *planning, uint64_t count) {
  struct cache_plan *plan = planning->plan;
  if (count > FRAMES_MAX - planning->frames)
    return false;
  planning->frames += count;
  size_t length = (size_t)planning->frames * sizeof(uint32_t);
  bool room = buffer_reserve(plan->env, &plan->unit_of, length);
  if (room)
    plan->unit_of.length = length;
  return room;
}

/* ---- the chain ---- */

static int plan_link(struct planning *planning, size_t chain) {
  struct cache_plan *plan = planning->plan;
  int result = reader_load_index(plan->reader, chain, planning->error);
  if (result < 0)
    return result;
  const struct chain_link *of = reader_link(plan->reader, chain);
  struct plan_link link = {.chain = chain,
                           .frame_pages = of->frame_pages,
                           .index = &of->index,
                           .first = planning->frames};
  size_t number = plan->links.length / sizeof(link);
  if (!find_pieces(planning, &of->index))
    return fail_memory(planning);
  if (spans_count(&planning->found) == 0)
    return 0;
  if (!number_frames(planning, of->page_frames) ||
      !cut_pieces(planning, &link) || !make_units(planning, number, &link) ||
      !buffer_append(plan->env, &plan->links, &link, sizeof(link)))
    return fail_memory(planning);
  return 0;
}

static int take_wanted(struct planning *planning,
                       const struct cache_range *wanted, size_t count) {
  uint64_t end = 0;
  for (size_t i = 0; i < count; i++) {
    struct cache_range range = wanted[i];
    if ((range.begin | range.end) % CACHE_PAGE_SIZE || range.begin < end ||
        range.begin > range.end)
      return hwckpt_fail(planning->error, HWCKPT_E_RECORD, EINVAL,
                         planning->plan->reader->generation.application,
                         "range 0x%llx-0x%llx is not of pages, or not behind "
                         "the one before",
                         (unsigned long long)range.begin,
                         (unsigned long long)range.end);
    end = range.end;
    struct span span = {range.begin, range.end, SPAN_NO_SLOT};
    if (range.begin < range.end &&
        !spans_append(planning->plan->env, &planning->wanted, span))
      return fail_memory(planning);
  }
  return 0;
}

static int resolve(struct planning *planning, const struct cache_range *wanted,
                   size_t count) {
  struct cache_plan *plan = planning->plan;
  int result = take_wanted(planning, wanted, count);
  for (size_t i = 0; i < cache_reader_chain(plan->reader) && result == 0; i++) {
    if (spans_count(&planning->wanted) == 0)
      break;
    result = plan_link(planning, i);
  }
  if (result == 0 && !spans_resolve(plan->env, &plan->by_address))
    result = fail_memory(planning);
  return result;
}

int cache_plan_make(struct cache_reader *reader,
                    const struct cache_range *wanted, size_t wanted_count,
                    unsigned unit_frames, struct cache_plan **result,
                    struct hwckpt_error *error) {
  const struct cache_env *env = reader->cache->env;
  struct cache_plan *plan = env->map(sizeof(*plan));
  *result = NULL;
  if (!plan)
    return hwckpt_fail(error, HWCKPT_E_RESTORE_MEMORY, 0,
                       reader->generation.application, "plan");
  plan->reader = reader;
  plan->env = env;
  plan->unit_frames = unit_frames < 1             ? 1
                      : unit_frames > FRAME_BATCH ? FRAME_BATCH
                                                  : unit_frames;
  struct planning planning = {.plan = plan, .error = error};
  int status = resolve(&planning, wanted, wanted_count);
  spans_free(env, &planning.wanted);
  spans_free(env, &planning.rest);
  spans_free(env, &planning.after);
  spans_free(env, &planning.found);
  if (status < 0)
    cache_plan_close(plan);
  else
    *result = plan;
  return status;
}

void cache_plan_close(struct cache_plan *plan) {
  if (!plan)
    return;
  const struct cache_env *env = plan->env;
  buffer_free(env, &plan->links);
  buffer_free(env, &plan->unit_of);
  buffer_free(env, &plan->units);
  spans_free(env, &plan->pieces);
  spans_free(env, &plan->by_address);
  env->unmap(plan, sizeof(*plan));
}

/* ---- asking ---- */

size_t cache_plan_units(const struct cache_plan *plan) {
  return plan->units.length / sizeof(struct plan_unit);
}

uint64_t cache_plan_pages(const struct cache_plan *plan) { return plan->pages; }

size_t cache_plan_find(const struct cache_plan *plan, uint64_t address) {
  const struct span *spans = spans_at(&plan->by_address);
  const uint32_t *unit_of = plan->unit_of.data;
  size_t i = spans_behind(&plan->by_address, address);
  return i < spans_count(&plan->by_address) && spans[i].begin <= address
             ? unit_of[spans[i].slot >> FRAME_SHIFT]
             : CACHE_NO_UNIT;
}

bool cache_plan_run(const struct cache_plan *plan, uint64_t from,
                    struct cache_range *run) {
  const struct span *spans = spans_at(&plan->by_address);
  size_t i = spans_behind(&plan->by_address, from),
         count = spans_count(&plan->by_address);
  if (i == count)
    return false;
  run->begin = spans[i].begin > from ? spans[i].begin : from;
  run->end = spans[i].end;
  while (++i < count && spans[i].begin == run->end)
    run->end = spans[i].end;
  return true;
}

int cache_plan_each_place(const struct cache_plan *plan,
                          int (*visit)(const struct cache_log_run *run,
                                       void *context),
                          void *context) {
  const struct plan_link *links = plan->links.data;
  const struct plan_unit *units = plan->units.data;
  const struct span *pieces = spans_at(&plan->pieces);
  int result = 0;
  for (size_t i = 0; i < cache_plan_units(plan); i++) {
    const struct plan_link *link = &links[units[i].link];
    for (size_t j = units[i].pieces; j < units[i].pieces_end && !result; j++) {
      const struct format_frame *frame =
          &link->index->frames[pieces[j].slot / link->frame_pages];
      const struct cache_log_run run = {
          .address = pieces[j].begin,
          .frame = frame->offset,
          .segment = frame->segment,
          .first = (unsigned)(pieces[j].slot % link->frame_pages),
          .count = (unsigned)pages_of(pieces[j])};
      if (run.segment && reader_link(plan->reader, link->chain)->in_log &&
          link->frame_pages <= CACHE_LOG_FRAME)
        result = visit(&run, context);
    }
  }
  return result;
}
