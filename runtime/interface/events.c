/* events.c - see events.h. */
#include "events.h"

#include "../arch/sys.h"
#include "../support/alternate_stacks.h"
#include "../support/checkpoint.h"
#include "../support/forked.h"
#include "../support/handlers.h"
#include "../support/key.h"
#include "../support/live.h"
#include "../support/program_stderr.h"
#include "../support/undo.h"
#include "asked.h"
#include "callbacks.h"
#include "committed.h"
#include "counters.h"
#include "cut.h"
#include "hooks.h"
#include "monitor.h"
#include "pending.h"
#include "region_calls.h"
#include "rollbacks.h"
#include "sections.h"
#include "sites.h"
#include "timer.h"
#include "watch_pages.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

static LIVE struct {
  _Atomic int pid;      /* that is served */
  _Atomic int begun_by; /* the same, from before that is so */
  _Atomic uint32_t cut; /* of REQUEST_TREE */
  struct hwckpt_options options;
  char cache[4096];
  char application[CACHE_NAME_MAX];
  uint64_t generation; /* that the program comes back from, 0: none */
  int tracking; /* descriptor of the thread: tracks memory since then, or -1 */
  _Atomic uint32_t requests; /* bit per Event, and REQUEST_LOAD (futex) */
  _Atomic uint32_t started;
  /* Changes to what monitors watch for, and those they have heard of (futex).
   */
  _Atomic uint32_t changes, changes_seen;
  uint32_t waiting; /* bit per Event: requested, and not yet to be served */
  _Atomic uint32_t urgent; /* not to wait for a site, likewise */
  _Atomic int exit_signal; /* the program is to end after the next, 0: not */
  _Atomic uint64_t begun;  /* when the last checkpoint was, 0: none */
  uint64_t site_until;     /* so long this one may wait for a site */
  uint64_t turn_since;     /* it waits for its turn, 0: no */
} events;

/* Regions are to be saved or loaded. */
#define REQUEST_REGIONS 29
/* To be rolled back: no event of a checkpoint. */
#define REQUEST_LOAD 30
/* A checkpoint of all processes is taken. */
#define REQUEST_TREE 28
/* In requests, beside the events: monitors have something else to watch. */
#define CHANGED 0x80000000u
/* And: something is held back, or somebody is. */
#define LOOK 0x20000000u
/* A thread waits no longer than this for the monitors. */
#define CHANGED_MS 100

bool events_here(void) { return atomic_load(&events.pid) == (int)SYS(getpid); }

uint64_t events_every_site(void) { return (uint64_t)events.options.every_site; }

uint64_t events_rollback_every(void) {
  return (uint64_t)events.options.rollback_every;
}

uint64_t events_hang_ns(void) { return events.options.hang; }

bool events_wanted(void) { return atomic_load(&events.requests) != 0; }

/* Whether sites trap at all times. */
static bool always_armed(void) {
  return events.options.every_site || events.options.rollback_every;
}

/* ---- the checkpoint thread ---- */

void events_report(const char *text) {
  program_stderr_borrow();
  hwckpt_face_report(text);
  program_stderr_return();
}

static void say(const struct checkpoint_result *result) {
  char text[256];
  hwckpt_format(text, sizeof text,
                "hwckpt: %s/%llu %s, %llu pages, paused %llu us\n",
                result->generation.application,
                (unsigned long long)result->generation.number,
                result->generation.parent ? "delta" : "base",
                (unsigned long long)result->generation.pages,
                (unsigned long long)result->statistics.pause_ns / 1000u);
  events_report(text);
}

/* What fails again and again is said once. */
void events_say(const struct hwckpt_error *error) {
  static LIVE char said[1400];
  char text[sizeof said];
  size_t size = hwckpt_error_text(error, "hwckpt", text, sizeof text) + 1;
  if (memcmp(said, text, size) == 0)
    return;
  memcpy(said, text, size);
  events_report(text);
}

