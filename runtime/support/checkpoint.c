/* checkpoint.c - one checkpoint from the stop to the commit. See checkpoint.h.
 *
 * Order: begin the generation, stop the threads, describe kernel objects, scan
 * and copy pages to the stage, let the threads go on, write, commit. What
 * cannot come back is found before the scan. When anything fails after that,
 * pages may have lost their written mark without being stored, so the next
 * generation is a base again.
 */
#include "checkpoint.h"

#include "../arch/arch.h"
#include "../arch/sys.h"
#include "../resources/resource.h"
#include "describe.h"
#include "exclude.h"
#include "private.h"
#include "program_stderr.h"
#include "stage.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

static struct {
  struct checkpoint_options options;
  struct cache *cache;
  struct dirty dirty;
  struct memory_map map;
  struct stage stage; /* pages, and the records of kernel objects */
  struct stage head;  /* the records before and after those */
  struct resource_sink sink;
  struct thread_fact *threads; /* QUIESCE_THREADS_MAX, for the sink */
  uint64_t newest;             /* last generation committed here, 0: none */
  unsigned deltas;             /* since the base */
  bool scanned;                /* for the generation that is being taken */
  char application[CACHE_NAME_MAX];
  bool named;
  bool warned;
} checkpoint;

static int sink_put(struct resource_sink *sink, uint32_t type, const void *data,
                    size_t length, struct hwckpt_error *error) {
  (void)sink;
  return stage_record(&checkpoint.stage, type, data, length, error);
}

/* Said once a program, not at every checkpoint. */
static void sink_warn(struct resource_sink *sink,
                      const struct hwckpt_error *error) {
  (void)sink;
  char text[1400];
  if (checkpoint.warned)
    return;
  size_t length =
      hwckpt_error_text(error, "hwckpt: warning", text, sizeof text);
  program_stderr_borrow();
  SYS(write, 2, text, length);
  program_stderr_return();
}

void checkpoint_remember(void) { resources_begin(); }

void checkpoint_own_filter(void) { resources_own_filter(); }

int checkpoint_open(const struct checkpoint_options *options,
                    struct hwckpt_error *error) {
  checkpoint.options = *options;
  describe_remember_program();
  int result = cache_open(&private_cache_env, options->cache, true,
                          &checkpoint.cache, error);
  if (result == 0)
    result = dirty_open(&checkpoint.dirty, options->track, error);
  if (result == 0)
    result = memory_map_open(&checkpoint.map, error);
  if (result == 0)
    result = stage_open(&checkpoint.stage, options->stage_bytes, error);
  if (result == 0)
    result = stage_open(&checkpoint.head, CACHE_PAGE_SIZE, error);
  if (result < 0)
    return result;
  hwckpt_format(checkpoint.application, sizeof checkpoint.application, "%s",
                options->application);
  checkpoint.named = options->application_exists;
  checkpoint.sink.put = sink_put;
  checkpoint.sink.warn = sink_warn;
  checkpoint.sink.go_on = options->go_on;
  checkpoint.sink.scratch = private_map(RESOURCE_SCRATCH);
  checkpoint.sink.pidfd = (int)SYS(pidfd_open, SYS(getpid), 0);
  checkpoint.threads =
      private_map(QUIESCE_THREADS_MAX * sizeof *checkpoint.threads);
  if (!checkpoint.sink.scratch || !checkpoint.threads)
    return hwckpt_fail(error, HWCKPT_E_CAPTURE_MEMORY, ENOMEM, "records", "");
  return 0;
}

/* The program's name, as the kernel shortens it, names its application. */
static int name_application(struct hwckpt_error *error) {
  if (checkpoint.named)
    return 0;
  char program[4096];
  const char *base = program;
  int result;
  if (checkpoint.application[0]) {
    result =
        cache_use_application(checkpoint.cache, checkpoint.application, error);
  } else {
    long length = SYS(readlinkat, AT_FDCWD, "/proc/self/exe", program,
                      sizeof program - 1);
    program[length > 0 ? length : 0] = 0;
    for (const char *p = program; *p; p++)
      if (*p == '/')
        base = p + 1;
    result = cache_new_application(checkpoint.cache, *base ? base : "program",
                                   checkpoint.application, error);
  }
  checkpoint.named = result == 0;
  return result;
}

