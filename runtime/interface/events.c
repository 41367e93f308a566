/* events.c - see events.h. */
#include "events.h"

#include "../arch/sys.h"
#include "../support/checkpoint.h"
#include "../support/handlers.h"
#include "../support/live.h"
#include "../support/program_stderr.h"
#include "../support/undo.h"
#include "asked.h"
#include "counters.h"
#include "hooks.h"
#include "interval.h"
#include "monitor.h"
#include "pending.h"
#include "sites.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

static LIVE struct {
  int pid;
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
  uint64_t interval; /* of the timer; 0: none */
  uint64_t on_time;  /* when it is due by that alone */
  uint32_t waiting;  /* bit per Event: requested, and not yet to be served */
  _Atomic int exit_signal; /* the program is to end after the next, 0: not */
  uint64_t spaced_until;   /* the end of the option spacing */
} events;

/* To be rolled back: no event of a checkpoint. */
#define REQUEST_LOAD 30
/* In requests, beside the events: monitors have something else to watch. */
#define CHANGED 0x80000000u
/* A thread waits no longer than this for the monitors. */
#define CHANGED_MS 100

bool events_here(void) { return events.pid == (int)SYS(getpid); }

uint64_t events_every_site(void) { return (uint64_t)events.options.every_site; }

uint64_t events_rollback_every(void) {
  return (uint64_t)events.options.rollback_every;
}

/* Whether sites trap at all times. */
static bool always_armed(void) {
  return events.options.every_site || events.options.rollback_every;
}

/* ---- the checkpoint thread ---- */

static void report(const char *text) {
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
  report(text);
}

/* What fails again and again is said once. */
void events_say(const struct hwckpt_error *error) {
  static LIVE char said[1400];
  char text[sizeof said];
  size_t size = hwckpt_error_text(error, "hwckpt", text, sizeof text) + 1;
  if (memcmp(said, text, size) == 0)
    return;
  memcpy(said, text, size);
  report(text);
}

/* The place of a word in a list of words that ends with a null pointer. */
static int word_index(const char *word, const char *const *words) {
  for (int i = 0; words[i]; i++)
    if (strlen(words[i]) == strlen(word) &&
        memcmp(words[i], word, strlen(word)) == 0)
      return i;
  return 0;
}

static const char *const track_words[] = {[DIRTY_AUTO] = "auto",
                                          [DIRTY_WP] = "wp",
                                          [DIRTY_SOFT] = "soft-dirty",
                                          [DIRTY_FULL] = "full",
                                          0};
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
                    .quota = events.options.quota},
      .huge = events.options.huge,
      .ring_bytes = (size_t)events.options.ring << 20,
  };
  return checkpoint_open(&options, error);
}

/* A save asks when its thread waits already: a checkpoint that was under way
 * may have served it. */
static bool is_served(Event event, bool posted) {
  if (event == Event_EVENT_SAVE || event == Event_EVENT_EVERY_SITE)
    return !quiesce_save_waits();
  if (event == Event_EVENT_COMMAND)
    return !asked_waits();
  return !posted;
}

/* Somebody waits for these, whatever the option spacing says. */
#define AT_ONCE                                                                \
  (1u << Event_EVENT_SAVE | 1u << Event_EVENT_EVERY_SITE |                     \
   1u << Event_EVENT_COMMAND)
#define ALL_EVENTS ((2u << _Event_MAX) - 1)

static void tell_monitors(void) {
  uint32_t changes = atomic_load(&events.changes);
  monitors_start(&events.options);
  atomic_store(&events.changes_seen, changes);
  SYS(futex, &events.changes_seen, FUTEX_WAKE_PRIVATE, INT_MAX, 0, 0, 0);
}

static bool is_ready(uint64_t due_ns, uint64_t now) {
  if (now < events.spaced_until && !atomic_load(&events.exit_signal))
    return events.waiting & AT_ONCE && (quiesce_save_waits() || asked_waits());
  return events.waiting || (events.interval && now >= due_ns);
}

static struct pending take_waiting(uint64_t due_ns, uint64_t now) {
  struct pending taken = pending_take(events.waiting, is_served);
  events.waiting = 0;
  if (events.interval && now >= due_ns) {
    if (!taken.events)
      taken.event = Event_EVENT_TIMER;
    taken.events |= 1u << Event_EVENT_TIMER;
  }
  return taken;
}

/* Until a request, or the timer or the end of the spacing is due. */
static void sleep_until_due(uint64_t due_ns, uint64_t now) {
  uint64_t until = events.waiting ? now : due_ns;
  if (until < events.spaced_until)
    until = events.spaced_until;
  uint64_t left = until > now ? until - now : 0;
  struct timespec timeout = {(time_t)(left / 1000000000u),
                             (long)(left % 1000000000u)};
  bool timed = events.interval || events.waiting;
  SYS(futex, &events.requests, FUTEX_WAIT_PRIVATE, 0, timed ? &timeout : 0, 0,
      0);
}

/* Sleeps until there is something to do; true: it is *taken. false: it is
 * REQUEST_LOAD, which goes first: a checkpoint of now would be one of what is
 * to be undone. */
