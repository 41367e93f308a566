/* replay.c - carrying out a plan: the units' frames are read and checked, and
 * their pages handed out, by any number of threads with a worker each.
 *
 * Invariant: no byte of a frame is handed out whose checksum was not compared
 * before. What is decoded into memory of the caller's may be wrong when reading
 * fails, and only then.
 */
#include "plan.h"

#include <string.h>

struct delivery {
  const struct cache_sink *sink;
  const struct span *piece, *end; /* the unit's pieces */
  /* Pages not yet delivered, so that runs across frames become one call. */
  uint64_t run_address;
  const unsigned char *run;
  size_t run_pages;
};

static uint64_t pages_of(struct span span) {
  return (span.end - span.begin) / CACHE_PAGE_SIZE;
}

static int end_run(struct delivery *delivery) {
  if (delivery->run_pages == 0)
    return 0;
  int result =
      delivery->sink->page(delivery->run_address, delivery->run,
                           delivery->run_pages, delivery->sink->context);
  delivery->run_pages = 0;
  return result;
}

static int add_to_run(struct delivery *delivery, uint64_t address,
                      const unsigned char *data, size_t count) {
  uint64_t length = (uint64_t)delivery->run_pages * CACHE_PAGE_SIZE;
  if (delivery->run_pages && delivery->run_address + length == address &&
      delivery->run + length == data) {
    delivery->run_pages += count;
    return 0;
  }
  int result = end_run(delivery);
  delivery->run_address = address;
  delivery->run = data;
  delivery->run_pages = count;
  return result;
}

/* Where frames are decoded to, when not to the worker's memory. */
struct targets {
  unsigned char *into[FRAME_BATCH];
  uint64_t address[FRAME_BATCH]; /* whose memory that is */
};

/* Where each frame that one piece holds whole may be decoded to. */
static void find_targets(const struct delivery *delivery,
                         const struct plan_unit *unit,
                         const struct plan_link *link,
                         struct targets *targets) {
  memset(targets, 0, sizeof(*targets));
  if (!delivery->sink->target)
    return;
  for (const struct span *piece = delivery->piece; piece < delivery->end;
       piece++) {
    uint64_t end = piece->slot + pages_of(*piece);
    uint64_t frame = (piece->slot + link->frame_pages - 1) / link->frame_pages;
    for (; frame < unit->first + unit->frames; frame++) {
      uint64_t slot = frame * link->frame_pages;
      uint64_t count = link->index->frames[frame].raw / CACHE_PAGE_SIZE;
      if (slot + count > end)
        break;
      unsigned i = (unsigned)(frame - unit->first);
      if (targets->into[i]) /* the same content is at two addresses */
        continue;
      targets->address[i] =
          piece->begin + (slot - piece->slot) * CACHE_PAGE_SIZE;
      targets->into[i] = delivery->sink->target(
          targets->address[i], (size_t)count, delivery->sink->context);
    }
  }
}

/* Hands out what the pieces want of the unit's frames. */
static int deliver(struct delivery *delivery, const struct plan_unit *unit,
                   unsigned frame_pages, const struct targets *targets,
                   const unsigned char *const data[FRAME_BATCH]) {
  int result = 0;
  for (const struct span *piece = delivery->piece;
       piece < delivery->end && result == 0; piece++) {
    uint64_t pages = pages_of(*piece), part;
    for (uint64_t done = 0; done < pages && result == 0; done += part) {
      uint64_t slot = piece->slot + done;
      uint64_t in_frame = slot % frame_pages;
      uint64_t frame = slot / frame_pages - unit->first;
      part = frame_pages - in_frame;
      if (part > pages - done)
        part = pages - done;
      uint64_t address = piece->begin + done * CACHE_PAGE_SIZE;
      uint64_t skip = in_frame * CACHE_PAGE_SIZE;
      bool there =
          targets->into[frame] && targets->address[frame] + skip == address;
      if (!there)
        result =
            add_to_run(delivery, address, data[frame] + skip, (size_t)part);
    }
  }
  return result ? result : end_run(delivery);
}

/* ---- workers ---- */

int cache_worker_make(struct cache_reader *reader, struct cache_worker **result,
                      struct hwckpt_error *error) {
  struct cache *cache = reader->cache;
  struct cache_worker *worker = cache->env->map(sizeof(*worker));
  *result = NULL;
  if (!worker)
    return hwckpt_fail(error, HWCKPT_E_RESTORE_MEMORY, 0, "frame decoder",
                       "%zu bytes", sizeof(*worker));
  worker->reader = reader;
  int status =
      frame_reader_open(&worker->frames, cache, reader->generation.application,
                        reader->directory, error);
  if (status < 0)
    cache_worker_close(worker);
  else
    *result = worker;
  return status;
}

int cache_worker_turn(struct cache_worker *worker,
                      const struct cache_plan *plan,
                      struct hwckpt_error *error) {
  int result = frame_reader_reserve(&worker->frames, plan->stored_max,
                                    plan->raw_max, error);
  if (result == 0)
    worker->plan = plan;
  return result;
}

int cache_worker_open(const struct cache_plan *plan,
                      struct cache_worker **result,
                      struct hwckpt_error *error) {
  struct cache_worker *worker;
  *result = NULL;
  int status = cache_worker_make(plan->reader, &worker, error);
  if (!worker)
    return status;
  status = cache_worker_turn(worker, plan, error);
  if (status < 0)
    cache_worker_close(worker);
  else
    *result = worker;
  return status;
}

