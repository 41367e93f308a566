/* checkpoint_program.c - what is checkpointed: what is opened for it once, the
 * thread that stands for the program, the name of its application. See
 * checkpoint.h.
 */
#include "checkpoint_state.h"

#include "../arch/sys.h"
#include "../resources/info.h"
#include "describe.h"
#include "drain.h"
#include "errand.h"
#include "key.h"
#include "private.h"
#include "program_stderr.h"
#include "quiesce.h"
#include "undo.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

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

static void sink_pinned(struct resource_sink *sink, uint64_t begin,
                        uint64_t end) {
  (void)sink;
  rest_touch(&checkpoint.rest, begin, end);
}

static void sink_written(struct resource_sink *sink) {
  (void)sink;
  rest_search_in_vain(&checkpoint.rest);
}

static int sink_on_threads(const struct resource_sink *sink,
                           void (*task)(unsigned thread, void *argument),
                           void *argument, struct hwckpt_error *error) {
  return errand_of_all(task, argument, (unsigned)sink->thread_count, error);
}

void checkpoint_remember(void) { resources_begin(); }

void checkpoint_own_filter(void) { resources_own_filter(); }

bool checkpoint_began_filtered(void) { return resources_other_filters() != 0; }

int checkpoint_may_stop(struct hwckpt_error *error) {
  return resources_may_stop(error);
}

bool checkpoint_is_filtered(void) {
  if (resources_forbid_undo())
    undo_forbid();
  return resources_filtered();
}

#ifndef PIDFD_THREAD
#define PIDFD_THREAD O_EXCL /* Linux 6.9 */
#endif

/* Whose descriptors and status the program's are: once the main thread has
 * ended, another thread's. */
void checkpoint_look_at(int tid) {
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

/* While the threads run. */
void checkpoint_look_at_program(void) {
  checkpoint_look_at(quiesce_program_thread());
}

/* ---- what is opened ---- */

static int open_cache(struct hwckpt_error *error) {
  return key_open_cache(checkpoint.options.cache, true, &checkpoint.cache,
                        error);
}

static int open_dirty(struct hwckpt_error *error) {
  int tracking = checkpoint.tracking_given ? -1 : checkpoint.options.tracking;
  checkpoint.tracking_given = true;
  checkpoint.dirty.others = checkpoint.options.go_on;
  return dirty_open(&checkpoint.dirty, checkpoint.options.track, tracking,
                    error);
}

static int open_map(struct hwckpt_error *error) {
  return memory_map_open(&checkpoint.map, error);
}

static int open_mapped(struct hwckpt_error *error) {
  return mapped_files_open(&checkpoint.mapped, error);
}

static int open_settings(struct hwckpt_error *error) {
  return memory_settings_open(&checkpoint.settings, error);
}

static int open_guards(struct hwckpt_error *error) {
  return guards_open(&checkpoint.guards, error);
}

static int open_registered(struct hwckpt_error *error) {
  return registered_open(&checkpoint.registered, error);
}

static int open_ring(struct hwckpt_error *error) {
  return ring_open(&checkpoint.ring, checkpoint.options.ring_bytes, error);
}

static int open_capture(struct hwckpt_error *error) {
  return capture_open(&checkpoint.capture, &checkpoint.ring, &checkpoint.dirty,
                      error);
}

static int open_unused(struct hwckpt_error *error) {
  return unused_open(&checkpoint.capture.unused, checkpoint.options.unused,
                     error);
}

static int open_rest(struct hwckpt_error *error) {
  checkpoint.rest.settings = &checkpoint.settings;
  return rest_open(&checkpoint.rest, &checkpoint.capture, &checkpoint.map,
                   error);
}

static int open_stage(struct hwckpt_error *error) {
  return stage_open(&checkpoint.stage, error);
}

static int open_head(struct hwckpt_error *error) {
  return stage_open(&checkpoint.head, error);
}

static int open_sink(struct hwckpt_error *error) {
  size_t threads = QUIESCE_THREADS_MAX * sizeof *checkpoint.threads;
  void *scratch = private_map(RESOURCE_SCRATCH);
  checkpoint.threads = private_map(threads);
  if (!scratch || !checkpoint.threads) {
    private_unmap(scratch, RESOURCE_SCRATCH);
    private_unmap(checkpoint.threads, threads);
    return hwckpt_fail(error, HWCKPT_E_CAPTURE_MEMORY, ENOMEM, "records", "");
  }
  checkpoint.sink.put = sink_put;
  checkpoint.sink.warn = sink_warn;
  checkpoint.sink.pinned = sink_pinned;
  checkpoint.sink.written = sink_written;
  checkpoint.sink.on_threads = sink_on_threads;
  checkpoint.sink.go_on = checkpoint.options.go_on;
  checkpoint.sink.scratch = scratch;
  checkpoint.sink.pidfd = -1;
  return 0;
}

/* The thread last: it is not ended when another one fails. */
static int open_drain(struct hwckpt_error *error) {
  return drain_open(&checkpoint.ring, error);
}

static int (*const parts[])(struct hwckpt_error *error) = {
    open_cache,  open_dirty,      open_map,  open_mapped,  open_settings,
    open_guards, open_registered, open_ring, open_capture, open_unused,
    open_rest,   open_stage,      open_head, open_sink,    open_drain,
};
#define PARTS (sizeof parts / sizeof *parts)

/* What has failed leaves nothing, and is tried again by the next call. */
int checkpoint_open(const struct checkpoint_options *options,
                    struct hwckpt_error *error) {
  checkpoint.options = *options;
  describe_remember_program();
  for (; checkpoint.opened < PARTS; checkpoint.opened++) {
    int result = parts[checkpoint.opened](error);
    if (result < 0)
      return result;
  }
  hwckpt_format(checkpoint.application, sizeof checkpoint.application, "%s",
                options->application);
  checkpoint.named = options->application_exists;
  checkpoint.target = options->generation;
  if (checkpoint.dirty.inherited && options->generation) {
    checkpoint.newest = options->generation;
    checkpoint.tracked = checkpoint.inherited = true;
    checkpoint.captured = UNKNOWN_PAGES;
  }
  checkpoint_look_at_program();
  return 0;
}

/* ---- its name ---- */

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

/* The program's name, as the kernel shortens it, names its application. */
int checkpoint_name_application(struct hwckpt_error *error) {
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
