/* tree_cut.c - one checkpoint of all processes of a program, from the first
 * word to the last (docs/trees.md).
 *
 * All members are driven towards one phase after the other; each is told its
 * next word as soon as it may be. While some do not stand still, processes may
 * be born and end, perhaps without end: those who are born on the way to a
 * phase are waited for a moment only. But the list is made anew until, all
 * standing, nobody is on it who is not known. From then on nobody may be
 * missing. Invariant: when this returns no connection is left open, and with it
 * no member waits.
 */
#include "command.h"
#include "proc_stat.h"
#include "tree_cut_state.h"
#include "tree_stopped.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define STEP_MS 20   /* between looks who is there */
#define WALK_MS 1000 /* at all of them, when somebody does not come */
#define CATCH_UP_MS 20
#define END_MS 2000
#define LATE_MS 100    /* for those born on the way to a phase */
#define BIRTHS_MS 5000 /* while all others stand */

/* ---- for tests ---- */

/* HWCKPT_TREE_HOLD=PHASE=DIRECTORY: says that it is there and waits. */
void tree_cut_hold(const char *phase) {
  const char *wanted = getenv("HWCKPT_TREE_HOLD");
  size_t length = strlen(phase);
  char path[4096];
  if (!wanted || strncmp(wanted, phase, length) != 0 || wanted[length] != '=')
    return;
  snprintf(path, sizeof path, "%s/held", wanted + length + 1);
  int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  if (fd >= 0)
    close(fd);
  snprintf(path, sizeof path, "%s/go", wanted + length + 1);
  while (fd >= 0 && access(path, F_OK) != 0)
    nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
}

static uint64_t deadline_of(uint64_t milliseconds) {
  const char *shorter = getenv("HWCKPT_TREE_DEADLINE_MS");
  uint64_t most = shorter ? strtoull(shorter, NULL, 10) : 0;
  return tree_now_ms() + (most && most < milliseconds ? most : milliseconds);
}

/* ---- from phase to phase ---- */

/* The one that has been there longest of those who are not there yet. */
static struct tree_member *first_behind(const struct cut *cut) {
  struct tree_member *first = NULL;
  for (size_t i = 0; i < cut->members.count; i++) {
    struct tree_member *member = &cut->members.list[i];
    if (tree_member_takes_part(member) && member->phase < cut->target &&
        (!first || member->seen_ms < first->seen_ms))
      first = member;
  }
  return first;
}

/* Whether only those are behind who were born on the way, one after the other:
 * whoever is left of them comes along later. Not who does not come for long: it
 * may have no runtime, which is better known before all stand still. */
static bool goes_without(struct cut *cut, const struct tree_member *behind) {
  uint64_t now = tree_now_ms();
  if (cut->target >= PHASE_STOPPED || behind->seen_ms <= cut->driven_ms) {
    cut->late_ms = now;
    return false;
  }
  return now - behind->seen_ms < LATE_MS &&
         (cut->target == PHASE_JOINED || now - cut->late_ms >= LATE_MS);
}

/* Somebody may be gone, or be there, while one does not come. All of them are
 * only looked at now and then: that takes longer than they take to come. */
static void look_for(struct cut *cut, struct tree_member *behind) {
  if (cut->target > PHASE_STOPPED || behind->phase != PHASE_NEW)
    return;
  if (!tree_process_look(&behind->process) || !tree_member_takes_part(behind) ||
      tree_now_ms() - cut->walked_ms >= WALK_MS)
    tree_cut_walk(cut);
  behind = first_behind(cut);
  if (behind && !cut->failed)
    tree_cut_check_new(cut, behind);
}

/* Whoever a signal has stopped comes along all the same, and is led no longer
 * when somebody continues it before all stand. */
static void wait_for_some(struct cut *cut, struct tree_member *behind) {
  bool any = false, did = false;
  if (tree_stopped_is(behind))
    tree_stopped_hold(behind);
  for (size_t i = 0; i < cut->members.count; i++) {
    struct tree_member *member = &cut->members.list[i];
    if (!member->stopped)
      continue;
    any = true;
    did |= tree_stopped_look(member);
    if (cut->target <= PHASE_STOPPED && !tree_stopped_stays(member))
      tree_stopped_let_go(member);
  }
  tree_cut_listen(cut, did ? 0 : any ? 1 : STEP_MS);
}