/* The place of a word in a list of words that ends with a null pointer. */
static int word_index(const char *word, const char *const *words) {
  for (int i = 0; words[i]; i++)
    if (strlen(words[i]) == strlen(word) &&
        memcmp(words[i], word, strlen(word)) == 0)
      return i;
  return 0;
}

static const char *const track_words[] = {
    [DIRTY_AUTO] = "auto",       [DIRTY_WP] = "wp",
    [DIRTY_SOFT] = "soft-dirty", [DIRTY_PROTECT] = "mprotect",
    [DIRTY_FULL] = "full",       0};
static const char *const method_words[] = {[CHECKPOINT_AUTO] = "auto",
                                           [CHECKPOINT_STOP] = "stop",
                                           [CHECKPOINT_PRECOPY] = "precopy",
                                           [CHECKPOINT_COW] = "cow",
                                           0};

static const char *const unused_words[] = {[UNUSED_HEAP] = "heap",
                                           [UNUSED_HEAP_STACK] = "heap+stacks",
                                           [UNUSED_NOTHING] = "nothing",
                                           0};

/* What the program changes in files is kept: rollback, and its old name. */
static bool takes_back(const struct hwckpt_options *options) {
  return options->files[0] == 'r' || options->files[0] == 'e';
}

static int open_checkpoints(struct hwckpt_error *error) {
  struct checkpoint_options options = {
      .cache = events.cache,
      .application = events.application,
      .application_exists = events.generation != 0,
      .generation = events.generation,
      .tracking = events.tracking,
      .track = (enum dirty_method)word_index(events.options.track, track_words),
      .method = (enum checkpoint_method)word_index(events.options.method,
                                                   method_words),
      .unused =
          (enum unused_kinds)word_index(events.options.unused, unused_words),
      .undo = takes_back(&events.options),
      .undo_most = events.options.undo,
      .go_on = events.options.on_unsupported[0] == 'w',
      .level = (int)events.options.level,
      .base_every = (unsigned)events.options.base_every,
      .retention = {.keep = (unsigned)events.options.keep,
                    .keep_for_ns = events.options.keep_for,
                    .quota = events.options.quota,
                    .shared_quota = events.options.cache_quota,
                    .weight = (unsigned)events.options.weight},
      .huge = events.options.huge,
      .ring_bytes = (size_t)events.options.ring << 20,
  };
  return checkpoint_open(&options, error);
}

/* A save asks when its thread waits already: a checkpoint that was under way
 * may have served it. */
static bool is_served(Event event, bool posted) {
  bool known, waited_for = monitors_wait_for(event, &known);
  if (known)
    return !waited_for;
  if (event == Event_EVENT_SAVE || event == Event_EVENT_EVERY_SITE ||
      event == Event_EVENT_SEND)
    return !quiesce_save_waits() && (event != Event_EVENT_SEND || !posted);
  return !posted;
}

#define ALL_EVENTS ((2u << _Event_MAX) - 1)

static void tell_monitors(void) {
  uint32_t changes = atomic_load(&events.changes);
  monitors_start(&events.options);
  atomic_store(&events.changes_seen, changes);
  SYS(futex, &events.changes_seen, FUTEX_WAKE_PRIVATE, INT_MAX, 0, 0, 0);
}

/* The end of the option spacing. */
static uint64_t spaced_until(void) {
  uint64_t begun = atomic_load(&events.begun);
  return begun && events.options.spacing ? begun + events.options.spacing : 0;
}

/* Somebody who waits does so whatever the option spacing says. */
static bool is_ready(uint64_t now) {
  if (!events.waiting || sections_open())
    return false;
  return now >= spaced_until() || atomic_load(&events.exit_signal) ||
         quiesce_save_waits() || monitors_wait();
}

/* Between looks whether others are done: this, or an eighth of what was waited
 * until now. */
#define TURN_LOOK_NS 2000000u
#define TURN_PARTS 8u

/* What nobody waits for waits until no other application of the cache takes a
 * checkpoint, for a while. */
