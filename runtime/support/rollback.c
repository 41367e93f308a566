/* rollback.c - see rollback.h.
 *
 * A parked thread sits in our handler, on its own stack, which is about to be
 * overwritten. So all threads move to stacks in private memory first, and stand
 * there until memory is back. Then each becomes one of the threads that the
 * generation has and leaves through its signal frame, as in a restore (the
 * kernel's thread does not matter, the main one excepted, but its id does);
 * threads that were born since end, those that have ended since are started.
 * Kernel objects are put back by the main thread, which has the program's table
 * of descriptors.
 */
#include "rollback.h"

#include "../arch/arch.h"
#include "../arch/sys.h"
#include "../resources/resource.h"
#include "live.h"
#include "private.h"
#include "program_stderr.h"
#include "protect.h"
#include "record_types.h"
#include "revive.h"
#include "rewind.h"
#include "rollback_files.h"
#include "rseq.h"
#include "timed_waits.h"

#include <errno.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/prctl.h>

#define MAIN_STACK ((size_t)256 << 10)
#define STACK ((size_t)16 << 10)
#define ID_TAKEN_NS 100000000ull
#define RSEQ_FLAG_UNREGISTER 1
#define ROBUST_LIST_LENGTH 24

/* Stacks on which the threads stand. They are left by threads that have been
 * let go, nobody knows when, but before these are stopped again. */
static LIVE struct {
  char *stacks;
  size_t bytes;
} shelter;

enum command { STAND, STAY, GO_BACK };

struct rollback {
  const struct rollback_target *target;
  struct cache_reader *reader;
  struct rewind rewind;
  struct resource_source source;
  struct undo_paths undone; /* while it is checked */
  size_t record_count;

  struct parked *now; /* the threads that were stopped, main thread first */
  unsigned now_count;
  Thread *then; /* those of the generation */
  struct thread_now *ids;
  unsigned *vehicles; /* of then: place in now + 1; 0: none, it is started */
  Thread **becomes;   /* of now: what it becomes; null: it ends */
  unsigned then_count;
  unsigned ending; /* of now, those that end */

  _Atomic uint32_t standing; /* threads in the shelter (futex) */
  _Atomic uint32_t command;  /* futex */
  _Atomic uint32_t ended;    /* threads that look at this no more (futex) */
  struct hwckpt_error check_error; /* of the main thread */
  int checked;
};

/* ---- on the program's threads, in the shelter ---- */

static _Noreturn void break_off(const struct hwckpt_error *error,
                                bool program_descriptors) {
  static struct hwckpt_error broken;
  char text[2800];
  size_t length = hwckpt_error_text(error, "hwckpt", text, 1400);
  hwckpt_fail(&broken, HWCKPT_E_ROLLBACK_BROKEN, 0, "", "");
  length += hwckpt_error_text(&broken, "hwckpt", text + length, 1400);
  if (!program_descriptors)
    program_stderr_borrow();
  SYS(write, 2, text, length);
  for (;;)
    SYS(exit_group, 125);
}

static void warn(struct resource_source *source,
                 const struct hwckpt_error *warning) {
  (void)source;
  static LIVE char said[1400]; /* what is said again and again is said once */
  char text[sizeof said];
  size_t length =
      hwckpt_error_text(warning, "hwckpt: warning", text, sizeof text);
  if (memcmp(said, text, length + 1) == 0)
    return;
  memcpy(said, text, length + 1);
  SYS(write, 2, text, length);
}

/* Nobody is told of its end in memory that is another's by then. */
static _Noreturn void end_thread(struct rollback *rollback) {
  atomic_fetch_add(&rollback->ended, 1);
  SYS(futex, &rollback->ended, FUTEX_WAKE_PRIVATE, 1, 0, 0, 0);
  SYS(set_robust_list, 0, ROBUST_LIST_LENGTH);
  SYS(set_tid_address, 0);
  for (;;)
    SYS(exit, 0);
}

/* Starts those that have no vehicle. An id that is taken, or that we may not
 * choose, is another one; libc's copy of it is put right (revive_become()). */