/* Those who were born since the last look. Not when all have joined: who is
 * born by then is seen later. */
static bool finds_more(struct cut *cut) {
  return cut->target > PHASE_JOINED && cut->target <= PHASE_STOPPED &&
         tree_cut_walk(cut);
}

/* Births that do not end are not waited for as long as who does not come. */
static bool is_late(const struct cut *cut, const struct tree_member *behind,
                    uint64_t until) {
  uint64_t now = tree_now_ms();
  bool born = cut->target == PHASE_STOPPED && behind->seen_ms > cut->driven_ms;
  return now > until || (born && now - cut->driven_ms > BIRTHS_MS);
}

/* Takes all to that phase, until nobody is new who does not stand still. */
static bool drive(struct cut *cut, enum tree_phase target,
                  uint64_t milliseconds) {
  uint64_t until = deadline_of(milliseconds);
  cut->target = target;
  cut->driven_ms = cut->late_ms = tree_now_ms();
  while (!cut->failed) {
    for (size_t i = 0; i < cut->members.count && !cut->failed; i++)
      tree_cut_push(cut, &cut->members.list[i]);
    struct tree_member *behind = first_behind(cut);
    if (!behind && !finds_more(cut) && !first_behind(cut))
      break;
    if (!behind)
      continue;
    if (goes_without(cut, behind))
      break;
    wait_for_some(cut, behind);
    behind = first_behind(cut);
    if (behind && !cut->failed)
      look_for(cut, behind);
    behind = first_behind(cut);
    if (behind && !cut->failed && is_late(cut, behind, until))
      tree_cut_give_up(cut, behind);
  }
  return !cut->failed;
}

/* ---- all of it ---- */

/* Those that a signal has stopped hear it first, and stand as they stood before
 * the others can look. */
static void let_stopped_go(struct cut *cut) {
  uint64_t until = tree_now_ms() + END_MS;
  for (size_t i = 0; i < cut->members.count; i++) {
    struct tree_member *member = &cut->members.list[i];
    struct pollfd look = {.fd = member->fd, .events = POLLRDHUP};
    while (member->stopped && member->fd >= 0 && tree_now_ms() < until &&
           poll(&look, 1, tree_stopped_look(member) ? 0 : 1) == 0) {
    }
    while (member->stopped && tree_now_ms() < until &&
           (tree_stopped_look(member) || !tree_stopped_is_idle(member)))
      poll(NULL, 0, 1);
  }
  for (size_t i = 0; i < cut->members.count; i++)
    if (cut->members.list[i].stopped) {
      tree_member_hang_up(&cut->members.list[i]);
      tree_stopped_let_go(&cut->members.list[i]);
    }
}

/* Whether the root has heard it. */
static bool say_last(struct cut *cut, struct tree_message *message,
                     enum tree_word word, bool stopped) {
  bool told = false;
  for (size_t i = 0; i < cut->members.count; i++) {
    struct tree_member *member = &cut->members.list[i];
    if (member->fd >= 0 && (member->stopped != NULL) == stopped &&
        tree_member_say(&cut->members, member, message, word, NULL, 0))
      told |= tree_member_is_root(&cut->members, member);
  }
  return told;
}

static bool say_to_all(struct cut *cut, struct tree_message *message,
                       enum tree_word word) {
  bool told = say_last(cut, message, word, true);
  let_stopped_go(cut);
  return say_last(cut, message, word, false) || told;
}

static void end_well(struct cut *cut) {
  const struct tree_member *root =
      tree_member_find(&cut->members, cut->members.root);
  struct tree_message done = {.number = root->number};
  memcpy(done.application, root->application, sizeof done.application);
  say_to_all(cut, &done, TREE_DONE);
}

/* All go on at once. The root says it to who reads the program's messages. */
static void end_badly(struct cut *cut) {
  struct tree_message abort = {.error = cut->error};
  bool told = say_to_all(cut, &abort, TREE_ABORT) || cut->root_says;
  /* When that has ended there is nothing to be said but that. */
  struct proc_stat root;
  if (!told && proc_stat(cut->request->root, &root) &&
      !proc_is_ending(cut->request->root, &root))
    report_error(&cut->error);
}