static bool has_turn(uint64_t now) {
  if (!events.options.turn || atomic_load(&events.exit_signal) ||
      quiesce_save_waits() || monitors_wait())
    return true;
  if (!events.turn_since)
    events.turn_since = now;
  return checkpoint_turn_take() ||
         now - events.turn_since >= events.options.turn;
}

static void end_turn(void) {
  events.turn_since = 0;
  checkpoint_turn_end();
}

/* Until it may be our turn, or there is a request. */
static void await_turn(uint64_t now) {
  uint64_t wait = (now - events.turn_since) / TURN_PARTS;
  struct timespec timeout = {0,
                             (long)(wait > TURN_LOOK_NS ? wait : TURN_LOOK_NS)};
  if (timeout.tv_nsec > 999999999)
    timeout.tv_nsec = 999999999;
  SYS(futex, &events.requests, FUTEX_WAIT_PRIVATE, 0, &timeout, 0, 0);
}

static struct pending take_waiting(void) {
  uint32_t urgent = atomic_exchange(&events.urgent, 0);
  struct pending taken = pending_take(events.waiting, is_served);
  events.waiting = 0;
  uint64_t wait = taken.events & urgent ? 0 : monitors_site_ns();
  events.site_until = wait ? quiesce_now_ns() + wait : 0;
  return taken;
}

/* Until a request, or a monitor or the end of the spacing is due. */
static void sleep_until_due(uint64_t due_ns, uint64_t now) {
  uint64_t until = events.waiting ? spaced_until() : due_ns;
  if (events.waiting && sections_open()) /* whose end wakes us */
    until = UINT64_MAX;
  uint64_t left = until > now ? until - now : 0;
  struct timespec timeout = {(time_t)(left / 1000000000u),
                             (long)(left % 1000000000u)};
  SYS(futex, &events.requests, FUTEX_WAIT_PRIVATE, 0,
      until == UINT64_MAX ? 0 : &timeout, 0, 0);
}

enum next { NEXT_EVENTS, NEXT_LOAD, NEXT_TREE };

/* Sleeps until there is something to do; what is to be served is *taken.
 * NEXT_LOAD goes first: a checkpoint of now would be one of what is to be
 * undone. */
static enum next next_events(struct pending *taken) {
  for (;;) {
    /* First: what comes while monitors are asked is looked at again. */
    uint32_t requests = atomic_exchange(&events.requests, 0);
    uint64_t now = quiesce_now_ns(), due_ns = monitors_due(now);
    events.waiting |= requests & ALL_EVENTS;
    if (requests & CHANGED) {
      tell_monitors();
      due_ns = now; /* they are asked again */
    }
    if (requests >> REQUEST_REGIONS & 1 && region_calls_wait()) {
      watch_pages_let();
      region_calls_serve();
    }
    bool asked = rollbacks_begin();
    if (asked || (requests >> REQUEST_LOAD & 1 && quiesce_load_waits()))
      return NEXT_LOAD;
    if (requests >> REQUEST_TREE & 1) {
      *taken = take_waiting();
      return NEXT_TREE;
    }
    if (!is_ready(now)) {
      sleep_until_due(due_ns, now);
      continue;
    }
    if (!has_turn(now)) {
      await_turn(now);
      continue;
    }
    *taken = take_waiting();
    if (taken->events)
      return NEXT_EVENTS;
    end_turn();
  }
}

/* Whoever waits for the checkpoint does not wait for a site. */
static bool in_a_hurry(void) {
  return atomic_load(&events.urgent) || atomic_load(&events.exit_signal);
}

/* Last before the stop. */
static void prepare(void) {
  sites_prepare();
  if (events.site_until)
    sites_await_annotated(events.site_until, in_a_hurry);
}

/* What the checkpoint had the program wait for is over. */
static void go_on(void) {
  sections_let_in();
  callbacks_after();
}

/* All stand, or go on again. */
static void disarm(void) {
  sites_disarm();
  watch_pages_open();
}

static void arm_stopped(void) {
  sites_arm_stopped();
  watch_pages_close();
}