static void start_others(struct rollback *rollback,
                         struct hwckpt_error *error) {
  for (unsigned i = 0; i < rollback->then_count; i++) {
    const Thread *thread = &rollback->then[i];
    if (rollback->vehicles[i])
      continue;
    /* One that has just ended keeps its id for a moment. */
    uint64_t begin = quiesce_now_ns();
    int tid;
    while ((tid = revive_start(thread, true)) == -EEXIST &&
           quiesce_now_ns() - begin < ID_TAKEN_NS)
      SYS(sched_yield);
    if (tid < 0)
      tid = revive_start(thread, false);
    if (tid < 0) {
      char object[32];
      hwckpt_format(object, sizeof object, "thread %d", (int)thread->tid);
      hwckpt_fail(error, HWCKPT_E_RESUME, -tid, object, "clone3");
      break_off(error, true);
    }
    rollback->ids[i].now = tid;
    rollback->ids[i].again = true;
  }
}

static void main_goes_back(struct rollback *rollback, const Thread *thread) {
  struct hwckpt_error error;
  if (resources_roll_back(&rollback->source, &error) < 0)
    break_off(&error, true);
  start_others(rollback, &error);
  revive_become(thread);
  revive_wait(rollback->then_count - 1);
  if (resources_finish(&rollback->source, &error) < 0)
    break_off(&error, true);
}

static bool leave_rseq(const Thread *thread) {
  return thread->rseq && SYS(rseq, thread->rseq, thread->rseq_length,
                             RSEQ_FLAG_UNREGISTER, thread->rseq_signature) == 0;
}

/* The errand of every stopped thread. Returns where there is no rollback. */
static void stand(unsigned number, void *argument) {
  struct rollback *rollback = argument;
  Thread self = {.fs_base = rollback->now[number].fs_base};
  /* The kernel writes there whenever the thread is moved. */
  rseq_describe(&self, rseq_look(self.fs_base));
  bool left = leave_rseq(&self);
  if (number == 0)
    rollback->checked =
        resources_check(&rollback->source, &rollback->check_error);
  atomic_fetch_add(&rollback->standing, 1);
  SYS(futex, &rollback->standing, FUTEX_WAKE_PRIVATE, 1, 0, 0, 0);
  uint32_t command;
  while ((command = atomic_load(&rollback->command)) == STAND)
    SYS(futex, &rollback->command, FUTEX_WAIT_PRIVATE, STAND, 0, 0, 0);
  if (command == STAY) {
    if (left)
      SYS(rseq, self.rseq, self.rseq_length, 0, self.rseq_signature);
    return;
  }
  const Thread *thread = rollback->becomes[number];
  if (!thread)
    end_thread(rollback);
  if (number == 0)
    main_goes_back(rollback, thread);
  else
    revive_become(thread);
  revive_stand_ready(thread);
}

/* ---- on the checkpoint thread ---- */

static int no_memory(struct hwckpt_error *error, size_t bytes) {
  return hwckpt_fail(error, HWCKPT_E_RESTORE_MEMORY, ENOMEM, "rollback",
                     "%zu bytes", bytes);
}

static void *record_memory(const struct rollback *rollback, size_t each) {
  return private_map(rollback->record_count * each);
}

static bool comes_back(const struct resource_source *source, const char *path,
                       bool shorter) {
  const struct rollback *rollback =
      (const struct rollback *)((const char *)source -
                                offsetof(struct rollback, source));
  return undo_may_bring(&rollback->undone, path, shorter);
}