static bool next_events(uint64_t due_ns, struct pending *taken) {
  for (;;) {
    uint32_t requests = atomic_exchange(&events.requests, 0);
    events.waiting |= requests & ALL_EVENTS;
    if (requests & CHANGED)
      tell_monitors();
    if (requests >> REQUEST_LOAD & 1 && quiesce_load_waits())
      return false;
    uint64_t now = quiesce_now_ns();
    if (!is_ready(due_ns, now)) {
      sleep_until_due(due_ns, now);
      continue;
    }
    *taken = take_waiting(due_ns, now);
    if (taken->events)
      return true;
  }
}

/* Before the first cost is known, and the least that is chosen. */
#define INTERVAL_FIRST_NS 1000000000u
#define INTERVAL_LEAST_NS 10000000u

/* every=auto: what a checkpoint costs the program is its pause, and the time
 * that the runtime's threads take from the processors it may want. */
static void choose_interval(const Statistics *statistics) {
  if (events.options.every != HWCKPT_EVERY_AUTO)
    return;
  uint64_t cost = statistics->pause_ns + checkpoint_cpu_ns();
  uint64_t interval = interval_daly(cost, events.options.mtbf);
  events.interval = interval > INTERVAL_LEAST_NS ? interval : INTERVAL_LEAST_NS;
}

static void rolled_back(void) {
  hooks_rolled_back();
  sites_rolled_back();
  /* What they watch, and in which threads, is as it was then. */
  atomic_fetch_or(&events.requests, CHANGED);
}

static const struct quiesce_hooks hooks = {.prepare = sites_prepare,
                                           .arm = sites_arm,
                                           .disarm = sites_disarm,
                                           .rolled_back = rolled_back};
/* No site may be passed unseen. */
static const struct quiesce_hooks armed_hooks = {.prepare = sites_prepare,
                                                 .arm = sites_arm,
                                                 .disarm = sites_disarm,
                                                 .resume = sites_arm_stopped,
                                                 .rolled_back = rolled_back};

static int errno_of(const struct hwckpt_error *error) {
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
  default:
    return -EIO;
  }
}

/* How much later the timer's event comes than by its interval. */
static uint64_t delay_of(uint32_t served) {
  uint64_t now = quiesce_now_ns();
  return served >> Event_EVENT_TIMER & 1 && events.on_time &&
                 now > events.on_time
             ? now - events.on_time
             : 0;
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
  if (taken)
    SYS(exit_group, EVENTS_EXIT);
  end_by_signal(signal);
}

/* Whether it was taken. */
static bool take_checkpoint(const struct pending *served,
                            const struct quiesce_hooks *how) {
  struct hwckpt_error error;
  static struct checkpoint_result result;
  char cause[CHECKPOINT_CAUSE];
  monitors_describe(served->event, pending_detail(served), cause, sizeof cause);
  struct checkpoint_reason reason = {.event = served->event,
                                     .events = served->events,
                                     .cause = cause,
                                     .interval_ns = events.interval,
                                     .delayed_ns = delay_of(served->events)};
  asked_begin();
  int exit_signal = atomic_load(&events.exit_signal);
  int status = checkpoint_take(&reason, how, &result, &error);
  if (status > 0) {
    /* Once the program is rolled back, or cannot be. */
    pending_put_back(served);
    events.waiting |= served->events;
  } else if (status < 0) {
    counters_failed();
    events_say(&error); /* first: a save that fails may end the program */
    quiesce_fail_saves(errno_of(&error));
    asked_failed(&error);
  } else {
    counters_taken(&result);
    choose_interval(&result.statistics);
    quiesce_finish_saves(0);
    asked_committed(result.generation.application, result.generation.number);
    if (events.options.verbosity > 0)
      say(&result);
  }
  if (status <= 0)
    end_if_asked(exit_signal, status == 0);
  return status == 0;
}

/* ---- between checkpoints ---- */

/* For each second of a processor the thread rests four, so that what is not
 * urgent takes little from the program; it ends with the first request or when
 * the timer is due. */
#define TIDY_REST 4u

struct tidying {
  uint64_t due_ns;
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
  if (events.interval && now + rest > tidying->due_ns)
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
  report(text);
}

static void tidy(uint64_t due_ns) {
  struct hwckpt_error error;
  struct tidying tidying = {due_ns, own_cpu_ns()};
  struct cache_merge_result merged;
  uint64_t begin = quiesce_now_ns();
  int status = checkpoint_tidy(tidying_goes_on, &tidying, &merged, &error);
  if (status < 0 && status != -HWCKPT_E_CACHE_BUSY)
    events_say(&error);
  if (merged.merged && events.options.verbosity > 0)
    say_merged(&merged, quiesce_now_ns() - begin);
}

