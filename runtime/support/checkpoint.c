/* checkpoint.c - one checkpoint from the stop to the commit. See checkpoint.h.
 *
 * Order: begin the generation, copy written pages in rounds, stop the threads,
 * describe kernel objects, scan and copy what is left, let the threads go on,
 * write the records, commit. When anything fails after the first scan, pages
 * may have lost their written mark without being stored, so the next generation
 * is a base again.
 */
#include "checkpoint.h"

#include "../arch/arch.h"
#include "../arch/sys.h"
#include "../resources/info.h"
#include "../resources/resource.h"
#include "alternate_stacks.h"
#include "capture.h"
#include "crew.h"
#include "describe.h"
#include "drain.h"
#include "key.h"
#include "live.h"
#include "loaded.h"
#include "mapped_files.h"
#include "memory_settings.h"
#include "parts.h"
#include "precopy.h"
#include "private.h"
#include "program_stderr.h"
#include "protect.h"
#include "rest.h"
#include "stage.h"
#include "task.h"
#include "undo.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>

/* Copied in less time than rounds take. */
#define FEW_PAGES 512u
#define UNKNOWN_PAGES UINT64_MAX /* perhaps many */
/* What a search finds is captured once more by the next checkpoint: it is for
 * little beside what was copied in rounds. */
#define IS_LITTLE(left, copied) ((left) <= 128u + (copied) / 32u)

static LIVE struct {
  struct checkpoint_options options;
  struct cache *cache;
  struct dirty dirty;
  struct memory_map map;
  struct mapped_files mapped;
  struct memory_settings settings;
  struct ring ring;
  struct capture capture;
  struct rest rest;
  struct stage stage; /* the records of kernel objects */
  struct stage head;  /* the records before and after those */
  struct resource_sink sink;
  int looked_at;               /* thread that stands for the program */
  struct thread_fact *threads; /* QUIESCE_THREADS_MAX, for the sink */
  uint64_t newest;    /* last generation committed here, on which a delta may be
                       * built; 0: none */
  uint64_t target;    /* newest generation of this program, 0: none */
  bool tracked;       /* what was written since the target is known */
  bool inherited;     /* newest is what the program comes back from */
  unsigned uncounted; /* rollbacks to it that could not be counted */
  unsigned deltas;    /* since the base */
  uint64_t captured;  /* pages, last time */
  struct precopy_worth worth;
  struct precopy precopy; /* of the generation that is being taken */
  bool little;            /* is expected to be captured in the stop */
  uint64_t cpu_ns;        /* of our threads, last time */
  uint64_t write_ns;      /* from its begin until it was durable, last time */
  bool scanned;           /* for the generation that is being taken */
  char application[CACHE_NAME_MAX];
  bool named;
  bool warned;
  const struct partners *partners; /* of the one that is taken; null: alone */
  bool begun;                      /* and they know of it */
} checkpoint;

static bool is_same_text(const char *a, const char *b) {
  size_t length = strlen(a);
  return length == strlen(b) && memcmp(a, b, length) == 0;
}

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

#ifndef PIDFD_THREAD
#define PIDFD_THREAD O_EXCL /* Linux 6.9 */
#endif

/* Whose descriptors and status the program's are: once the main thread has
 * ended, another thread's. */
static void look_at(int tid) {
  int pid = (int)SYS(getpid);
  if (checkpoint.looked_at == tid && checkpoint.sink.pidfd >= 0)
    return;
  if (checkpoint.sink.pidfd >= 0)
    SYS(close, checkpoint.sink.pidfd);
  checkpoint.looked_at = tid;
  checkpoint.sink.pidfd =
      (int)SYS(pidfd_open, tid, tid == pid ? 0 : PIDFD_THREAD);
  info_look_at(tid == pid ? 0 : tid);
  program_stderr_is_of(tid);
}

static void see_other(int tid, void *context) {
  int *found = context;
  if (!*found && !quiesce_is_runtime_thread(tid) && !task_never_stops(tid))
    *found = tid;
}

/* While the threads run: any that is there. */
static void look_at_program(void) {
  int pid = (int)SYS(getpid), other = 0;
  if (task_never_stops(pid))
    task_each(see_other, &other);
  look_at(other ? other : pid);
}