static int read_records(struct rollback *rollback, struct hwckpt_error *error) {
  struct resource_source *source = &rollback->source;
  uint32_t type;
  const void *data;
  size_t length;
  while (cache_reader_record(rollback->reader, rollback->record_count, &type,
                             &data, &length))
    rollback->record_count++;
  struct resource_record *records =
      record_memory(rollback, sizeof *source->records);
  source->scratch = private_map(RESOURCE_SCRATCH);
  source->now = private_map(RESOURCE_DESCRIPTORS * sizeof *source->now);
  rollback->then = record_memory(rollback, sizeof *rollback->then);
  rollback->ids = record_memory(rollback, sizeof *rollback->ids);
  rollback->vehicles = record_memory(rollback, sizeof *rollback->vehicles);
  source->records = records;
  source->count = rollback->record_count;
  source->warn = warn;
  source->rolls_back = true;
  source->files = rollback->target->files;
  source->comes_back = comes_back;
  source->on_others = revive_have_others;
  for (int i = 0; i < 3; i++)
    source->inherited[i] = -1;
  if (!records || !source->scratch || !source->now || !rollback->then ||
      !rollback->ids || !rollback->vehicles)
    return no_memory(error, RESOURCE_SCRATCH);
  for (size_t i = 0; i < rollback->record_count; i++) {
    cache_reader_record(rollback->reader, i, &type, &data, &length);
    records[i] = (struct resource_record){type, (uint32_t)length, data};
    if (type == RECORD_THREAD &&
        !revive_decode(data, length, &rollback->then[rollback->then_count++]))
      return hwckpt_fail(error, HWCKPT_E_RECORD, 0, "thread", "record %zu", i);
  }
  return rollback->then_count
             ? 0
             : hwckpt_fail(error, HWCKPT_E_RECORD, 0, "thread", "no thread");
}

static int open_generation(struct rollback *rollback,
                           struct hwckpt_error *error) {
  const struct rollback_target *target = rollback->target;
  rollback->rewind.memory = -1;
  int result = cache_reader_open(target->cache, target->application,
                                 target->generation, &rollback->reader, error);
  if (result < 0)
    return result;
  rollback->rewind.reader = rollback->reader;
  rollback->rewind.dirty = target->dirty;
  rollback->rewind.map = target->map;
  rollback->rewind.all = target->all;
  rollback->rewind.staged_bytes = target->staged_bytes;
  result = rewind_open(&rollback->rewind, error);
  return result < 0 ? result : read_records(rollback, error);
}

/* Who becomes whom: main thread to main thread, the others by their ids. */
static int match_threads(struct rollback *rollback,
                         struct hwckpt_error *error) {
  rollback->becomes =
      private_map(rollback->now_count * sizeof *rollback->becomes);
  if (!rollback->becomes)
    return no_memory(error, rollback->now_count * sizeof *rollback->becomes);
  rollback->ending = rollback->now_count;
  for (unsigned i = 0; i < rollback->then_count; i++) {
    Thread *then = &rollback->then[i];
    rollback->ids[i] = (struct thread_now){then->tid, then->tid, false};
    unsigned k = 0;
    while (i && k < rollback->now_count && rollback->now[k].tid != then->tid)
      k++;
    if (k == rollback->now_count || (i && !k))
      continue;
    rollback->vehicles[i] = k + 1;
    rollback->becomes[k] = then;
    rollback->ending--;
    rollback->ids[i].now = rollback->now[k].tid;
  }
  rollback->source.threads = rollback->ids;
  rollback->source.thread_count = rollback->then_count;
  return 0;
}

/* Nobody is on the stacks of the time before: all are stopped. */
static int make_stacks(const struct rollback *rollback,
                       struct hwckpt_error *error) {
  size_t bytes = MAIN_STACK + rollback->now_count * STACK;
  if (bytes <= shelter.bytes)
    return 0;
  private_unmap(shelter.stacks, shelter.bytes);
  shelter.stacks = private_map(bytes);
  shelter.bytes = shelter.stacks ? bytes : 0;
  return shelter.stacks ? 0 : no_memory(error, bytes);
}

static void await(_Atomic uint32_t *word, uint32_t count) {
  for (uint32_t value; (value = atomic_load(word)) != count;)
    SYS(futex, word, FUTEX_WAIT_PRIVATE, value, 0, 0, 0);
}

static void tell(struct rollback *rollback, enum command command) {
  atomic_store(&rollback->command, command);
  SYS(futex, &rollback->command, FUTEX_WAKE_PRIVATE, 0x7fffffff, 0, 0, 0);
}

/* The stop is one of the generation's threads. */
static void replace_stopped(struct rollback *rollback) {
  /* There may be more of them than there were. */
  struct parked *threads = private_map(rollback->then_count * sizeof *threads);
  for (unsigned i = 0; threads && i < rollback->then_count; i++)
    threads[i].context = (ucontext_t *)rollback->then[i].frame;
  quiesce_replace(threads, threads ? rollback->then_count : 0);
  private_unmap(threads, rollback->then_count * sizeof *threads);
}