static void roll_back(const struct quiesce_hooks *how) {
  struct hwckpt_error error;
  struct rollback_result result;
  char text[256];
  uint64_t number;
  if (checkpoint_roll_back(how, &result, &error) < 0) {
    if (error.code != HWCKPT_E_CACHE_EMPTY)
      events_say(&error);
    quiesce_fail_loads(errno_of(&error));
  } else if (events.options.verbosity > 0) {
    const char *application = checkpoint_newest(&number);
    hwckpt_format(
        text, sizeof text,
        "hwckpt: rolled back to %s/%llu, %llu pages, paused %llu us\n",
        application, (unsigned long long)number,
        (unsigned long long)result.pages,
        (unsigned long long)result.pause_ns / 1000u);
    report(text);
  }
}

/* Why there are no checkpoints. */
static LIVE struct hwckpt_error not_opened;

static int open_or_say(void) {
  int opened = open_checkpoints(&not_opened);
  if (opened < 0)
    events_say(&not_opened);
  return opened;
}

static void serve(void *unused) {
  (void)unused;
  tell_monitors();
  /* Where nothing was asked for yet, perhaps nothing ever is. */
  bool at_once = events.interval || always_armed() || events.tracking < 0;
  int opened = at_once ? open_or_say() : 1;
  const struct quiesce_hooks *how = always_armed() ? &armed_hooks : &hooks;
  uint64_t due = quiesce_now_ns() + events.interval;
  for (;;) {
    struct pending served;
    bool load = !next_events(due, &served);
    uint64_t begin = quiesce_now_ns();
    opened = opened > 0 ? open_or_say() : opened;
    bool taken = false;
    if (opened < 0) {
      quiesce_fail_saves(-EIO);
      quiesce_fail_loads(-EIO);
      asked_begin();
      asked_failed(&not_opened);
      end_if_asked(atomic_load(&events.exit_signal), false);
    } else if (load) {
      roll_back(how);
    } else {
      taken = take_checkpoint(&served, how);
      events.spaced_until = begin + events.options.spacing;
    }
    if (always_armed()) { /* after a stop that failed */
      sites_prepare();
      sites_arm();
    }
    events.on_time = begin + events.interval;
    due = interval_due(begin, quiesce_now_ns(), events.interval);
    if (taken)
      tidy(due);
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

int events_request(Event event, uint32_t detail) {
  if (!events_here())
    return -ENOSYS;
  pending_post(event, detail);
  return request(1u << event);
}

void events_request_exit(int signal) {
  if (events_here()) {
    atomic_store(&events.exit_signal, signal);
    if (events_request(Event_EVENT_SIGNAL, (uint32_t)signal) == 0)
      return;
  }
  end_by_signal(signal);
}

/* From here on they watch, or the checkpoint thread is busy for long. */
void events_monitors_changed(bool wait) {
  uint32_t change = atomic_fetch_add(&events.changes, 1) + 1;
  if (!events_here() || start_thread() < 0)
    return;
  wake(CHANGED);
  for (int i = 0; wait && i < CHANGED_MS; i++) {
    uint32_t seen = atomic_load(&events.changes_seen);
    if ((int32_t)(seen - change) >= 0)
      return;
    struct timespec millisecond = {0, 1000000};
    SYS(futex, &events.changes_seen, FUTEX_WAIT_PRIVATE, seen, &millisecond, 0,
        0);
  }
}

static void ask_save(void) { events_request(Event_EVENT_SAVE, 0); }
static void ask_load(void) { request(1u << REQUEST_LOAD); }
static void ask_every_site(void) { events_request(Event_EVENT_EVERY_SITE, 0); }

int events_save(ucontext_t *context) {
  if (!events_here())
    return -ENOSYS;
  int result = start_thread();
  return result < 0 ? result
                    : quiesce_park_until_saved(PARK_SAVE, context, ask_save);
}

void events_save_at_site(ucontext_t *context) {
  if (events_here() && start_thread() == 0)
    quiesce_park_until_saved(PARK_WAIT, context, ask_every_site);
}

int events_load(ucontext_t *context) {
  if (!events_here())
    return -ENOSYS;
  int result = start_thread();
  return result < 0 ? result
                    : quiesce_park_until_saved(PARK_LOAD, context, ask_load);
}

/* Every site traps from the first on. */
static void arm_from_start(void) {
  uint64_t all = ~0ull, before;
  SYS(rt_sigprocmask, SIG_SETMASK, &all, &before, 8);
  sites_arm_stopped();
  SYS(rt_sigprocmask, SIG_SETMASK, &before, 0, 8);
}

void events_start(const struct hwckpt_options *options, const char *cache,
                  const char *application, uint64_t generation, int tracking) {
  events.pid = (int)SYS(getpid);
  events.options = *options;
  events.interval =
      options->every == HWCKPT_EVERY_AUTO ? INTERVAL_FIRST_NS : options->every;
  hwckpt_format(events.cache, sizeof events.cache, "%s", cache);
  hwckpt_format(events.application, sizeof events.application, "%s",
                application);
  events.generation = generation;
  events.tracking = tracking;
  atomic_store(&events.requests, 0);
  atomic_store(&events.started, 0);
  events.waiting = 0;
  events.spaced_until = 0;
  atomic_store(&events.exit_signal, 0);
  pending_clear();
  asked_forget();
  quiesce_pass(asked_signal);
  quiesce_install();
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
    events_monitors_changed(true);
}
