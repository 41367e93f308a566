/* checkpoint_program.c - what is checkpointed: what is opened for it once, the
 * thread that stands for the program, the name of its application. See
 * checkpoint.h.
 */
#include "checkpoint_state.h"

#include "../arch/sys.h"
#include "../resources/info.h"
#include "describe.h"
#include "drain.h"
#include "key.h"
#include "private.h"
#include "program_stderr.h"
#include "quiesce.h"
#include "task.h"
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

void checkpoint_remember(void) { resources_begin(); }

void checkpoint_own_filter(void) { resources_own_filter(); }

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

static void see_other(int tid, void *context) {
  int *found = context;
  if (!*found && !quiesce_is_runtime_thread(tid) && !task_never_stops(tid))
    *found = tid;
}

/* While the threads run: any that is there. */
void checkpoint_look_at_program(void) {
  int pid = (int)SYS(getpid), other = 0;
  if (task_never_stops(pid))
    task_each(see_other, &other);
  checkpoint_look_at(other ? other : pid);
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
  checkpoint.sink.pinned = sink_pinned;
  checkpoint.sink.go_on = options->go_on;
  checkpoint.sink.scratch = private_map(RESOURCE_SCRATCH);
  checkpoint.sink.pidfd = -1;
  checkpoint_look_at_program();
  checkpoint.threads =
      private_map(QUIESCE_THREADS_MAX * sizeof *checkpoint.threads);
  if (!checkpoint.sink.scratch || !checkpoint.threads)
    return hwckpt_fail(error, HWCKPT_E_CAPTURE_MEMORY, ENOMEM, "records", "");
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