/* From here on there is no way but back. */
static void go_back(struct rollback *rollback,
                    const struct quiesce_hooks *hooks, uint32_t times) {
  struct hwckpt_error error;
  if (rewind_apply(&rollback->rewind, &error) < 0 ||
      rollback_files(rollback->target, &error) < 0)
    break_off(&error, false);
  timed_wait_restored();
  revive_begin(times);
  tell(rollback, GO_BACK);
  revive_wait(rollback->then_count);
  await(&rollback->ended, rollback->ending);
  replace_stopped(rollback);
  if (hooks->rolled_back)
    hooks->rolled_back();
  quiesce_resume();
  revive_go();
}

static int prepare(struct rollback *rollback, struct quiesce_errand *errand,
                   struct hwckpt_error *error) {
  int result = match_threads(rollback, error);
  if (result == 0)
    result = make_stacks(rollback, error);
  if (result == 0)
    result = rewind_plan(&rollback->rewind, error);
  if (result == 0)
    result = rollback_files_look(rollback->target, &rollback->undone, error);
  if (result < 0)
    return result;
  *errand = (struct quiesce_errand){stand, rollback, shelter.stacks, MAIN_STACK,
                                    STACK};
  quiesce_send(errand);
  await(&rollback->standing, rollback->now_count);
  undo_paths_close(&rollback->undone);
  if (rollback->checked == 0)
    return 0;
  *error = rollback->check_error;
  tell(rollback, STAY);
  quiesce_recall();
  return rollback->checked;
}

/* Counted before anybody can see the number: the program may be killed next. */
static uint32_t count_rollback(const struct rollback *rollback, bool *counted) {
  const struct rollback_target *target = rollback->target;
  unsigned count;
  *counted = cache_count_restore(target->cache, target->application,
                                 target->generation, &count, 0) == 0;
  if (!*counted)
    count = cache_reader_generation(rollback->reader)->restores + 1;
  return count + target->uncounted;
}

static void close_all(struct rollback *rollback) {
  undo_paths_close(&rollback->undone);
  struct resource_source *source = &rollback->source;
  size_t count = rollback->record_count;
  private_unmap(rollback->becomes,
                rollback->now_count * sizeof *rollback->becomes);
  private_unmap(rollback->vehicles, count * sizeof *rollback->vehicles);
  private_unmap(rollback->ids, count * sizeof *rollback->ids);
  private_unmap(rollback->then, count * sizeof *rollback->then);
  private_unmap(source->now, RESOURCE_DESCRIPTORS * sizeof *source->now);
  private_unmap(source->scratch, RESOURCE_SCRATCH);
  private_unmap((void *)(uintptr_t)source->records,
                count * sizeof *source->records);
  rewind_close(&rollback->rewind);
  cache_reader_close(rollback->reader);
}

int rollback_take(const struct rollback_target *target,
                  const struct quiesce_hooks *hooks,
                  struct rollback_result *result, struct hwckpt_error *error) {
  /* Not on this thread's stack alone: the others look into it. */
  struct rollback *rollback = private_map(sizeof *rollback);
  struct quiesce_errand errand;
  if (!rollback)
    return no_memory(error, sizeof *rollback);
  rollback->target = target;
  int status = open_generation(rollback, error);
  uint64_t begin = quiesce_now_ns();
  bool stopped = false;
  if (status == 0) {
    status = quiesce_stop(hooks, &rollback->now, &rollback->now_count, error);
    stopped = status == 0;
  }
  if (status == 0)
    status = protect_lift(target->map, error);
  if (status == 0)
    status = prepare(rollback, &errand, error);
  if (status == 0) {
    result->times = count_rollback(rollback, &result->counted);
    go_back(rollback, hooks, result->times);
    result->pages = rollback->rewind.pages;
    result->pause_ns = quiesce_now_ns() - begin;
  } else if (stopped) {
    quiesce_resume();
  }
  close_all(rollback);
  private_unmap(rollback, sizeof *rollback);
  return status;
}

void rollback_forget(void) { memset(&shelter, 0, sizeof shelter); }