int checkpoint_open(const struct checkpoint_options *options,
                    struct hwckpt_error *error) {
  checkpoint.options = *options;
  checkpoint.dirty.others = options->go_on;
  describe_remember_program();
  int result = key_open_cache(options->cache, true, &checkpoint.cache, error);
  if (result == 0)
    result =
        dirty_open(&checkpoint.dirty, options->track, options->tracking, error);
  if (result == 0)
    result = memory_map_open(&checkpoint.map, error);
  if (result == 0)
    result = mapped_files_open(&checkpoint.mapped, error);
  if (result == 0)
    result = memory_settings_open(&checkpoint.settings, error);
  if (result == 0)
    result = ring_open(&checkpoint.ring, options->ring_bytes, error);
  if (result == 0)
    result = capture_open(&checkpoint.capture, &checkpoint.ring,
                          &checkpoint.dirty, error);
  if (result == 0)
    result = unused_open(&checkpoint.capture.unused, options->unused, error);
  if (result == 0)
    result = rest_open(&checkpoint.rest, &checkpoint.capture, &checkpoint.map,
                       error);
  checkpoint.rest.settings = &checkpoint.settings;
  if (result == 0)
    result = drain_open(&checkpoint.ring, error);
  if (result == 0)
    result = stage_open(&checkpoint.stage, error);
  if (result == 0)
    result = stage_open(&checkpoint.head, error);
  if (result < 0)
    return result;
  hwckpt_format(checkpoint.application, sizeof checkpoint.application, "%s",
                options->application);
  checkpoint.named = options->application_exists;
  checkpoint.target = options->generation;
  if (checkpoint.dirty.inherited && options->generation) {
    checkpoint.newest = options->generation;
    checkpoint.tracked = checkpoint.inherited = true;
    checkpoint.captured = UNKNOWN_PAGES;
  }
  checkpoint.sink.put = sink_put;
  checkpoint.sink.warn = sink_warn;
  checkpoint.sink.go_on = options->go_on;
  checkpoint.sink.scratch = private_map(RESOURCE_SCRATCH);
  checkpoint.sink.pidfd = -1;
  look_at_program();
  checkpoint.threads =
      private_map(QUIESCE_THREADS_MAX * sizeof *checkpoint.threads);
  if (!checkpoint.sink.scratch || !checkpoint.threads)
    return hwckpt_fail(error, HWCKPT_E_CAPTURE_MEMORY, ENOMEM, "records", "");
  return 0;
}

/* ---- partners ---- */

/* Under another name nothing can be built upon. */
static int take_name(const char *application, struct hwckpt_error *error) {
  if (checkpoint.named && is_same_text(checkpoint.application, application))
    return 0;
  int result = cache_use_application(checkpoint.cache, application, error);
  if (result < 0)
    return result;
  hwckpt_format(checkpoint.application, sizeof checkpoint.application, "%s",
                application);
  checkpoint.named = true;
  checkpoint.newest = checkpoint.target = 0;
  checkpoint.tracked = checkpoint.inherited = false;
  return 0;
}

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

