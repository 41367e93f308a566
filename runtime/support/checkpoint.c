/* checkpoint.c - one checkpoint from the stop to the commit. See checkpoint.h.
 *
 * Order: begin the generation, copy written pages in rounds, stop the threads,
 * describe kernel objects, scan and copy what is left, let the threads go on,
 * write the records, commit. When anything fails after the first scan, pages
 * may have lost their written mark without being stored, so the next generation
 * is a base again.
 */
#include "checkpoint_state.h"

#include "../arch/arch.h"
#include "../arch/sys.h"
#include "alternate_stacks.h"
#include "crew.h"
#include "describe.h"
#include "drain.h"
#include "handover.h"
#include "live.h"
#include "loaded.h"
#include "program_stderr.h"
#include "protect.h"
#include "undo.h"

#include <string.h>
#include <sys/resource.h>
#include <time.h>

LIVE struct checkpoint_state checkpoint;

/* ---- partners ---- */

static int tell_begun(const struct cache_writer *writer, uint64_t parent,
                      struct hwckpt_error *error) {
  const struct partners *partners = checkpoint.partners;
  if (!partners || !partners->begun)
    return 0;
  checkpoint.begun = true;
  return partners->begun(checkpoint.application, cache_writer_number(writer),
                         parent, error);
}

static int tell_prepared(struct hwckpt_error *error) {
  const struct partners *partners = checkpoint.partners;
  return partners && partners->prepared ? partners->prepared(error) : 0;
}

/* What the rounds have copied, for others to refer to. */
static int publish(struct cache_writer *writer, struct hwckpt_error *error) {
  const struct partners *partners = checkpoint.partners;
  if (!partners || !partners->publishes || !partners->publishes())
    return 0;
  int status = drain_finish(error);
  return status < 0 ? status : cache_publish(writer, error);
}

static int tell_stopped(struct hwckpt_error *error) {
  const struct partners *partners = checkpoint.partners;
  return partners && partners->stopped
             ? partners->stopped(&checkpoint.sink, error)
             : 0;
}

static int tell_captured(struct hwckpt_error *error) {
  const struct partners *partners = checkpoint.partners;
  return partners && partners->captured ? partners->captured(error) : 0;
}

static int tell_written(struct stage *records, struct hwckpt_error *error) {
  const struct partners *partners = checkpoint.partners;
  return partners && partners->written ? partners->written(records, error) : 0;
}

static int save_resources(const struct parked *threads, unsigned count,
                          struct hwckpt_error *error) {
  checkpoint_look_at(threads[0].tid);
  for (unsigned i = 0; i < count; i++)
    checkpoint.threads[i] = (struct thread_fact){
        threads[i].tid, arch_context_sigmask(threads[i].context),
        threads[i].settings.secure_bits};
  checkpoint.sink.threads = checkpoint.threads;
  checkpoint.sink.thread_count = count;
  checkpoint.sink.mapped = checkpoint.mapped.parts;
  checkpoint.sink.mapped_count = checkpoint.mapped.count;
  return resources_save(&checkpoint.sink, error);
}

/* A file opened for direct reading since the rounds began. */
static bool read_directly_meanwhile(void) {
  for (size_t i = 0; i < checkpoint.sink.fact_count; i++)
    if (resource_is_direct(checkpoint.sink.facts[i].flags,
                           checkpoint.sink.facts[i].mode))
      return true;
  return false;
}

static const enum rest_by copied_by[] = {
    [CHECKPOINT_AUTO] = REST_BY_CHEAPER,
    [CHECKPOINT_STOP] = REST_BY_STOP,
    [CHECKPOINT_PRECOPY] = REST_BY_STOP,
    [CHECKPOINT_COW] = REST_BY_CHILD,
};

/* Everything between the stop and the resume. */
static int capture(bool base, const struct parked *threads, unsigned count,
                   Process *process, Statistics *statistics,
                   struct hwckpt_error *error) {
  uint64_t begin = quiesce_now_ns();
  bool protects = checkpoint.dirty.method == DIRTY_PROTECT;
  int result = protects ? protect_lift(&checkpoint.map, error) : 0;
  alternate_stacks_give(threads, count);
  describe_stopped(process, threads, count);
  if (result == 0)
    result = memory_map_read(&checkpoint.map, error);
  if (result == 0 && checkpoint.options.undo)
    undo_keep_mapped(&checkpoint.map);
  if (result == 0)
    result = mapped_files_find(&checkpoint.mapped, &checkpoint.map,
                               checkpoint.capture.memory, error);
  if (result == 0)
    result =
        rest_begin(&checkpoint.rest, checkpoint.little, threads, count, error);
  if (result == 0)
    result = save_resources(threads, count, error);
  if (result == 0)
    result = registered_find(&checkpoint.registered, &checkpoint.sink,
                             &checkpoint.dirty, &checkpoint.map, error);
  guards_settle(&checkpoint.guards, &checkpoint.dirty);
  statistics->describe_ns = quiesce_now_ns() - begin;
  if (result == 0) {
    checkpoint.scanned = true;
    if (protects)
      protect_begin();
    if (statistics->rounds && read_directly_meanwhile())
      checkpoint.dirty.owed_all = true;
    result =
        rest_capture(&checkpoint.rest, base,
                     copied_by[checkpoint.options.method], statistics, error);
  }
  rest_end(&checkpoint.rest);
  if (protects && result == 0)
    protect_set(threads, count);
  statistics->threads = count;
  for (unsigned i = 0; i < count; i++)
    if (threads[i].reason == PARK_SITE)
      statistics->threads_at_sites++;
  return result;
}

