/* resume.c - the program's side of a restore: kernel objects and threads come
 * back, and every thread goes on at the signal frame it parked in.
 *
 * Runs on a stack in the restorer's memory until all threads stand ready, in an
 * image whose runtime state is that of the capture: what belonged to threads
 * and descriptors of then is forgotten first. Nothing here may use libc.
 */
#include "resume.h"

#include "../../tools/restorer/plan.h"
#include "../arch/arch.h"
#include "../arch/sys.h"
#include "../resources/resource.h"
#include "checkpoint.h"
#include "loaded.h"
#include "private.h"
#include "quiesce.h"
#include "record_types.h"
#include "restored.h"

#include <errno.h>
#include <linux/futex.h>
#include <linux/sched.h>
#include <pb_decode.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/prctl.h>

#define THREAD_STACK_GAP                                                       \
  512 /* below the frame, beyond what is parked there                          \
       */

static restored_function *on_restored;

static const char *program_options = "";

void restored_notify(restored_function *function, const char *options) {
  on_restored = function;
  program_options = options;
}

/* The first letter of the value that `name=` has last in the text; 0: none. The
 * option was checked when the text was given. */
static char option_letter(const char *text, const char *name) {
  size_t length = strlen(name);
  char letter = 0;
  for (bool begins = true; *text; text++) {
    if (begins && strlen(text) > length && memcmp(text, name, length) == 0)
      letter = text[length];
    begins = *text == ':' || *text == ' ' || *text == ',';
  }
  return letter;
}

static enum file_policy file_policy(const char *override) {
  char letter = option_letter(override, "files=");
  if (!letter)
    letter = option_letter(program_options, "files=");
  return letter == 'k'   ? FILES_KEEP
         : letter == 'c' ? FILES_CHECK
                         : FILES_ROLLBACK;
}

/* Shared by the threads that come back; in the image, so that it outlives the
 * restorer. */
static struct {
  _Atomic uint32_t ready; /* threads that stand at their frame (futex) */
  _Atomic uint32_t go;    /* futex */
  uint32_t restores;
  bool keep_ids;
  int status_fd;
} back;

static void send_status(uint32_t kind, const struct hwckpt_error *error) {
  struct restore_status status;
  memset(&status, 0, sizeof status);
  status.kind = kind;
  status.ns = quiesce_now_ns();
  if (error)
    status.error = *error;
  SYS(write, back.status_fd, &status, sizeof status);
}

static _Noreturn void fail(const struct hwckpt_error *error) {
  send_status(RESTORE_FAILED, error);
  for (;;)
    SYS(exit_group, 125);
}

static void warn(struct resource_source *source,
                 const struct hwckpt_error *error) {
  (void)source;
  send_status(RESTORE_WARNING, error);
}

/* The attributes of a thread that only the thread itself can set. */
static void become(const Thread *thread) {
  uint64_t fs = 0, gs = 0;
  arch_get_tls(&fs, &gs);
  arch_set_tls(thread->fs_base, thread->gs_base);
  int tid = (int)SYS(set_tid_address, thread->clear_tid);
  /* libc keeps the thread's id where the kernel clears it. */
  int *kept = (int *)thread->clear_tid;
  if (kept && *kept == thread->tid && tid != thread->tid)
    *kept = tid;
  if (thread->robust_list)
    SYS(set_robust_list, thread->robust_list, thread->robust_length);
  if (thread->rseq)
    SYS(rseq, thread->rseq, thread->rseq_length, 0, thread->rseq_signature);
  SYS(prctl, PR_SET_NAME, thread->name, 0, 0, 0);
  ucontext_t *context = (ucontext_t *)thread->frame;
  if (thread->in_save)
    arch_context_set_result(context, back.restores);
}

static void thread_main(void *argument) {
  const Thread *thread = argument;
  const ucontext_t *context = (const ucontext_t *)thread->frame;
  become(thread);
  atomic_fetch_add(&back.ready, 1);
  SYS(futex, &back.ready, FUTEX_WAKE_PRIVATE, 1, 0, 0, 0);
  while (!atomic_load(&back.go))
    SYS(futex, &back.go, FUTEX_WAIT_PRIVATE, 0, 0, 0, 0);
  arch_sigreturn(context);
}

/* Returns its id. */
static int start_thread(const Thread *thread, struct hwckpt_error *error) {
  /* The stack below the frame held the handler that parked the thread. */
  char *stack = (char *)(thread->frame - THREAD_STACK_GAP);
  long tid = arch_spawn_as(CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND |
                               CLONE_THREAD | CLONE_SYSVSEM,
                           back.keep_ids ? thread->tid : 0, stack, 0,
                           thread_main, (void *)thread);
  if (tid < 0) {
    char object[32];
    hwckpt_format(object, sizeof object, "thread %d", thread->tid);
    hwckpt_fail(error, HWCKPT_E_RESUME, (int)-tid, object, "clone3");
    fail(error);
  }
  return (int)tid;
}