static const struct quiesce_hooks hooks = {.prepare = prepare,
                                           .arm = sites_arm,
                                           .disarm = disarm,
                                           .resume = watch_pages_close,
                                           .captured = go_on,
                                           .rolled_back = rollbacks_undone};
/* No site may be passed unseen. */
static const struct quiesce_hooks armed_hooks = {.prepare = sites_prepare,
                                                 .arm = sites_arm,
                                                 .disarm = disarm,
                                                 .resume = arm_stopped,
                                                 .captured = go_on,
                                                 .rolled_back =
                                                     rollbacks_undone};

int events_errno(const struct hwckpt_error *error) {
  switch (error->code) {
  case HWCKPT_E_CACHE_EMPTY:
    return -ENOENT;
  case HWCKPT_E_NOT_RESTORABLE:
  case HWCKPT_E_NOT_SUPPORTED:
  case HWCKPT_E_NOT_ROLLED_BACK:
  case HWCKPT_E_FILE_GONE:
  case HWCKPT_E_FILE_SHORTER:
  case HWCKPT_E_FILE_PERMISSION:
    return -ENOTSUP;
  case HWCKPT_E_CALLBACK_REFUSED:
    return -ECANCELED;
  case HWCKPT_E_CALLBACK_LATE:
    return -ETIMEDOUT;
  default:
    return -EIO;
  }
}

/* By that signal, as if it were not ours. */
static void end_by_signal(int number) {
  struct sigaction_raw by_default;
  memset(&by_default, 0, sizeof by_default);
  SYS(rt_sigaction, number, &by_default, 0, 8);
  SYS(kill, SYS(getpid), number);
}

/* What had asked for the end before the checkpoint began. */
static void end_if_asked(int signal, bool taken) {
  if (!signal)
    return;
  atomic_store(&events.exit_signal, 0);
  monitors_leave();
  if (taken)
    SYS(exit_group, EVENTS_EXIT);
  end_by_signal(signal);
}

/* Monitors are told; both null: the program was rolled back. */
static void tell_outcome(uint64_t begin, const struct checkpoint_result *result,
                         const struct hwckpt_error *error) {
  const struct outcome outcome = {begin, result, error};
  monitors_ended(&outcome);
}

/* What becomes of all processes is said by the first. */
static bool says_failures(void) { return !cut_is_there() || cut_is_root(); }

/* Where the program lets us: no section is open, no callback refuses. Else as
 * checkpoint_take(). */
static int take_if_let(uint32_t cut, const struct checkpoint_reason *reason,
                       const struct quiesce_hooks *how,
                       struct checkpoint_result *result,
                       struct hwckpt_error *error) {
  int status = callbacks_before(error);
  if (status < 0)
    return status;
  if (!sections_close())
    status = 1;
  else if (cut_is_there())
    status = cut_take(cut, reason, how, result, error);
  else
    status = checkpoint_take(reason, how, result, error);
  go_on(); /* where it failed before that */
  return status;
}

/* Whether it was taken. */
static bool take_checkpoint(const struct pending *served, uint32_t cut,
                            uint64_t begin, const struct quiesce_hooks *how) {
  struct hwckpt_error error;
  static struct checkpoint_result result;
  char cause[CHECKPOINT_CAUSE];
  monitors_describe(served->event, pending_detail(served), cause, sizeof cause);
  struct checkpoint_reason reason = {
      .event = served->event,
      .events = served->events | monitors_begun(),
      .cause = cause,
      .go_on = events.options.on_unsupported[0] == 'w',
      .interval_ns = timer_interval_ns()};
  if (served->events >> Event_EVENT_TIMER & 1)
    reason.delayed_ns = timer_delay_ns(begin);
  int exit_signal = atomic_load(&events.exit_signal);
  int status = take_if_let(cut, &reason, how, &result, &error);
  if (status > 0) {
    /* Once the program is rolled back, or cannot be; or there is nothing to
     * take any more. */
    pending_put_back(served);
    events.waiting |= served->events;
    atomic_fetch_or(&events.urgent, served->events);
    tell_outcome(begin, 0, 0);
    return false;
  }
  if (status < 0) {
    counters_failed();
    if (says_failures())
      events_say(&error); /* first: a save that fails may end the program */
    quiesce_fail_saves(events_errno(&error));
    tell_outcome(begin, 0, &error);
  } else {
    counters_taken(&result);
    committed_tell(result.generation.number);
    quiesce_finish_saves(0);
    tell_outcome(begin, &result, 0);
    if (events.options.verbosity > 0)
      say(&result);
  }
  end_if_asked(exit_signal, status == 0);
  return status == 0;
}