/* The program's name, as the kernel shortens it, names its application. */
static int name_application(struct hwckpt_error *error) {
  if (checkpoint.partners && checkpoint.partners->application &&
      checkpoint.partners->application[0])
    return take_name(checkpoint.partners->application, error);
  if (checkpoint.named)
    return 0;
  char program[4096];
  const char *base = program;
  int result;
  if (checkpoint.application[0]) {
    result =
        cache_use_application(checkpoint.cache, checkpoint.application, error);
  } else {
    long length = SYS(readlinkat, AT_FDCWD, "/proc/thread-self/exe", program,
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

static int save_resources(const struct parked *threads, unsigned count,
                          struct hwckpt_error *error) {
  look_at(threads[0].tid);
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
  int result = describe_put_process(head, process, error);
  if (result == 0)
    result = describe_put_areas(head, &checkpoint.map, error);
  if (result == 0)
    result = memory_settings_put(&checkpoint.settings, head, error);
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

/* Pages in memory: the second number of /proc/self/statm. */
static uint64_t resident_pages(void) {
  char text[128];
  uint64_t pages = 0;
  if (task_read((int)SYS(gettid), "statm", text, sizeof text) <= 0)
    return 0;
  const char *p = text;
  while (*p && *p != ' ')
    p++;
  for (p += *p == ' '; *p >= '0' && *p <= '9'; p++)
    pages = pages * 10 + (uint64_t)(*p - '0');
  return pages;
}

/* Whether rounds before the stop can make it shorter. */
static bool worth_rounds(bool base) {
  if (checkpoint.options.method != CHECKPOINT_AUTO)
    return checkpoint.options.method == CHECKPOINT_PRECOPY;
  if (base)
    return resident_pages() > FEW_PAGES;
  return checkpoint.captured > FEW_PAGES && precopy_is_worth(&checkpoint.worth);
}

/* Bytes in areas that are not tracked yet. */
static uint64_t new_bytes(void) {
  uint64_t bytes = 0;
  for (size_t i = 0; i < checkpoint.map.count; i++) {
    const struct area *area = &checkpoint.map.areas[i];
    if (dirty_is_new(&checkpoint.dirty, area))
      bytes += area->end - area->start;
  }
  return bytes;
}

/* Smaller areas have little to gain from huge pages. */
#define HUGE_AREA (8ull << 20)
/* While one call collapses pages, page faults of the program wait. */
#define HUGE_STEP (4ull << 20)

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25 /* Linux 6.1 */
#endif

static bool may_be_huge(const struct area *area) {
  return area->type == AREA_TYPE_ANONYMOUS && !area->grows_down &&
         area->protection == (PROT_READ | PROT_WRITE) &&
         area->end - area->start >= HUGE_AREA;
}

/* Of a whole area and in the stop: else the kernel may make two of it. */
static void ask_for_huge(const struct area *area) {
  if (may_be_huge(area))
    SYS(madvise, area->start, area->end - area->start, MADV_HUGEPAGE);
}

/* What is in use already becomes huge while the program runs. Only now, before
 * the first pages are protected, does the kernel do that; an area that is gone
 * by now has nothing to be done. */
static void make_huge(const struct memory_map *map) {
  for (size_t i = 0; i < map->count; i++) {
    const struct area *area = &map->areas[i];
    for (uint64_t at = area->start; may_be_huge(area) && at < area->end;
         at += HUGE_STEP)
      SYS(madvise, at, area->end - at < HUGE_STEP ? area->end - at : HUGE_STEP,
          MADV_COLLAPSE);
  }
}

/* New memory is tracked in a short stop of its own, so that the rounds can take
 * it; a little is left to the stop in the end. */
static int track_new(bool base, const struct quiesce_hooks *hooks,
                     Statistics *statistics, struct hwckpt_error *error) {
  struct parked *threads;
  unsigned count;
  int result = memory_map_glance(&checkpoint.map, error);
  if (result < 0 || new_bytes() < FEW_PAGES * CACHE_PAGE_SIZE)
    return result;
  result = quiesce_stop(hooks, &threads, &count, error);
  if (result < 0)
    return result;
  uint64_t begin = quiesce_times()->begin_ns;
  result = memory_map_read(&checkpoint.map, error);
  for (size_t i = 0; i < checkpoint.map.count && result == 0; i++) {
    checkpoint.capture.area = &checkpoint.map.areas[i];
    if (checkpoint.options.huge &&
        dirty_is_new(&checkpoint.dirty, checkpoint.capture.area))
      ask_for_huge(checkpoint.capture.area);
    if (dirty_track(&checkpoint.dirty, checkpoint.capture.area, base))
      result = capture_visit(DIRTY_HOLE, checkpoint.capture.area->start,
                             checkpoint.capture.area->end, &checkpoint.capture);
  }
  statistics->track_ns = quiesce_resume() - begin;
  if (result == 0 && checkpoint.options.huge)
    make_huge(&checkpoint.map);
  return result;
}

/* Rounds, the first or some more. */
static int copy_rounds(bool base, Statistics *statistics,
                       struct hwckpt_error *error) {
  struct precopy *precopy = &checkpoint.precopy;
  uint64_t begin = quiesce_now_ns();
  int result =
      precopy_run(&checkpoint.capture, &checkpoint.map, base, precopy, error);
  checkpoint.little = IS_LITTLE(precopy->left, precopy->pages);
  statistics->rounds = precopy->rounds;
  statistics->pages_precopied = precopy->pages;
  statistics->precopy_ns += quiesce_now_ns() - begin;
  ring_touch(&checkpoint.ring, (uint32_t)(FEW_PAGES + 2 * precopy->left));
  return result;
}

/* Copies in rounds what there is to copy by then. */
static int copy_before(bool base, const struct quiesce_hooks *hooks,
                       Statistics *statistics, struct hwckpt_error *error) {
  statistics->method = Method_METHOD_STOP;
  checkpoint.little = false;
  checkpoint.precopy = (struct precopy){0};
  if (checkpoint.dirty.method != DIRTY_WP || checkpoint.dirty.foreign ||
      !worth_rounds(base) || resources_read_directly(checkpoint.sink.pidfd))
    return 0;
  checkpoint.scanned = true;
  statistics->method = Method_METHOD_PRECOPY;
  int result = track_new(base, hooks, statistics, error);
  return result == 0 ? copy_rounds(base, statistics, error) : result;
}

/* Others were waited for, or preparing took long: what was written meanwhile is
 * not left to the stop. */
static int copy_again(Statistics *statistics, struct hwckpt_error *error) {
  return statistics->rounds ? copy_rounds(false, statistics, error) : 0;
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
  int status = resources_within_reach(error);
  if (status == 0)
    status = copy_before(base, hooks, statistics, error);
  if (status == 0)
    status = publish(writer, error);
  if (status < 0)
    return status;
  uint32_t faults_before = faults();
  uint64_t begin = quiesce_now_ns();
  describe_process(&process);
  memory_settings_read(&checkpoint.settings, &checkpoint.dirty,
                       statistics->rounds ? &checkpoint.map : 0, base);
  rest_expect(&checkpoint.rest, resident_pages());
  unused_expect(&checkpoint.capture.unused, &checkpoint.map);
  if (checkpoint.options.undo) {
    undo_limit(checkpoint.options.undo_most);
    undo_prepare(checkpoint.options.cache, checkpoint.application,
                 &checkpoint.map, cache_writer_number(writer),
                 checkpoint.target);
  }
  /* Another round leaves fewer pages to the stop than have come since. */
  if (quiesce_now_ns() - begin > checkpoint.precopy.round_ns &&
      (status = copy_again(statistics, error)) < 0)
    return status;
  while ((status = tell_prepared(error)) > 0)
    if ((status = copy_again(statistics, error)) < 0)
      return status;
  resources_look();
  if (status == 0)
    status = quiesce_stop(hooks, &threads, &count, error);
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
  if (status == 0)
    status = rest_finish(&checkpoint.rest, error);
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
  int status = begin_generation(&options, &writer, error);
  if (status < 0)
    return status;
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
  stage_clear(&checkpoint.stage);
  checkpoint.warned = true;
  if (status)
    undo_not_committed();
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

int checkpoint_take(const struct checkpoint_reason *reason,
                    const struct quiesce_hooks *hooks,
                    struct checkpoint_result *result,
                    struct hwckpt_error *error) {
  loaded_wait();
  look_at_program();
  checkpoint.partners = reason->partners;
  checkpoint.begun = false;
  checkpoint.sink.tree = 0;
  checkpoint.sink.tree_count = 0;
  int status = name_application(error);
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
  checkpoint.tracked = true;
  checkpoint.uncounted = 0;
  checkpoint.deltas = base ? 0 : checkpoint.deltas + 1;
  checkpoint.cpu_ns = cpu_ns() - cpu_begin + drain_cpu_ns();
  checkpoint.write_ns = quiesce_now_ns() - begin;
  return 0;
}

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

/* What turns out to be damaged is not built on any more. */
static int merge(bool always, struct background *background,
                 struct cache_merge_result *merged,
                 struct hwckpt_error *error) {
  const struct cache_merge_options options = {
      .level = checkpoint.options.level,
      .always = always,
      .go_on = background_goes_on,
      .context = background,
  };
  begin_background(background);
  int status = cache_merge(checkpoint.cache, checkpoint.application, &options,
                           merged, error);
  end_background(background);
  if (merged->merged)
    checkpoint.deltas = 0;
  if (status == -HWCKPT_E_CACHE_DAMAGED ||
      status == -HWCKPT_E_CACHE_TRUNCATED || status == -HWCKPT_E_CACHE_FORGED ||
      status == -HWCKPT_E_CHAIN_BROKEN)
    checkpoint.newest = 0;
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
  };
  loaded_wait();
  look_at_program();
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
  program_stderr_is_of(0);
  cache_forget();
}