static bool decode_thread(const struct resume_record *record, Thread *thread) {
  pb_istream_t stream = pb_istream_from_buffer(record->data, record->length);
  memset(thread, 0, sizeof *thread);
  return pb_decode(&stream, Thread_fields, thread);
}

/* Decodes all Thread records; the array is in the restorer's memory no longer
 * needed than until all threads are ready. */
static unsigned decode_threads(const struct resume_info *info, Thread *threads,
                               unsigned room, struct hwckpt_error *error) {
  unsigned count = 0;
  for (uint64_t i = 0; i < info->record_count; i++) {
    if (info->records[i].type != RECORD_THREAD)
      continue;
    if (count == room || !decode_thread(&info->records[i], &threads[count])) {
      hwckpt_fail(error, HWCKPT_E_RECORD, 0, "thread", "record %u", count);
      fail(error);
    }
    count++;
  }
  if (!count) {
    hwckpt_fail(error, HWCKPT_E_RECORD, 0, "thread", "no thread");
    fail(error);
  }
  return count;
}

static void *scratch(size_t length, struct hwckpt_error *error) {
  void *memory = private_map(length);
  if (!memory) {
    hwckpt_fail(error, HWCKPT_E_RESTORE_MEMORY, ENOMEM, "resume", "%zu bytes",
                length);
    fail(error);
  }
  return memory;
}

static void restore_resources(const struct resume_info *info,
                              struct resource_source *source,
                              struct hwckpt_error *error) {
  *source = (struct resource_source){
      .records = (const struct resource_record *)info->records,
      .count = info->record_count,
      .warn = warn,
      .scratch = scratch(RESOURCE_SCRATCH, error),
      .inherited = {0, 1, 2},
      .files = file_policy(info->options),
  };
  if (resources_restore(source, &back.status_fd, error) < 0)
    fail(error);
}

static void finish_resources(struct resource_source *source,
                             const struct thread_now *threads, unsigned count,
                             struct hwckpt_error *error) {
  source->threads = threads;
  source->thread_count = count;
  if (resources_finish(source, error) < 0)
    fail(error);
  private_unmap(source->scratch, RESOURCE_SCRATCH);
}

static void wait_until_ready(unsigned count) {
  for (;;) {
    uint32_t ready = atomic_load(&back.ready);
    if (ready == count)
      return;
    SYS(futex, &back.ready, FUTEX_WAIT_PRIVATE, ready, 0, 0, 0);
  }
}

void resume(const struct resume_info *info) {
  static struct hwckpt_error error;
  back.ready = back.go = 0;
  back.restores = info->restores;
  back.keep_ids = info->keep_ids;
  back.status_fd = info->status_fd;
  private_forget();
  quiesce_forget();
  checkpoint_forget();
  loaded_restored(info->lazily);
  struct resource_source source;
  restore_resources(info, &source, &error);

  unsigned room = (unsigned)info->record_count;
  size_t bytes = room * (sizeof(Thread) + sizeof(struct thread_now));
  Thread *threads = scratch(bytes, &error);
  struct thread_now *now = (struct thread_now *)(threads + room);
  unsigned count = decode_threads(info, threads, room, &error);
  now[0] = (struct thread_now){threads[0].tid, (int)SYS(getpid)};
  for (unsigned i = 1; i < count; i++)
    now[i] =
        (struct thread_now){threads[i].tid, start_thread(&threads[i], &error)};
  become(&threads[0]);
  if (threads[0].parent_death_signal)
    SYS(prctl, PR_SET_PDEATHSIG, threads[0].parent_death_signal, 0, 0, 0);
  wait_until_ready(count - 1);
  finish_resources(&source, now, count, &error);
  if (on_restored)
    on_restored(info->cache, info->application, info->options);
  send_status(RESTORE_RUNNING, 0);
  SYS(close, back.status_fd);
  const ucontext_t *context = (const ucontext_t *)threads[0].frame;
  private_unmap(threads, bytes);
  atomic_store(&back.go, 1);
  SYS(futex, &back.go, FUTEX_WAKE_PRIVATE, 0x7fffffff, 0, 0, 0);
  arch_unmap_and_sigreturn((void *)info->restorer_begin,
                           info->restorer_end - info->restorer_begin, context);
}