struct copy {
  const struct area *area;
  Statistics *statistics;
  struct hwckpt_error *error;
};

static int copy_pages(const struct copy *copy, uint64_t begin, uint64_t end,
                      unsigned flags) {
  copy->statistics->pages_written += (end - begin) / CACHE_PAGE_SIZE;
  if (copy->area->protection & 1 /* PROT_READ */)
    flags |= STAGE_READABLE;
  if (copy->area->type == AREA_TYPE_FILE_PRIVATE)
    flags |= STAGE_KEEP_ZERO;
  return stage_pages(&checkpoint.stage, begin, end, flags, copy->error);
}

/* Pages of which nothing is stored. */
static int leave_out(const struct copy *copy, uint64_t begin, uint64_t end) {
  if (copy->area->type == AREA_TYPE_FILE_PRIVATE)
    return copy_pages(copy, begin, end, STAGE_ZERO);
  return stage_hole(&checkpoint.stage, begin, end, copy->error);
}

/* A page of which a part is stored. */
static int copy_part(const struct copy *copy, uint64_t page) {
  int result = copy_pages(copy, page, page + CACHE_PAGE_SIZE, 0);
  uint64_t at = page, from, to;
  while (result == 0 && exclude_in(at, page + CACHE_PAGE_SIZE, &from, &to)) {
    stage_clear_bytes(&checkpoint.stage, from, to);
    at = to;
  }
  return result;
}

static int copy_run(enum dirty_run run, uint64_t begin, uint64_t end,
                    void *context) {
  struct copy *copy = context;
  if (run == DIRTY_HOLE)
    return stage_hole(&checkpoint.stage, begin, end, copy->error);
  int result = 0;
  uint64_t from, to;
  while (result == 0 && begin < end && exclude_in(begin, end, &from, &to)) {
    uint64_t page = from & ~(uint64_t)(CACHE_PAGE_SIZE - 1);
    if (page > begin)
      result = copy_pages(copy, begin, page, 0);
    begin = page;
    if (result < 0)
      break;
    to &= ~(uint64_t)(CACHE_PAGE_SIZE - 1);
    if (from == page && to > page) {
      result = leave_out(copy, page, to);
      begin = to;
    } else {
      result = copy_part(copy, page);
      begin += CACHE_PAGE_SIZE;
    }
  }
  return result == 0 && begin < end ? copy_pages(copy, begin, end, 0) : result;
}

/* A mapped file that has no name any more is nowhere to be mapped from. */
static int refuse_deleted(const struct memory_map *map,
                          struct hwckpt_error *error) {
  for (size_t i = 0; i < map->count; i++) {
    const struct area *area = &map->areas[i];
    if (area->deleted && (area->type == AREA_TYPE_FILE_PRIVATE ||
                          area->type == AREA_TYPE_FILE_SHARED))
      return hwckpt_fail(error, HWCKPT_E_NOT_RESTORABLE, 0, area->name,
                         "a deleted file is mapped at %llx",
                         (unsigned long long)area->start);
  }
  return 0;
}

static int copy_memory(bool base, Statistics *statistics,
                       struct hwckpt_error *error) {
  checkpoint.scanned = true;
  int result = exclude_prepare(&checkpoint.dirty, &checkpoint.map, error);
  for (size_t i = 0; result == 0 && i < checkpoint.map.count; i++) {
    const struct area *area = &checkpoint.map.areas[i];
    statistics->pages_scanned += (area->end - area->start) / CACHE_PAGE_SIZE;
    if (area->type == AREA_TYPE_KERNEL || area->type == AREA_TYPE_FILE_SHARED)
      continue;
    struct copy copy = {area, statistics, error};
    result = dirty_scan(&checkpoint.dirty, area, base, copy_run, &copy, error);
  }
  return result;
}

static int save_resources(const struct parked *threads, unsigned count,
                          struct hwckpt_error *error) {
  for (unsigned i = 0; i < count; i++)
    checkpoint.threads[i] = (struct thread_fact){
        threads[i].tid, arch_context_sigmask(threads[i].context)};
  checkpoint.sink.threads = checkpoint.threads;
  checkpoint.sink.thread_count = count;
  return resources_save(&checkpoint.sink, error);
}

