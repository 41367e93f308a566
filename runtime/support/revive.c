/* revive.c - see revive.h. */
#include "revive.h"

#include "../arch/arch.h"
#include "../arch/sys.h"
#include "../resources/resource.h"
#include "thread_settings.h"

#include <linux/futex.h>
#include <linux/sched.h>
#include <pb_decode.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/prctl.h>

/* Below the frame, beyond what is parked there. */
#define STACK_GAP 512

/* What threads that stand ready do next; what is between is the number of a
 * task. */
#define STAND 0u
#define GO UINT32_MAX

/* In the image: it outlives the restorer. */
static struct {
  _Atomic uint32_t ready; /* threads that stand at their frame (futex) */
  _Atomic uint32_t go;    /* futex */
  uint32_t tasks;         /* so many were done */
  void (*task)(void *argument);
  void *argument;
  uint32_t times;
  struct arch_xstate xstate; /* of the processor that it goes on with */
} back;

void revive_begin(uint32_t times) {
  atomic_store(&back.ready, 0);
  atomic_store(&back.go, STAND);
  back.tasks = 0;
  back.times = times;
  arch_xstate_look(&back.xstate);
}

bool revive_decode(const void *data, size_t length, Thread *thread) {
  pb_istream_t stream = pb_istream_from_buffer(data, length);
  memset(thread, 0, sizeof *thread);
  return pb_decode(&stream, Thread_fields, thread);
}

void revive_become(const Thread *thread) {
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
  thread_settings_restore(thread);
  ucontext_t *context = (ucontext_t *)thread->frame;
  arch_xstate_fit(&back.xstate, context);
  if (thread->in_save)
    arch_context_set_result(context, back.times);
}

static void wait_while(_Atomic uint32_t *word, uint32_t value) {
  while (atomic_load(word) == value)
    SYS(futex, word, FUTEX_WAIT_PRIVATE, value, 0, 0, 0);
}

static void wake_all(_Atomic uint32_t *word) {
  SYS(futex, word, FUTEX_WAKE_PRIVATE, 0x7fffffff, 0, 0, 0);
}

static void tell_ready(void) {
  atomic_fetch_add(&back.ready, 1);
  wake_all(&back.ready);
}

static void tell_all(uint32_t next) {
  atomic_store(&back.go, next);
  wake_all(&back.go);
}

_Noreturn void revive_stand_ready(const Thread *thread) {
  const ucontext_t *context = (const ucontext_t *)thread->frame;
  tell_ready();
  for (uint32_t next = STAND; next != GO;) {
    wait_while(&back.go, next);
    next = atomic_load(&back.go);
    if (next == STAND || next == GO)
      continue;
    back.task(back.argument);
    tell_ready();
  }
  resources_confine(false);
  resources_become();
  resources_confine(true);
  arch_sigreturn(context);
}

static void thread_main(void *argument) {
  revive_become(argument);
  revive_stand_ready(argument);
}

int revive_start(const Thread *thread, bool keep_id) {
  /* The stack below the frame held the handler that parked the thread. */
  char *stack = (char *)(thread->frame - STACK_GAP);
  return (int)arch_spawn_as(CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND |
                                CLONE_THREAD | CLONE_SYSVSEM,
                            keep_id ? thread->tid : 0, stack, 0, thread_main,
                            (void *)(uintptr_t)thread);
}

void revive_wait(uint32_t count) {
  for (;;) {
    uint32_t ready = atomic_load(&back.ready);
    if (ready == count)
      return;
    wait_while(&back.ready, ready);
  }
}

void revive_go(void) { tell_all(GO); }

void revive_have_others(const struct resource_source *source,
                        void (*task)(void *argument), void *argument) {
  back.task = task;
  back.argument = argument;
  atomic_store(&back.ready, 0);
  tell_all(++back.tasks);
  revive_wait((uint32_t)source->thread_count - 1);
  atomic_store(&back.go, STAND); /* in a rollback this thread stands too */
}