/* The records of kernel objects were staged while the program stood still; the
 * process's own come first, so those are put straight to the writer. */
static int put_records(struct cache_writer *writer, Process *process,
                       const struct parked *threads, unsigned count,
                       const Statistics *statistics,
                       struct hwckpt_error *error) {
  struct stage *head = &checkpoint.head;
  stage_clear(head);
  describe_program(process);
  if (checkpoint.options.undo)
    describe_boot(process);
  int result = describe_put_process(head, process, error);
  if (result == 0)
    result = describe_put_areas(head, &checkpoint.map, error);
  if (result == 0)
    result = guards_put(&checkpoint.guards, head, error);
  if (result == 0)
    result = memory_settings_put(&checkpoint.settings, head, error);
  if (result == 0)
    result = registered_put(&checkpoint.registered, head, error);
  if (result == 0)
    result = describe_put_threads(head, threads, count, error);
  if (result == 0)
    result = stage_put(head, writer, error);
  if (result == 0)
    result = stage_put(&checkpoint.stage, writer, error);
  stage_clear(head);
  if (result == 0)
    result = tell_written(head, error);
  if (result == 0)
    result = describe_put_statistics(head, statistics, error);
  return result < 0 ? result : stage_put(head, writer, error);
}

/* What that thread found out is in what would be captured. */
static bool rolls_back(const struct parked *threads, unsigned count) {
  for (unsigned i = 0; i < count; i++)
    if (threads[i].reason == PARK_LOAD)
      return true;
  return false;
}

static void note_pace(Statistics *statistics,
                      const struct cache_writer *writer) {
  struct cache_pace pace;
  cache_writer_pace(writer, &pace);
  statistics->device_rate = pace.device;
  statistics->waited_ns = pace.waited_ns;
  statistics->level = pace.level;
}

static void note_stop(Statistics *statistics,
                      const struct quiesce_times *times) {
  statistics->arm_ns = times->arm_ns;
  statistics->signal_ns = times->signal_ns;
  statistics->arrive_ns = times->arrive_ns;
  statistics->signalled = times->signalled;
}

/* Page faults of this thread: what it touches for the first time is memory that
 * is allocated. */
static uint32_t faults(void) {
  struct rusage usage = {0};
  SYS(getrusage, RUSAGE_THREAD, &usage);
  return (uint32_t)(usage.ru_minflt + usage.ru_majflt);
}

/* Where the capture is to be, with all who have a say; the stop comes next. As
 * take(). */
static int settle(const struct quiesce_hooks *hooks, uint64_t copied_ns,
                  Statistics *statistics, struct hwckpt_error *error) {
  int status;
  do {
    if (hooks->await && !hooks->await())
      return 1;
    /* Another round leaves fewer pages to the stop than have come since. */
    status = 0;
    if (quiesce_now_ns() - copied_ns > checkpoint.precopy.round_ns)
      status = checkpoint_copy_again(statistics, error);
    if (status == 0)
      status = tell_prepared(error);
    if (status && status != PARTNERS_ROUND && hooks->release)
      hooks->release();
    copied_ns = 0; /* they take long */
  } while (status > 0);
  return status;
}

