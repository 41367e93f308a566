/* checkpoint_thread.c - see checkpoint_thread.h. */
#include "checkpoint_thread.h"

#include "../arch/sys.h"
#include "../support/checkpoint.h"
#include "../support/live.h"
#include "ask_abi.h"
#include "events.h"
#include "let_go.h"
#include "monitor.h"
#include "pending.h"
#include "region_calls.h"
#include "requests.h"
#include "rollbacks.h"
#include "sections.h"
#include "settings.h"
#include "sites.h"
#include "taking.h"
#include "tidying.h"
#include "timer.h"
#include "watch_pages.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <time.h>

static LIVE struct {
  _Atomic uint32_t started;
  bool opened;            /* what checkpoints need is there */
  uint32_t waiting;       /* bit per Event: requested, and not yet to be served
                           */
  _Atomic uint64_t begun; /* when the last checkpoint was, 0: none */
  uint64_t site_until;    /* so long this one may wait for a site, 0: not */
  uint64_t site_kept;     /* the same, of one that is put back */
  uint64_t turn_since;    /* it waits for its turn, 0: no */
  uint32_t cut;           /* of all processes, that is asked for; 0: none */
  uint64_t cut_since;
  uint64_t piece_at;      /* the next piece of what was loaded is taken over */
  uint64_t held_until;    /* sections are open: so long, 0: none are */
  bool cut_late;          /* a section was open for too long */
  uint64_t open_again;    /* not before this, 0: at once */
  _Atomic uint32_t tried; /* to open that, once or more (futex) */
  _Atomic uint32_t refused; /* that there is none was said */
} thread;

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

static void tell_monitors(void) {
  uint32_t changes = atomic_load(&requests.changes);
  monitors_start(&settings.options);
  atomic_store(&requests.changes_seen, changes);
  SYS(futex, &requests.changes_seen, FUTEX_WAKE_PRIVATE, INT_MAX, 0, 0, 0);
}

/* The end of the option spacing. */
static uint64_t spaced_until(void) {
  uint64_t begun = atomic_load(&thread.begun);
  return begun && settings.options.spacing ? begun + settings.options.spacing
                                           : 0;
}

/* Somebody who waits does so whatever the option spacing says. */
static bool is_ready(uint64_t now) {
  thread.held_until = 0;
  if (!thread.waiting || sections_hold(now, &thread.held_until))
    return false;
  thread.held_until = 0;
  return now >= spaced_until() || atomic_load(&requests.exit_signal) ||
         quiesce_save_waits() || monitors_wait();
}

/* Between looks whether others are done: this, or an eighth of what was waited
 * until now. */
#define TURN_LOOK_NS 2000000u
#define TURN_LOOK_MOST_NS 1000000000u
#define TURN_PARTS 8u

/* What nobody waits for waits until no other application of the cache takes a
 * checkpoint, for a while. */
static bool has_turn(uint64_t now) {
  if (!settings.options.turn || atomic_load(&requests.exit_signal) ||
      quiesce_save_waits() || monitors_wait())
    return true;
  if (!thread.turn_since)
    thread.turn_since = now;
  return checkpoint_turn_take() ||
         now - thread.turn_since >= settings.options.turn;
}

static void end_turn(void) {
  thread.turn_since = 0;
  checkpoint_turn_end();
}

/* Until it may be our turn, or there is a request. */
static void await_turn(uint64_t now) {
  uint64_t wait = (now - thread.turn_since) / TURN_PARTS;
  if (wait > TURN_LOOK_MOST_NS)
    wait = TURN_LOOK_MOST_NS;
  requests_sleep(wait > TURN_LOOK_NS ? wait : TURN_LOOK_NS);
}

static struct pending take_waiting(void) {
  uint32_t urgent = atomic_exchange(&requests.urgent, 0);
  struct pending taken = pending_take(thread.waiting, is_served);
  thread.waiting = 0;
  thread.piece_at = 0;
  uint64_t wait = monitors_site_ns(), kept = thread.site_kept;
  uint64_t until = wait ? quiesce_now_ns() + wait : 0;
  thread.site_until = kept && (!until || kept < until) ? kept : until;
  thread.site_kept = 0;
  if (taken.events & urgent)
    thread.site_until = 0;
  return taken;
}