void cache_worker_close(struct cache_worker *worker) {
  if (!worker)
    return;
  const struct cache_env *env = worker->reader->cache->env;
  if (worker->open)
    image_close(&worker->image);
  frame_reader_close(&worker->frames);
  env->unmap(worker, sizeof(*worker));
}

/* Opens the generation a unit is of, when it is another than the last. */
static int open_chain_link(struct cache_worker *worker, size_t chain,
                           struct hwckpt_error *error) {
  if (worker->open && worker->chain == chain)
    return 0;
  if (worker->open)
    image_close(&worker->image);
  int result = reader_open_link(worker->reader, chain, &worker->image, error);
  worker->open = result == 0;
  worker->chain = chain;
  return result;
}

int cache_plan_read(struct cache_worker *worker, size_t number,
                    const struct cache_sink *sink, struct hwckpt_error *error) {
  const struct cache_plan *plan = worker->plan;
  const struct plan_unit *unit =
      (const struct plan_unit *)plan->units.data + number;
  const struct plan_link *link =
      (const struct plan_link *)plan->links.data + unit->link;
  struct delivery delivery = {
      .sink = sink,
      .piece = spans_at(&plan->pieces) + unit->pieces,
      .end = spans_at(&plan->pieces) + unit->pieces_end,
  };
  struct targets targets;
  const unsigned char *data[FRAME_BATCH];
  int result = open_chain_link(worker, link->chain, error);
  if (result < 0)
    return result;
  find_targets(&delivery, unit, link, &targets);
  worker->frames.once = sink->once;
  result = frame_reader_read(&worker->frames, &worker->image, link->index,
                             unit->first, unit->frames,
                             sink->target ? targets.into : NULL, data, error);
  return result < 0
             ? result
             : deliver(&delivery, unit, link->frame_pages, &targets, data);
}

/* ---- single pages ---- */

/* The span that holds the address; null: none. */
static const struct span *find_span(const struct spans *spans,
                                    uint64_t address) {
  size_t i = spans_behind(spans, address);
  const struct span *at = spans_at(spans);
  return i < spans_count(spans) && at[i].begin <= address ? &at[i] : NULL;
}

static int read_slot(struct cache_worker *worker, size_t chain, uint64_t slot,
                     uint64_t address, const struct cache_sink *sink,
                     struct hwckpt_error *error) {
  const struct chain_link *link = reader_link(worker->reader, chain);
  const unsigned char *data[FRAME_BATCH];
  int result = open_chain_link(worker, chain, error);
  worker->frames.once = sink->once;
  if (result == 0)
    result = frame_reader_read(&worker->frames, &worker->image, &link->index,
                               slot / link->frame_pages, 1, NULL, data, error);
  return result < 0
             ? result
             : sink->page(address,
                          data[0] + slot % link->frame_pages * CACHE_PAGE_SIZE,
                          1, sink->context);
}

int cache_page_read(struct cache_worker *worker, uint64_t address,
                    const struct cache_sink *sink, bool *there,
                    struct hwckpt_error *error) {
  struct cache_reader *reader = worker->reader;
  *there = false;
  for (size_t i = 0; i < cache_reader_chain(reader); i++) {
    int result = reader_load_index(reader, i, error);
    if (result < 0)
      return result;
    const struct image_index *index = &reader_link(reader, i)->index;
    const struct span *span = find_span(&index->extents, address);
    if (span) {
      *there = true;
      return read_slot(worker, i,
                       span->slot + (address - span->begin) / CACHE_PAGE_SIZE,
                       address, sink, error);
    }
    if (find_span(&index->holes, address))
      return 0;
  }
  return 0;
}

static int replay(struct cache_reader *reader, const struct cache_range *wanted,
                  size_t wanted_count, bool from_flash, cache_page_fn *page,
                  void *context, struct hwckpt_error *error) {
  const struct cache_sink sink = {.page = page, .context = context};
  struct cache_plan *plan;
  struct cache_worker *worker = NULL;
  int result =
      cache_plan_make(reader, wanted, wanted_count, FRAME_BATCH, &plan, error);
  if (result == 0)
    result = cache_worker_open(plan, &worker, error);
  if (worker)
    worker->frames.from_flash = from_flash;
  size_t units = worker ? cache_plan_units(plan) : 0;
  for (size_t i = 0; result == 0 && i < units; i++)
    result = cache_plan_read(worker, i, &sink, error);
  cache_worker_close(worker);
  cache_plan_close(plan);
  return result;
}

int cache_replay(struct cache_reader *reader, const struct cache_range *wanted,
                 size_t wanted_count, cache_page_fn *page, void *context,
                 struct hwckpt_error *error) {
  return replay(reader, wanted, wanted_count, false, page, context, error);
}

static int keep_nothing(uint64_t address, const void *data, size_t count,
                        void *context) {
  (void)address, (void)data, (void)count, (void)context;
  return 0;
}

int cache_check(struct cache *cache, const char *application, uint64_t number,
                struct hwckpt_error *error) {
  const struct cache_range all = {0, UINT64_MAX - CACHE_PAGE_SIZE + 1};
  struct cache_reader *reader;
  int result = cache_reader_open(cache, application, number, &reader, error);
  if (result < 0)
    return result;
  result = replay(reader, &all, 1, true, keep_nothing, NULL, error);
  cache_reader_close(reader);
  return result;
}