static int take(bool base, const struct quiesce_hooks *hooks,
                struct cache_writer *writer, struct checkpoint_result *result,
                struct hwckpt_error *error) {
  static Process process;
  struct parked *threads;
  unsigned count;
  Statistics *statistics = &result->statistics;
  drain_begin(writer);
  checkpoint.capture.pages = 0;
  unused_begin(&checkpoint.capture.unused);
  int status = resources_may_stop(error);
  if (status == 0)
    status = resources_within_reach(error);
  if (status == 0)
    status = checkpoint_copy_before(base, hooks, statistics, error);
  if (status == 0)
    status = publish(writer, error);
  if (status < 0)
    return status;
  uint64_t begin = quiesce_now_ns();
  describe_process(&process);
  memory_settings_read(&checkpoint.settings, &checkpoint.dirty,
                       statistics->rounds ? &checkpoint.map : 0, base);
  guards_read(&checkpoint.guards, &checkpoint.dirty, base);
  rest_expect(&checkpoint.rest, checkpoint_resident_pages());
  unused_expect(&checkpoint.capture.unused, &checkpoint.map);
  if (checkpoint.options.undo) {
    undo_limit(checkpoint.options.undo_most, checkpoint.options.mapped_most);
    undo_prepare(checkpoint.options.cache, checkpoint.application,
                 &checkpoint.map, cache_writer_number(writer),
                 checkpoint.target);
  }
  if ((status = settle(hooks, begin, statistics, error)))
    return status;
  resources_look();
  uint32_t faults_before = faults();
  status = quiesce_stop(hooks, &threads, &count, error);
  if (status < 0 && hooks->release)
    hooks->release();
  if (status < 0)
    return status;
  uint64_t asked = quiesce_times()->begin_ns;
  uint64_t stopped = quiesce_now_ns();
  statistics->stop_ns = stopped - asked;
  note_stop(statistics, quiesce_times());
  status = rolls_back(threads, count) ? 1 : tell_stopped(error);
  if (status) {
    quiesce_resume();
    return status;
  }
  if (checkpoint.options.undo)
    undo_switch();
  /* A base is done by its first round: the rest is what was written since. */
  status = capture(base && !statistics->rounds, threads, count, &process,
                   statistics, error);
  if (status == 0)
    status = tell_captured(error);
  resources_let_go();
  uint64_t captured = quiesce_now_ns();
  if (hooks->captured)
    hooks->captured();
  uint64_t resumed = quiesce_resume();
  statistics->resume_ns = resumed - captured;
  statistics->stop_faults = faults() - faults_before;
  statistics->pause_ns = resumed - asked + statistics->track_ns;
  statistics->pages_written = checkpoint.captured = checkpoint.capture.pages;
  if (!base)
    precopy_learn(&checkpoint.worth, checkpoint.precopy.first,
                  checkpoint.captured - statistics->pages_precopied);
  int copied = rest_finish(&checkpoint.rest, status == 0 ? error : 0);
  status = status == 0 ? copied : status;
  int confirmed = resources_confirm(&checkpoint.sink, status == 0 ? error : 0);
  status = status == 0 ? confirmed : status;
  int drained = drain_finish(status == 0 ? error : 0);
  status = status == 0 ? drained : status;
  note_pace(statistics, writer);
  if (status == 0)
    status = put_records(writer, &process, threads, count, statistics, error);
  return status;
}

/* Another process may write for the application: most likely `hwckpt merge`.
 * The program runs meanwhile. */
#define WRITER_MOMENT_NS 2000000
#define WRITER_MOST_NS UINT64_C(120000000000)

static int begin_generation(const struct cache_write_options *options,
                            struct cache_writer **writer,
                            struct hwckpt_error *error) {
  const struct timespec moment = {.tv_nsec = WRITER_MOMENT_NS};
  uint64_t begin = quiesce_now_ns();
  for (;;) {
    int status = cache_begin(checkpoint.cache, checkpoint.application, options,
                             writer, error);
    if (status != -HWCKPT_E_CACHE_BUSY ||
        quiesce_now_ns() - begin > WRITER_MOST_NS)
      return status;
    SYS(nanosleep, &moment, 0);
  }
}

/* One generation, from its begin to its commit. */
static int take_generation(bool base, const struct quiesce_hooks *hooks,
                           struct checkpoint_result *result,
                           struct hwckpt_error *error) {
  struct cache_write_options options = {
      .parent = base ? 0 : checkpoint.newest,
      .level = checkpoint.options.level,
  };
  const struct partners *partners = checkpoint.partners;
  struct cache_writer *writer;
  cache_set_relatives(checkpoint.cache, partners ? partners->relatives : 0);
  cache_refer_to(checkpoint.cache,
                 checkpoint.damaged ? CACHE_NOTHING : checkpoint.target);
  int status = begin_generation(&options, &writer, error);
  if (status < 0)
    return status;
  quiesce_hurry_in_crowds(true);
  checkpoint.scanned = false;
  status = tell_begun(writer, options.parent, error);
  if (status == 0)
    status = take(base, hooks, writer, result, error);
  if (status == 0) {
    status = cache_commit(writer, &result->generation, error);
  } else {
    drain_finish(0);
    cache_abort(writer);
  }
  quiesce_hurry_in_crowds(false);
  stage_clear(&checkpoint.stage);
  checkpoint.warned = true;
  if (status)
    undo_not_committed();
  else
    undo_committed();
  if (status && checkpoint.scanned) {
    checkpoint.newest = 0;
    checkpoint.tracked = false;
  }
  return status;
}