static void put_back(const struct pending *taken) {
  pending_put_back(taken);
  thread.waiting |= taken->events;
  thread.site_kept = thread.site_until;
  if (!thread.site_until)
    atomic_fetch_or(&requests.urgent, taken->events);
}

/* Until a request, or a monitor or the end of the spacing is due. */
static void sleep_until_due(uint64_t due_ns, uint64_t now) {
  uint64_t until = due_ns, spaced = thread.waiting ? spaced_until() : 0;
  if (spaced && spaced < until)
    until = spaced;
  if (thread.held_until)
    until = thread.held_until < due_ns ? thread.held_until : due_ns;
  if (until != UINT64_MAX)
    until = until > now ? until - now : 0;
  requests_sleep(until);
}

/* A checkpoint of all processes waits for the end of sections of this one, for
 * a while; which wakes us. */
static bool waits_for_sections(uint64_t now, uint64_t due_ns) {
  uint64_t until = thread.cut_since + settings.options.section_wait, again;
  bool open = sections_hold(now, &again);
  thread.cut_late = open && now >= until;
  if (!open || now >= until)
    return false;
  until = again < until ? again : until;
  until = due_ns < until ? due_ns : until;
  requests_sleep(until > now ? until - now : 0);
  return true;
}

static void note_cut(uint64_t now) {
  uint32_t cut = atomic_load(&requests.cut);
  if (thread.cut != cut)
    thread.cut_since = now;
  thread.cut = cut;
}

enum next { NEXT_EVENTS, NEXT_LOAD, NEXT_TREE, NEXT_OVER };

/* Between looks whether all memory of a restored program is there. */
#define LOADING_LOOK_NS 10000000u
/* The program runs so long between pieces of it that are taken over. */
#define PIECES_NS 5000000u

/* When something is due: a monitor, or that look. */
static uint64_t due_by(uint64_t now) {
  uint64_t due_ns = monitors_due(now);
  uint64_t look =
      now < thread.piece_at ? thread.piece_at : now + LOADING_LOOK_NS;
  return checkpoint_is_loading() && look < due_ns ? look : due_ns;
}

/* Why there are no checkpoints. */
static LIVE struct hwckpt_error not_opened;

/* A command that has no key for us, or storage that does not answer, may take
 * long to say so: it is not asked again before this many times as long. */
#define OPEN_PARTS 8u
/* A thread of the program waits no longer for that. */
#define OPEN_WAIT_MS 1000

static void note_tried(void) {
  atomic_store(&thread.tried, 1);
  SYS(futex, &thread.tried, FUTEX_WAKE_PRIVATE, INT_MAX, 0, 0, 0);
}

/* What could not be opened is tried again for what comes later. */
static void open_or_say(void) {
  uint64_t begin = quiesce_now_ns();
  if (thread.opened || begin < thread.open_again)
    return;
  thread.opened = settings_open_checkpoints(&not_opened) == 0;
  note_tried();
  if (thread.opened)
    return;
  uint64_t end = quiesce_now_ns();
  thread.open_again = end + (end - begin) * OPEN_PARTS;
  events_say(&not_opened);
}

/* Sleeps until there is something to do; what is to be served is *taken.
 * NEXT_LOAD goes first: a checkpoint of now would be one of what is to be
 * undone. */