/* Everything between the stop and the resume. */
static int capture(bool base, const struct parked *threads, unsigned count,
                   Process *process, Statistics *statistics,
                   struct hwckpt_error *error) {
  uint64_t begin = quiesce_now_ns();
  describe_process(process, threads, count);
  int result = memory_map_read(&checkpoint.map, error);
  if (result == 0)
    result = refuse_deleted(&checkpoint.map, error);
  if (result == 0)
    result = save_resources(threads, count, error);
  if (result == 0)
    result = copy_memory(base, statistics, error);
  statistics->copy_ns = quiesce_now_ns() - begin;
  statistics->threads = count;
  for (unsigned i = 0; i < count; i++)
    if (threads[i].reason == PARK_SITE)
      statistics->threads_at_sites++;
  return result;
}

/* The records of kernel objects were staged while the program stood still; the
 * process's own come first, so those are put straight to the writer. */
static int put_records(Process *process, const struct parked *threads,
                       unsigned count, const Statistics *statistics,
                       struct hwckpt_error *error) {
  struct stage *head = &checkpoint.head;
  head->record_bytes = 0;
  head->writer = checkpoint.stage.writer;
  describe_program(process);
  int result = describe_put_process(head, process, error);
  if (result == 0)
    result = describe_put_areas(head, &checkpoint.map, error);
  if (result == 0)
    result = describe_put_threads(head, threads, count, error);
  if (result == 0)
    result = stage_put_records(head, error);
  if (result == 0)
    result = stage_put_records(&checkpoint.stage, error);
  head->record_bytes = 0;
  if (result == 0)
    result = describe_put_statistics(head, statistics, error);
  return result < 0 ? result : stage_put_records(head, error);
}

static int take(bool base, const struct quiesce_hooks *hooks,
                struct checkpoint_result *result, struct hwckpt_error *error) {
  static Process process;
  struct parked *threads;
  unsigned count;
  Statistics *statistics = &result->statistics;
  uint64_t asked = quiesce_now_ns();
  int status = quiesce_stop(hooks, &threads, &count, error);
  if (status < 0)
    return status;
  uint64_t stopped = quiesce_now_ns();
  statistics->stop_ns = stopped - asked;
  status = capture(base, threads, count, &process, statistics, error);
  quiesce_resume();
  statistics->pause_ns = quiesce_now_ns() - asked;
  if (status == 0)
    status = stage_drain(&checkpoint.stage, error);
  if (status == 0)
    status = put_records(&process, threads, count, statistics, error);
  return status;
}

int checkpoint_take(Event event, const struct quiesce_hooks *hooks,
                    struct checkpoint_result *result,
                    struct hwckpt_error *error) {
  memset(result, 0, sizeof *result);
  result->statistics.event = event;
  checkpoint.scanned = false;
  bool base = checkpoint.dirty.method == DIRTY_FULL || !checkpoint.newest ||
              checkpoint.deltas + 1 >= checkpoint.options.base_every;
  struct cache_write_options options = {
      .parent = base ? 0 : checkpoint.newest,
      .level = checkpoint.options.level,
  };
  int status = name_application(error);
  if (status == 0)
    status = cache_begin(checkpoint.cache, checkpoint.application, &options,
                         &checkpoint.stage.writer, error);
  if (status == 0) {
    status = take(base, hooks, result, error);
    if (status == 0)
      status =
          cache_commit(checkpoint.stage.writer, &result->generation, error);
    else
      cache_abort(checkpoint.stage.writer);
  }
  stage_clear(&checkpoint.stage);
  checkpoint.warned = true;
  if (status < 0) {
    if (checkpoint.scanned)
      checkpoint.newest = 0;
    return status;
  }
  checkpoint.newest = result->generation.number;
  checkpoint.deltas = base ? 0 : checkpoint.deltas + 1;
  quiesce_finish_saves(0);
  if (base)
    cache_retain(checkpoint.cache, checkpoint.application,
                 checkpoint.options.keep, 0);
  return 0;
}

void checkpoint_forget(void) { memset(&checkpoint, 0, sizeof checkpoint); }