bool checkpoint_next_is_base(void) {
  return checkpoint.dirty.method == DIRTY_FULL || !checkpoint.newest ||
         (checkpoint.options.base_every &&
          checkpoint.deltas + 1 >= checkpoint.options.base_every);
}

static uint64_t cpu_ns(void) {
  struct timespec now = {0};
  SYS(clock_gettime, CLOCK_THREAD_CPUTIME_ID, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t checkpoint_cpu_ns(void) { return checkpoint.cpu_ns; }

bool checkpoint_is_loading(void) { return loaded_is_under_way(); }

bool checkpoint_is_to_take_over(void) { return loaded_is_complete(); }

bool checkpoint_let_go(uint64_t begin, uint64_t end) {
  return dirty_let_go(&checkpoint.dirty, begin, end);
}

bool checkpoint_take_over(const struct quiesce_hooks *hooks) {
  if (hooks)
    return handover_next(&checkpoint.dirty, &checkpoint.map, hooks);
  loaded_end();
  return false;
}

/* Before anything is captured, or taken back. */
static void await_memory(const struct quiesce_hooks *hooks) {
  if (!loaded_is_under_way())
    return;
  loaded_wait();
  while (checkpoint_take_over(hooks))
    ;
}

int checkpoint_take(const struct checkpoint_reason *reason,
                    const struct quiesce_hooks *hooks,
                    struct checkpoint_result *result,
                    struct hwckpt_error *error) {
  await_memory(hooks);
  checkpoint_look_at_program();
  registered_prepare(&checkpoint.registered);
  checkpoint.partners = reason->partners;
  checkpoint.begun = false;
  checkpoint.sink.tree = 0;
  checkpoint.sink.tree_count = 0;
  int status = checkpoint_name_application(error);
  if (status < 0)
    return status;
  uint64_t cpu_begin = cpu_ns(), begin = quiesce_now_ns();
  bool base, again;
  do {
    memset(result, 0, sizeof *result);
    result->statistics.event = reason->event;
    result->statistics.events = reason->events;
    hwckpt_format(result->statistics.cause, sizeof result->statistics.cause,
                  "%s", reason->cause);
    result->statistics.interval_ns = reason->interval_ns;
    result->statistics.delayed_ns = reason->delayed_ns;
    result->statistics.write_ns = checkpoint.write_ns;
    base = checkpoint_next_is_base();
    bool tried_child = !checkpoint.rest.no_children;
    status = take_generation(base, hooks, result, error);
    again = tried_child && checkpoint.rest.no_children;
    /* Since the restore it may have been damaged, or merged away. */
    if (status < 0 && checkpoint.inherited && !checkpoint.scanned) {
      checkpoint.newest = 0;
      again = true;
    }
    checkpoint.inherited = false;
  } while (status < 0 && again && !checkpoint.begun);
  if (status)
    return status;
  checkpoint.newest = checkpoint.target = result->generation.number;
  checkpoint.damaged = false;
  checkpoint.tracked = true;
  checkpoint.uncounted = 0;
  checkpoint.deltas = base ? 0 : checkpoint.deltas + 1;
  checkpoint.cpu_ns = cpu_ns() - cpu_begin + drain_cpu_ns();
  checkpoint.write_ns = quiesce_now_ns() - begin;
  return 0;
}

int checkpoint_roll_back(const struct quiesce_hooks *hooks,
                         struct rollback_result *result,
                         struct hwckpt_error *error) {
  if (!checkpoint.target)
    return hwckpt_fail(error, HWCKPT_E_CACHE_EMPTY, 0, "",
                       "nothing to roll back to");
  struct rollback_target target = {
      .cache = checkpoint.cache,
      .application = checkpoint.application,
      .generation = checkpoint.target,
      .dirty = &checkpoint.dirty,
      .map = &checkpoint.map,
      .all = !checkpoint.tracked,
      .staged_bytes = checkpoint.options.ring_bytes,
      .uncounted = checkpoint.uncounted,
      .files = checkpoint.options.files,
      .undo = checkpoint.options.undo,
  };
  await_memory(hooks);
  checkpoint_look_at_program();
  registered_prepare(&checkpoint.registered);
  int status = rollback_take(&target, hooks, result, error);
  if (status < 0)
    return status;
  checkpoint.tracked = checkpoint.dirty.method == DIRTY_WP;
  checkpoint.uncounted += !result->counted;
  return 0;
}

const char *checkpoint_newest(uint64_t *number) {
  *number = checkpoint.target;
  return checkpoint.application;
}

void checkpoint_forget(void) {
  memset(&checkpoint, 0, sizeof checkpoint);
  drain_forget();
  protect_forget();
  crew_forget();
  handover_forget();
  program_stderr_is_of(0);
  cache_forget();
}