static enum next next_events(struct pending *taken) {
  for (;;) {
    /* First: what comes while monitors are asked is looked at again. */
    uint32_t asked = requests_take();
    uint64_t now = quiesce_now_ns(), due_ns = due_by(now);
    thread.waiting |= asked & REQUEST_EVENTS;
    if (asked & REQUEST_CHANGED) {
      tell_monitors();
      due_ns = now; /* they are asked again */
    }
    if (asked & REQUEST_REGIONS && region_calls_wait()) {
      watch_pages_let();
      region_calls_serve();
      due_ns = now; /* pages are to be watched again */
    }
    if (asked & REQUEST_OPEN)
      open_or_say();
    if (asked & REQUEST_LET_GO) {
      open_or_say(); /* a restore may have tracked it */
      let_go_serve();
    }
    if (now >= thread.piece_at && checkpoint_is_to_take_over()) {
      requests_wake(asked & (REQUEST_LOAD | REQUEST_TREE));
      return NEXT_OVER;
    }
    bool back = rollbacks_begin();
    if (back || (asked & REQUEST_LOAD && quiesce_load_waits()))
      return NEXT_LOAD;
    if (asked & REQUEST_TREE)
      note_cut(now);
    if (thread.cut) {
      if (waits_for_sections(now, due_ns))
        continue;
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

/* Whether a checkpoint was taken. */
static bool serve_next(enum next next, uint64_t begin, struct pending *served) {
  if (next == NEXT_OVER) {
    taking_over(thread.opened);
    thread.piece_at = quiesce_now_ns() + PIECES_NS;
    return false;
  }
  if (!thread.opened) {
    uint32_t declined = next == NEXT_TREE ? thread.cut : 0;
    if (declined) {
      thread.cut = 0;
      taking_decline_cut(served, declined, begin, &not_opened);
    }
    taking_refuse_all(&not_opened, begin);
    return false;
  }
  if (next == NEXT_LOAD) {
    taking_back(begin);
    return false;
  }
  atomic_store(&thread.begun, begin);
  uint32_t cut = next == NEXT_TREE ? thread.cut : 0;
  thread.cut = 0;
  if (cut && thread.cut_late) {
    taking_refuse_cut(served, cut, begin, begin - thread.cut_since);
    return false;
  }
  enum taken taken = taking_take(served, cut, begin, thread.site_until);
  if (taken == TAKE_AGAIN)
    put_back(served);
  end_turn();
  return taken == TAKEN;
}

static void serve(void *unused) {
  (void)unused;
  tell_monitors();
  /* Where nothing was asked for yet, perhaps nothing ever is. */
  bool at_once =
      timer_interval_ns() || settings_always_armed() || settings.tracking < 0;
  if (at_once)
    open_or_say();
  for (;;) {
    struct pending served;
    enum next next = next_events(&served);
    uint64_t begin = quiesce_now_ns();
    open_or_say();
    bool taken = serve_next(next, begin, &served);
    if (settings_always_armed()) { /* after a stop that failed */
      sites_prepare();
      sites_arm();
    }
    if (taken)
      tidying_do();
  }
}

void checkpoint_thread_forget(void) {
  atomic_store(&thread.started, 0);
  thread.opened = false;
  thread.waiting = 0;
  thread.turn_since = 0;
  thread.cut = 0;
  atomic_store(&thread.begun, 0);
  thread.open_again = 0;
  atomic_store(&thread.tried, 0);
  atomic_store(&thread.refused, 0);
}

bool checkpoint_thread_is_there(void) { return atomic_load(&thread.started); }

int checkpoint_thread_start(void) {
  uint32_t no = 0;
  if (!atomic_compare_exchange_strong(&thread.started, &no, 1))
    return 0;
  static struct hwckpt_error error;
  if (quiesce_spawn(serve, 0, ASK_THREAD, settings.tracking, &error) < 0) {
    atomic_store(&thread.started, 0);
    if (!atomic_exchange(&thread.refused, 1)) /* there may be no other word */
      events_say(&error);
    return -EAGAIN;
  }
  return 0;
}

void checkpoint_thread_open(void) {
  if (checkpoint_thread_start() < 0)
    return;
  requests_wake(REQUEST_OPEN);
  struct timespec millisecond = {0, 1000000};
  for (int i = 0; i < OPEN_WAIT_MS && !atomic_load(&thread.tried); i++)
    SYS(futex, &thread.tried, FUTEX_WAIT_PRIVATE, 0, &millisecond, 0, 0);
}

uint64_t checkpoint_thread_begun_ns(void) { return atomic_load(&thread.begun); }
