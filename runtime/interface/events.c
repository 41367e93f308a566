/* events.c - see events.h. */
#include "events.h"

#include "../arch/sys.h"
#include "../support/alternate_stacks.h"
#include "../support/checkpoint.h"
#include "../support/forked.h"
#include "../support/key.h"
#include "../support/live.h"
#include "../support/undo.h"
#include "asked.h"
#include "callbacks.h"
#include "checkpoint_thread.h"
#include "committed.h"
#include "confined.h"
#include "cut.h"
#include "let_go.h"
#include "monitor.h"
#include "pending.h"
#include "region_calls.h"
#include "requests.h"
#include "sections.h"
#include "settings.h"
#include "sites.h"
#include "taking.h"

#include <errno.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>

static LIVE struct {
  _Atomic int pid;      /* that is served */
  _Atomic int begun_by; /* the same, from before that is so */
} events;

/* The others of a checkpoint are waited for no longer than 120 s: who holds it
 * up says so before that. */
#define SECTION_WAIT_MOST 100000000000u

/* A thread waits no longer than this for the monitors. */
#define CHANGED_MS 100

bool events_here(void) { return atomic_load(&events.pid) == (int)SYS(getpid); }

uint64_t events_every_site(void) {
  return (uint64_t)settings.options.every_site;
}

uint64_t events_rollback_every(void) {
  return (uint64_t)settings.options.rollback_every;
}

uint64_t events_hang_ns(void) { return settings.options.hang; }

bool events_wanted(void) { return atomic_load(&requests.word) != 0; }

static int request(uint32_t bit) {
  int result = checkpoint_thread_start();
  if (result < 0)
    return result;
  requests_wake(bit);
  return 0;
}

int events_request_regions(void) { return request(REQUEST_REGIONS); }

/* One thread of a child begins its runtime, others that come wait for that. */
static bool begin_in_child(void) {
  int own = (int)SYS(getpid), parent = atomic_load(&events.begun_by);
  if (parent != own &&
      atomic_compare_exchange_strong(&events.begun_by, &parent, own)) {
    uint64_t all = ~0ull, before;
    SYS(rt_sigprocmask, SIG_SETMASK, &all, &before, 8);
    monitors_forget();
    sites_begin_in_child();
    cut_forget();
    sections_begin_in_child();
    callbacks_begin_in_child();
    region_calls_begin_in_child();
    let_go_begin_in_child();
    forked_begin(sites_keep);
    events_start(&settings.options, settings.cache, "", 0, -1);
    SYS(rt_sigprocmask, SIG_SETMASK, &before, 0, 8);
  }
  while (!events_here())
    SYS(sched_yield);
  return true;
}

bool events_serve(void) {
  return events_here() ||
         (cut_is_there() && forked_is_apart() && begin_in_child());
}

void events_forked(void) {
  forked_note();
  /* Of a thread that forks before libc, which has made it, has returned. */
  __hwckpt_thread_created();
  if (cut_is_there() && monitors_wanted_in_children() && events_serve())
    events_await_monitors();
}

int events_request_patiently(Event event, uint32_t detail) {
  if (!events_serve())
    return -ENOSYS;
  pending_post(event, detail);
  return request(1u << event);
}

int events_request(Event event, uint32_t detail) {
  if (!events_serve())
    return -ENOSYS;
  atomic_fetch_or(&requests.urgent, 1u << event);
  return events_request_patiently(event, detail);
}

int events_request_rollback(void) {
  return events_here() ? request(REQUEST_LOAD) : -ENOSYS;
}

int events_look_again(void) {
  return events_here() ? request(REQUEST_LOOK) : -ENOSYS;
}

_Atomic uint32_t *events_word(uint32_t *bit) {
  *bit = REQUEST_LOOK;
  return &requests.word;
}

uint64_t events_restored_from(void) { return settings.generation; }

uint64_t events_begun_ns(void) { return checkpoint_thread_begun_ns(); }

void events_join(uint32_t cut) {
  if (!events_serve())
    return;
  atomic_store(&requests.cut, cut);
  request(REQUEST_TREE);
}

void events_request_exit(int signal, uint32_t detail) {
  if (events_here() && (!cut_is_there() || cut_is_root())) {
    atomic_store(&requests.exit_signal, signal);
    if (events_request(Event_EVENT_SIGNAL, detail) == 0)
      return;
  }
  taking_end(signal);
}

void events_await_monitors(void) {
  uint32_t change = atomic_load(&requests.changes);
  for (int i = 0; i < CHANGED_MS && checkpoint_thread_is_there(); i++) {
    uint32_t seen = atomic_load(&requests.changes_seen);
    if ((int32_t)(seen - change) >= 0)
      return;
    struct timespec millisecond = {0, 1000000};
    SYS(futex, &requests.changes_seen, FUTEX_WAIT_PRIVATE, seen, &millisecond,
        0, 0);
  }
}