/* Nobody but the first is there: it needs nobody. */
static bool is_alone(struct cut *cut) {
  struct tree_message alone = {.number = 1};
  tree_cut_walk(cut);
  struct tree_member *root = tree_member_find(&cut->members, cut->members.root);
  if (cut->failed || !root || cut->members.count > 1 ||
      root->process.pid != cut->request->caller.pid)
    return false;
  root->fd = cut->request->caller.fd;
  tree_member_say(&cut->members, root, &alone, TREE_PREPARE, NULL, 0);
  tree_member_hang_up(root);
  return true;
}

#define PREPARE_MS 120000
#define STOP_MS 20000
#define CAPTURE_MS 60000
#define WRITE_MS 120000

/* Who was ready long before the last has written more since. */
static bool let_catch_up(struct cut *cut) {
  uint64_t now = tree_now_ms();
  for (size_t i = 0; i < cut->members.count; i++) {
    struct tree_member *member = &cut->members.list[i];
    if (member->phase != PHASE_PREPARED ||
        now - member->prepared_ms < CATCH_UP_MS)
      continue;
    member->phase = PHASE_BEGUN;
    if (!tree_cut_say(cut, member, TREE_AGAIN))
      tree_cut_lose(cut, member);
  }
  return drive(cut, PHASE_PREPARED, PREPARE_MS);
}

static bool has_sections(const struct cut *cut) {
  for (size_t i = 0; i < cut->members.count; i++)
    if (cut->members.list[i].sections)
      return true;
  return false;
}

/* All members are let in, and copy once more. */
static bool let_in(struct cut *cut) {
  for (size_t i = 0; i < cut->members.count; i++) {
    struct tree_member *member = &cut->members.list[i];
    if (member->phase != PHASE_CLOSED)
      continue;
    member->phase = member->sections ? PHASE_BEGUN : PHASE_PREPARED;
    if (member->sections && !tree_cut_say(cut, member, TREE_AGAIN))
      tree_cut_lose(cut, member);
  }
  return drive(cut, PHASE_PREPARED, PREPARE_MS);
}

/* No member is in a critical section, or begins one, until all stand. Whoever
 * has one open says when it has lasted too long. Nobody is kept from beginning
 * one for long, for what ends another may depend on it. */
static bool close_sections(struct cut *cut) {
  if (!has_sections(cut))
    return true;
  do {
    cut->section_open = false;
    if (!drive(cut, PHASE_CLOSED, PREPARE_MS))
      return false;
  } while (cut->section_open && let_in(cut));
  return !cut->failed;
}

static void take(struct cut *cut) {
  tree_cut_hold("join");
  bool goes_on = drive(cut, PHASE_JOINED, PREPARE_MS);
  if (goes_on)
    goes_on = drive(cut, PHASE_PREPARED, PREPARE_MS) && let_catch_up(cut);
  if (goes_on) {
    tree_cut_hold("stop");
    goes_on = close_sections(cut) && drive(cut, PHASE_STOPPED, STOP_MS);
  }
  if (goes_on) {
    tree_cut_hold("capture");
    tree_cut_let_capture(cut);
    goes_on = drive(cut, PHASE_CAPTURED, CAPTURE_MS);
  }
  if (goes_on) {
    tree_cut_hold("resume");
    goes_on = drive(cut, PHASE_WRITTEN, WRITE_MS);
  }
  if (goes_on) {
    tree_cut_hold("commit");
    drive(cut, PHASE_COMMITTED, WRITE_MS);
  }
}

uint64_t tree_cut(const struct tree_cut_request *request,
                  struct tree_callers *silent, struct tree_callers *late) {
  struct cut cut = {
      .request = request,
      .silent = silent,
      .late = late,
      .members = {.cut = request->number, .root = request->root},
      .why = {.event = request->caller.hello.event,
              .events = request->caller.hello.events},
  };
  struct tree_caller caller = request->caller;
  memcpy(cut.why.cause, caller.hello.cause, sizeof cut.why.cause);
  if (!is_alone(&cut)) {
    caller.hello.cut = 0;
    tree_cut_join(&cut, &caller);
    take(&cut);
    if (cut.failed)
      end_badly(&cut);
    else
      end_well(&cut);
  }
  for (size_t i = 0; i < cut.members.count; i++)
    tree_member_hang_up(&cut.members.list[i]);
  free(cut.members.list);
  bool unsettled = cut.failed && cut.error.code == HWCKPT_E_TREE_UNSETTLED;
  return unsettled ? tree_now_ms() - cut.driven_ms : 0;
}