/* ---- between checkpoints ---- */

/* For each second of a processor the thread rests four, so that what is not
 * urgent takes little from the program; it ends with the first request or when
 * the timer is due. */
#define TIDY_REST 4u

struct tidying {
  uint64_t cpu_ns; /* of the thread, when it rested last */
};

static uint64_t own_cpu_ns(void) {
  struct timespec now = {0, 0};
  SYS(clock_gettime, CLOCK_THREAD_CPUTIME_ID, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static bool tidying_goes_on(void *context) {
  struct tidying *tidying = context;
  uint64_t now = quiesce_now_ns();
  uint64_t cpu = own_cpu_ns(), rest = (cpu - tidying->cpu_ns) * TIDY_REST;
  if (now + rest > monitors_due(now))
    return false;
  struct timespec timeout = {(time_t)(rest / 1000000000u),
                             (long)(rest % 1000000000u)};
  SYS(futex, &events.requests, FUTEX_WAIT_PRIVATE, 0, &timeout, 0, 0);
  tidying->cpu_ns = cpu;
  return atomic_load(&events.requests) == 0;
}

static void say_merged(const struct cache_merge_result *merged, uint64_t ns) {
  char text[256];
  hwckpt_format(text, sizeof text,
                "hwckpt: %s/%llu merged with the %u before it, %llu pages "
                "copied, in %llu ms\n",
                merged->generation.application,
                (unsigned long long)merged->generation.number,
                merged->generations - 1,
                (unsigned long long)merged->copied_pages,
                (unsigned long long)ns / 1000000u);
  events_report(text);
}

static void tidy(void) {
  struct hwckpt_error error;
  struct tidying tidying = {own_cpu_ns()};
  struct cache_merge_result merged;
  uint64_t begin = quiesce_now_ns();
  int status = checkpoint_tidy(tidying_goes_on, &tidying, &merged, &error);
  if (status < 0 && status != -HWCKPT_E_CACHE_BUSY)
    events_say(&error);
  if (merged.merged && events.options.verbosity > 0)
    say_merged(&merged, quiesce_now_ns() - begin);
}

/* Why there are no checkpoints. */
static LIVE struct hwckpt_error not_opened;

static int open_or_say(void) {
  int opened = open_checkpoints(&not_opened);
  if (opened < 0)
    events_say(&not_opened);
  return opened;
}

/* Nothing can be taken, and nobody rolled back. */
static void refuse_all(uint64_t begin) {
  quiesce_fail_saves(-EIO);
  rollbacks_refuse(&not_opened);
  monitors_begun();
  tell_outcome(begin, 0, &not_opened);
  end_if_asked(atomic_load(&events.exit_signal), false);
}

static void serve(void *unused) {
  (void)unused;
  tell_monitors();
  /* Where nothing was asked for yet, perhaps nothing ever is. */
  bool at_once = timer_interval_ns() || always_armed() || events.tracking < 0;
  int opened = at_once ? open_or_say() : 1;
  const struct quiesce_hooks *how = always_armed() ? &armed_hooks : &hooks;
  for (;;) {
    struct pending served;
    enum next next = next_events(&served);
    uint64_t begin = quiesce_now_ns();
    opened = opened > 0 ? open_or_say() : opened;
    bool taken = false;
    if (opened < 0) {
      refuse_all(begin);
    } else if (next == NEXT_LOAD) {
      rollbacks_serve(how, events.options.verbosity > 0);
      tell_outcome(begin, 0, 0);
    } else {
      atomic_store(&events.begun, begin);
      uint32_t cut = next == NEXT_TREE ? atomic_load(&events.cut) : 0;
      taken = take_checkpoint(&served, cut, begin, how);
      end_turn();
    }
    if (always_armed()) { /* after a stop that failed */
      sites_prepare();
      sites_arm();
    }
    if (taken)
      tidy();
  }
}

static void wake(uint32_t request) {
  atomic_fetch_or(&events.requests, request);
  SYS(futex, &events.requests, FUTEX_WAKE_PRIVATE, 1, 0, 0, 0);
}

static int start_thread(void) {
  uint32_t no = 0;
  if (!atomic_compare_exchange_strong(&events.started, &no, 1))
    return 0;
  static struct hwckpt_error error;
  if (quiesce_spawn(serve, 0, "hwckpt", events.tracking, &error) < 0) {
    atomic_store(&events.started, 0);
    return -EAGAIN;
  }
  return 0;
}

/* ---- requests ---- */

static int request(uint32_t bit) {
  int result = start_thread();
  if (result < 0)
    return result;
  wake(bit);
  return 0;
}

int events_request_regions(void) { return request(1u << REQUEST_REGIONS); }

/* The name of a program that has none: that of its file. */
static void name_program(char *name, size_t size) {
  char path[4096];
  long length = SYS(readlink, "/proc/self/exe", path, sizeof path - 1);
  path[length > 0 ? length : 0] = 0;
  const char *last = path;
  for (const char *at = path; *at; at++)
    if (*at == '/')
      last = at + 1;
  hwckpt_format(name, size, "%s", *last ? last : "program");
  for (; *name; name++)
    if (!((*name >= 'a' && *name <= 'z') || (*name >= 'A' && *name <= 'Z') ||
          (*name >= '0' && *name <= '9') || *name == '-' || *name == '_'))
      *name = '_';
}

void events_region_store(struct region_store *store, const char *set,
                         char application[CACHE_NAME_MAX]) {
  /* Memory of the program: it keeps its name when it is restored. */
  static char program[CACHE_NAME_MAX - REGION_SET_MAX];
  if (!*program && *events.options.application)
    hwckpt_format(program, sizeof program, "%s", events.options.application);
  if (!*program)
    name_program(program, sizeof program);
  hwckpt_format(application, CACHE_NAME_MAX, "%s.%s", program, set);
  *store = (struct region_store){
      .cache = events.cache,
      .application = application,
      .level = (int)events.options.level,
      .retention = {.keep = (unsigned)events.options.keep,
                    .keep_for_ns = events.options.keep_for,
                    .quota = events.options.quota,
                    .shared_quota = events.options.cache_quota,
                    .weight = (unsigned)events.options.weight}};
}

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
    forked_begin(sites_keep);
    events_start(&events.options, events.cache, "", 0, -1);
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

int events_request_patiently(Event event, uint32_t detail) {
  if (!events_serve())
    return -ENOSYS;
  pending_post(event, detail);
  return request(1u << event);
}

int events_request(Event event, uint32_t detail) {
  if (!events_serve())
    return -ENOSYS;
  atomic_fetch_or(&events.urgent, 1u << event);
  return events_request_patiently(event, detail);
}

int events_request_rollback(void) {
  return events_here() ? request(1u << REQUEST_LOAD) : -ENOSYS;
}

int events_look_again(void) { return events_here() ? request(LOOK) : -ENOSYS; }

_Atomic uint32_t *events_word(uint32_t *bit) {
  *bit = LOOK;
  return &events.requests;
}

uint64_t events_restored_from(void) { return events.generation; }

uint64_t events_begun_ns(void) { return atomic_load(&events.begun); }

void events_join(uint32_t cut) {
  if (!events_serve())
    return;
  atomic_store(&events.cut, cut);
  request(1u << REQUEST_TREE);
}

void events_request_exit(int signal) {
  if (events_here() && (!cut_is_there() || cut_is_root())) {
    atomic_store(&events.exit_signal, signal);
    if (events_request(Event_EVENT_SIGNAL, (uint32_t)signal) == 0)
      return;
  }
  end_by_signal(signal);
}

void events_await_monitors(void) {
  uint32_t change = atomic_load(&events.changes);
  for (int i = 0; i < CHANGED_MS && atomic_load(&events.started); i++) {
    uint32_t seen = atomic_load(&events.changes_seen);
    if ((int32_t)(seen - change) >= 0)
      return;
    struct timespec millisecond = {0, 1000000};
    SYS(futex, &events.changes_seen, FUTEX_WAIT_PRIVATE, seen, &millisecond, 0,
        0);
  }
}

/* From here on they watch, or the checkpoint thread is busy for long. */
void events_monitors_changed(bool wait) {
  atomic_fetch_add(&events.changes, 1);
  if (!events_here() || start_thread() < 0)
    return;
  wake(CHANGED);
  if (wait)
    events_await_monitors();
}

static void ask_save(void) { events_request(Event_EVENT_SAVE, 0); }
static void ask_load(void) { request(1u << REQUEST_LOAD); }
static void ask_every_site(void) { events_request(Event_EVENT_EVERY_SITE, 0); }

int events_save_by(ucontext_t *context, void (*ask)(void)) {
  if (!events_serve())
    return -ENOSYS;
  if (sections_own() || callbacks_own()) /* it would wait for itself */
    return -EDEADLK;
  int result = start_thread();
  return result < 0 ? result
                    : quiesce_park_until_saved(PARK_SAVE, context, ask);
}

int events_save(ucontext_t *context) {
  return events_save_by(context, ask_save);
}

void events_wait_by(ucontext_t *context, void (*ask)(void)) {
  if (events_here() && !sections_own() && !callbacks_own() &&
      start_thread() == 0)
    quiesce_park_until_saved(PARK_WAIT, context, ask);
}

void events_save_at_site(ucontext_t *context) {
  events_wait_by(context, ask_every_site);
}

int events_load(ucontext_t *context) {
  if (!events_here())
    return -ENOSYS;
  int result = start_thread();
  return result < 0 ? result
                    : quiesce_park_until_saved(PARK_LOAD, context, ask_load);
}

uint64_t events_newest(void) {
  uint64_t number;
  checkpoint_newest(&number);
  return number ? number : events.generation;
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
  events.options = *options;
  cut_start(options->tree, generation != 0 && is_whole(application));
  key_is_at(options->key);
  atomic_store(&events.begun_by, own);
  monitors_of_member(cut_is_there() && !cut_is_root());
  if (cut_is_there() && !cut_is_root()) {
    /* The first has the timer of all. */
    events.options.every = 0;
    events.options.every_site = events.options.rollback_every = 0;
    if (!generation) /* a name that was given is the whole's */
      application = "";
  }
  options = &events.options;
  hwckpt_format(events.cache, sizeof events.cache, "%s", cache);
  hwckpt_format(events.application, sizeof events.application, "%s",
                application);
  events.generation = generation;
  events.tracking = tracking;
  atomic_store(&events.requests, 0);
  atomic_store(&events.started, 0);
  events.waiting = 0;
  events.turn_since = 0;
  atomic_store(&events.urgent, 0);
  atomic_store(&events.begun, 0);
  atomic_store(&events.exit_signal, 0);
  atomic_store(&events.cut, 0);
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
  if (!generation && takes_back(options))
    undo_reserve();
  if (generation && takes_back(options)) {
    undo_limit(options->undo);
    undo_restored(events.cache, events.application, generation);
  }
  if (always_armed())
    arm_from_start();
  /* What tracks memory since the restore is the thread's to keep. */
  if (options->every || always_armed() || tracking >= 0)
    start_thread();
  if (monitors_wanted())
    events_monitors_changed(false);
  if (region_calls_wait()) /* since before the checkpoint */
    request(1u << REQUEST_REGIONS);
}