/* From here on they watch, or the checkpoint thread is busy for long. */
void events_monitors_changed(bool wait) {
  atomic_fetch_add(&requests.changes, 1);
  if (!events_here() || checkpoint_thread_start() < 0)
    return;
  requests_wake(REQUEST_CHANGED);
  if (wait)
    events_await_monitors();
}

static void ask_save(void) { events_request(Event_EVENT_SAVE, 0); }
static void ask_load(void) { request(REQUEST_LOAD); }
static void ask_every_site(void) { events_request(Event_EVENT_EVERY_SITE, 0); }

int events_save_by(ucontext_t *context, void (*ask)(void)) {
  if (!events_serve())
    return -ENOSYS;
  if (sections_own() || callbacks_own()) /* it would wait for itself */
    return -EDEADLK;
  int result = confined_may_park();
  if (result == 0)
    result = checkpoint_thread_start();
  return result < 0 ? result
                    : quiesce_park_until_saved(PARK_SAVE, context, ask);
}

int events_save(ucontext_t *context) {
  return events_save_by(context, ask_save);
}

void events_wait_by(ucontext_t *context, void (*ask)(void)) {
  if (events_here() && !sections_own() && !callbacks_own() &&
      confined_may_park() == 0 && checkpoint_thread_start() == 0)
    quiesce_park_until_saved(PARK_WAIT, context, ask);
}

void events_save_at_site(ucontext_t *context) {
  events_wait_by(context, ask_every_site);
}

int events_load(ucontext_t *context) {
  if (!events_here())
    return -ENOSYS;
  int result = confined_may_park();
  if (result == 0)
    result = checkpoint_thread_start();
  return result < 0 ? result
                    : quiesce_park_until_saved(PARK_LOAD, context, ask_load);
}

uint64_t events_newest(void) {
  uint64_t number;
  checkpoint_newest(&number);
  return number ? number : settings.generation;
}

/* Every site traps from the first on. */
static void arm_from_start(void) {
  uint64_t all = ~0ull, before;
  SYS(rt_sigprocmask, SIG_SETMASK, &all, &before, 8);
  sites_arm_stopped();
  SYS(rt_sigprocmask, SIG_SETMASK, &before, 0, 8);
}

/* Of an application's name: not of a part of one. */
static bool is_whole(const char *application) {
  while (*application && *application != '/')
    application++;
  return !*application;
}

void events_start(const struct hwckpt_options *options, const char *cache,
                  const char *application, uint64_t generation, int tracking) {
  int own = (int)SYS(getpid);
  settings.options = *options;
  if (settings.options.section_wait > SECTION_WAIT_MOST)
    settings.options.section_wait = SECTION_WAIT_MOST;
  cut_start(options->tree, generation != 0,
            generation != 0 && is_whole(application));
  key_is_at(&(struct key_place){options->key, options->key_file,
                                options->key_command, settings.begun_in});
  atomic_store(&events.begun_by, own);
  monitors_of_member(cut_is_there() && !cut_is_root());
  if (cut_is_there() && !cut_is_root()) {
    /* The first has the timer of all. */
    settings.options.every = 0;
    settings.options.every_site = settings.options.rollback_every = 0;
    if (!generation) /* a name that was given is the whole's */
      application = "";
  }
  options = &settings.options;
  hwckpt_format(settings.cache, sizeof settings.cache, "%s", cache);
  hwckpt_format(settings.application, sizeof settings.application, "%s",
                application);
  settings.generation = generation;
  settings.tracking = tracking;
  requests_clear();
  checkpoint_thread_forget();
  pending_clear();
  committed_start(generation);
  if (generation) {
    sections_forget();
    callbacks_restored();
  }
  quiesce_pass(asked_signal);
  quiesce_install();
  if (*options->rollback_on || options->track[0] == 'm')
    alternate_stacks_reserve();
  atomic_store(&events.pid, own);
  if (!generation && settings_take_back()) {
    undo_reserve();
    undo_executed();
  }
  if (generation && settings_take_back()) {
    undo_limit(options->undo, options->mapped);
    undo_restored(settings.cache, settings.application, generation);
  }
  if (settings_always_armed())
    arm_from_start();
  /* What tracks memory since the restore is the thread's to keep. */
  bool filtered = generation && checkpoint_is_filtered();
  if (options->every || settings_always_armed() || tracking >= 0 || filtered)
    checkpoint_thread_start();
  if (monitors_wanted())
    events_monitors_changed(false);
  if (region_calls_wait()) /* since before the checkpoint */
    request(REQUEST_REGIONS);
  if (let_go_waits())
    request(REQUEST_LET_GO);
}
