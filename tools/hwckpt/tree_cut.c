/* tree_cut.c - one checkpoint of all processes of a program, from the first
 * word to the last (docs/trees.md).
 *
 * All members are driven towards one phase after the other; each is told its
 * next word as soon as it may be. While some do not stand still, processes may
 * be born and end: so the list is made anew until, all standing, nobody is on
 * it who is not known. From then on nobody may be missing. Invariant: when this
 * returns no connection is left open, and with it no member waits.
 */
#include "tree_cut.h"
#include "command.h"
#include "proc_stat.h"
#include "tree_facts.h"
#include "tree_members.h"

#include "runtime/support/record_types.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define STEP_MS 20   /* between looks who is there */
#define WALK_MS 1000 /* at all of them, when somebody does not come */
#define ASK_AGAIN_MS 1000
#define CATCH_UP_MS 20
#define MANY_PER_PROCESSOR 8 /* processes: those that compute wait long */
#define RUNTIME_MS 3000 /* for a program to begin, and its runtime with it */
#define LENIENT_MS 200  /* the same, where it is left out then */

struct cut {
  const struct tree_cut_request *request;
  struct tree_members members;
  enum tree_phase target;
  struct tree_message why; /* what PREPARE says of it */
  struct hwckpt_error error;
  bool failed;
  uint64_t stop_ms;   /* when members were first told to stop */
  bool go_on;         /* the root says: without those that have no runtime */
  uint64_t walked_ms; /* the last time */
  struct tree_callers *silent, *late;
};

/* ---- for tests ---- */

/* HWCKPT_TREE_HOLD=PHASE=DIRECTORY: says that it is there and waits. */
static void hold(const char *phase) {
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

/* ---- who takes part ---- */

static void fail(struct cut *cut, enum hwckpt_code code,
                 const struct tree_member *member, const char *detail) {
  char name[96] = "the program";
  if (cut->failed)
    return;
  cut->failed = true;
  if (member)
    tree_member_name(member, name, sizeof name);
  hwckpt_fail(&cut->error, code, 0, name, "%s", detail);
}

static void fail_as(struct cut *cut, const struct tree_member *member,
                    const struct hwckpt_error *error) {
  char name[96];
  if (cut->failed)
    return;
  cut->failed = true;
  cut->error = *error;
  cut->error.object[sizeof cut->error.object - 1] = 0;
  cut->error.detail[sizeof cut->error.detail - 1] = 0;
  if (tree_member_is_root(&cut->members, member))
    return;
  tree_member_name(member, name, sizeof name);
  hwckpt_fail(&cut->error, error->code, error->sys_errno, error->object,
              "%s%sin %s", error->detail, *error->detail ? "; " : "", name);
}

/* It has ended, or runs another program now. */
static void lose(struct cut *cut, struct tree_member *member) {
  tree_member_hang_up(member);
  if (member->phase >= PHASE_STOPPED && member->phase < PHASE_COMMITTED)
    fail(cut, HWCKPT_E_TREE_DIED, member, "while it was checkpointed");
  member->phase = PHASE_NEW;
  member->known = false;
  member->asked_ms = 0;
  member->seen_ms = tree_now_ms();
}

static void drop_unlisted(struct cut *cut) {
  size_t kept = 0;
  for (size_t i = 0; i < cut->members.count; i++) {
    struct tree_member *member = &cut->members.list[i];
    if (!member->listed) {
      if (tree_member_is_root(&cut->members, member))
        fail(cut, HWCKPT_E_TREE_DIED, member, "the first process");
      lose(cut, member);
      continue;
    }
    cut->members.list[kept++] = *member;
  }
  cut->members.count = kept;
}

/* Looks who is there; returns whether somebody is new. */
static bool walk(struct cut *cut) {
  struct tree_process *list;
  size_t count;
  bool is_new = false;
  if (!tree_processes(cut->request->root, cut->request->others,
                      cut->request->other_count, &list, &count))
    fail(cut, HWCKPT_E_CAPTURE_MEMORY, NULL, "listing its processes");
  for (size_t i = 0; i < cut->members.count; i++)
    cut->members.list[i].listed = false;
  for (size_t i = 0; i < count && !cut->failed; i++) {
    struct tree_member *member = tree_member_find(&cut->members, list[i].pid);
    if (!member) {
      member = tree_member_add(&cut->members, &list[i]);
      is_new = true;
    }
    if (!member) {
      fail(cut, HWCKPT_E_CAPTURE_MEMORY, NULL, "listing its processes");
      break;
    }
    member->process = list[i];
    member->listed = true;
    if (!tree_member_takes_part(member) && member->fd >= 0)
      lose(cut, member);
  }
  free(list);
  cut->walked_ms = tree_now_ms();
  if (!cut->failed)
    drop_unlisted(cut);
  const struct tree_member *root =
      tree_member_find(&cut->members, cut->members.root);
  if (!root || !tree_member_takes_part(root))
    fail(cut, HWCKPT_E_TREE_DIED, root, "the first process");
  return is_new;
}

/* ---- what is said ---- */

static void part_name(const struct cut *cut, struct tree_member *member) {
  const struct tree_member *root =
      tree_member_find(&cut->members, cut->members.root);
  size_t length = strlen(root->application);
  uint32_t random = 0;
  /* It has one below this application: from a checkpoint before. */
  if (strncmp(member->application, root->application, length) == 0 &&
      member->application[length] == '/')
    return;
  while (getrandom(&random, sizeof random, 0) != sizeof random)
    ;
  snprintf(member->application, sizeof member->application, "%.95s/m%d-%08x",
           root->application, member->process.inner, random);
}

static bool say(struct cut *cut, struct tree_member *member,
                enum tree_word word) {
  struct tree_message message = {0};
  return tree_member_say(&cut->members, member, &message, word, NULL, 0);
}

static struct tree_member *parent_of(const struct cut *cut,
                                     const struct tree_member *member) {
  struct tree_member *parent =
      tree_member_find(&cut->members, member->process.parent);
  return parent && tree_member_takes_part(parent) ? parent : NULL;
}

/* Its first generation refers to what those have who forked it. */
static void name_relatives(const struct cut *cut,
                           const struct tree_member *member,
                           struct tree_message *message) {
  const struct tree_member *parent = parent_of(cut, member);
  for (unsigned i = 0; i < TREE_RELATIVES && parent && member->fresh; i++) {
    memcpy(message->relatives[i], parent->application,
           sizeof message->relatives[i]);
    if (parent->publishes && parent->phase >= PHASE_PREPARED)
      message->published |= 1u << i;
    parent = parent_of(cut, parent);
  }
}

static bool has_fresh_child(const struct cut *cut,
                            const struct tree_member *member) {
  for (size_t i = 0; i < cut->members.count; i++) {
    const struct tree_member *child = &cut->members.list[i];
    if (child->process.parent == member->process.pid && child->fresh &&
        tree_member_takes_part(child))
      return true;
  }
  return false;
}

/* Who has no generation yet waits for its parent's content. */
static bool relatives_are_ready(const struct cut *cut,
                                const struct tree_member *member) {
  const struct tree_member *parent = parent_of(cut, member);
  return !member->fresh || !parent || parent->phase >= PHASE_PREPARED;
}

static bool say_prepare(struct cut *cut, struct tree_member *member) {
  size_t processors = (size_t)sysconf(_SC_NPROCESSORS_ONLN);
  struct tree_message message = cut->why;
  member->publishes = has_fresh_child(cut, member);
  message.publish = member->publishes;
  message.hurry = cut->members.count > MANY_PER_PROCESSOR * processors;
  name_relatives(cut, member, &message);
  if (!tree_member_is_root(&cut->members, member)) {
    part_name(cut, member);
    memcpy(message.application, member->application,
           sizeof message.application);
  }
  return tree_member_say(&cut->members, member, &message, TREE_PREPARE, NULL,
                         0);
}

static bool root_has_begun(const struct cut *cut) {
  const struct tree_member *root =
      tree_member_find(&cut->members, cut->members.root);
  return root && root->phase >= PHASE_BEGUN;
}

static bool say_records(struct cut *cut, struct tree_member *root) {
  for (size_t i = 0; i < cut->members.count; i++) {
    char record[512];
    struct tree_message message = {.type = RECORD_TREE_MEMBER};
    size_t length = tree_member_record(&cut->members, &cut->members.list[i],
                                       record, sizeof record);
    if (!length || !tree_member_say(&cut->members, root, &message, TREE_RECORD,
                                    record, length))
      return false;
  }
  return say(cut, root, TREE_COMMIT);
}

/* All but the root are committed. */
static bool root_is_left(const struct cut *cut) {
  for (size_t i = 0; i < cut->members.count; i++) {
    const struct tree_member *member = &cut->members.list[i];
    if (tree_member_takes_part(member) && member->phase != PHASE_COMMITTED &&
        !tree_member_is_root(&cut->members, member))
      return false;
  }
  return true;
}

/* The next word to a member, if it may be said. */
static void push(struct cut *cut, struct tree_member *member) {
  bool is_root = tree_member_is_root(&cut->members, member), said = true;
  if (!tree_member_takes_part(member) || member->phase >= cut->target)
    return;
  uint64_t now = tree_now_ms();
  switch (member->phase) {
  case PHASE_NEW:
    if (now - member->asked_ms >= ASK_AGAIN_MS) {
      if (tree_process_look(&member->process))
        tree_member_ask(&cut->members, member);
    }
    break;
  case PHASE_JOINED:
    if (is_root || (root_has_begun(cut) && relatives_are_ready(cut, member))) {
      said = say_prepare(cut, member);
      member->phase = PHASE_PREPARING;
    }
    break;
  case PHASE_PREPARED:
    said = say(cut, member, TREE_STOP);
    member->phase = PHASE_STOPPING;
    break;
  case PHASE_CAPTURED:
    said = say(cut, member, TREE_RESUME);
    member->phase = PHASE_RESUMED;
    break;
  case PHASE_WRITTEN:
    if (!is_root) {
      said = say(cut, member, TREE_COMMIT);
      member->phase = PHASE_COMMITTING;
    } else if (root_is_left(cut)) {
      hold("root");
      said = say_records(cut, member);
      member->phase = PHASE_COMMITTING;
    }
    break;
  default:
    break;
  }
  if (!said)
    lose(cut, member);
}

/* ---- what is answered ---- */

static void join(struct cut *cut, struct tree_caller *caller) {
  struct tree_member *member = tree_member_find(&cut->members, caller->pid);
  bool is_other = caller->hello.cut && caller->hello.cut != cut->members.cut;
  if (is_other || (member && member->phase != PHASE_NEW)) {
    tree_caller_refuse(caller);
    return;
  }
  if (!member || cut->target > PHASE_STOPPED) {
    tree_callers_add(cut->late, caller);
    return;
  }
  member->fd = caller->fd;
  member->phase = PHASE_JOINED;
  member->fresh = !caller->hello.application[0];
  memcpy(member->application, caller->hello.application,
         sizeof member->application);
  cut->why.events |= caller->hello.events;
  cut->go_on |=
      caller->hello.go_on && tree_member_is_root(&cut->members, member);
}

/* What a member answers, and where that takes it. */
static void take_answer(struct cut *cut, struct tree_member *member,
                        struct tree_message *message) {
  static const struct {
    enum tree_word word;
    enum tree_phase from, to;
  } steps[] = {
      {TREE_BEGUN, PHASE_PREPARING, PHASE_BEGUN},
      {TREE_PREPARED, PHASE_BEGUN, PHASE_PREPARED},
      {TREE_STOPPED, PHASE_STOPPING, PHASE_STOPPED},
      {TREE_CAPTURED, PHASE_CAPTURING, PHASE_CAPTURED},
      {TREE_WRITTEN, PHASE_RESUMED, PHASE_WRITTEN},
      {TREE_COMMITTED, PHASE_COMMITTING, PHASE_COMMITTED},
  };
  if (message->word == TREE_FAILED) {
    fail_as(cut, member, &message->error);
    return;
  }
  for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
    if (message->word == (uint32_t)steps[i].word &&
        member->phase == steps[i].from) {
      member->phase = steps[i].to;
      member->prepared_ms = tree_now_ms();
      if (message->word == TREE_BEGUN) {
        message->application[TREE_APPLICATION - 1] = 0;
        member->number = message->number;
        memcpy(member->application, message->application,
               sizeof member->application);
      }
      return;
    }
  fail(cut, HWCKPT_E_TREE_SILENT, member, "it said something else");
}

static void hear(struct cut *cut, struct tree_member *member) {
  struct tree_message message;
  ssize_t length = recv(member->fd, &message, sizeof message, MSG_DONTWAIT);
  if (length < 0 && (errno == EAGAIN || errno == EINTR))
    return;
  if (tree_message_is_ours(&message, length))
    take_answer(cut, member, &message);
  else
    lose(cut, member);
}

/* Waits until somebody says something, or for a while. */
static void listen_to_all(struct cut *cut, uint64_t milliseconds) {
  size_t count = cut->members.count, silent = cut->silent->count;
  struct pollfd *watched = calloc(count + silent + 1, sizeof *watched);
  struct tree_caller caller;
  if (!watched) {
    fail(cut, HWCKPT_E_CAPTURE_MEMORY, NULL, "waiting for its processes");
    return;
  }
  for (size_t i = 0; i < count; i++)
    watched[i] =
        (struct pollfd){.fd = cut->members.list[i].fd, .events = POLLIN};
  tree_callers_watch(cut->silent, cut->request->listener, watched + count);
  poll(watched, count + silent + 1, (int)milliseconds);
  for (size_t i = 0; i < count && !cut->failed; i++)
    if (watched[i].revents && cut->members.list[i].fd >= 0)
      hear(cut, &cut->members.list[i]);
  free(watched);
  while (tree_callers_next(cut->silent, cut->request->listener, &caller))
    join(cut, &caller);
}

/* ---- from phase to phase ---- */

static struct tree_member *first_behind(const struct cut *cut) {
  for (size_t i = 0; i < cut->members.count; i++) {
    struct tree_member *member = &cut->members.list[i];
    if (tree_member_takes_part(member) && member->phase < cut->target)
      return member;
  }
  return NULL;
}

/* A program that was started and has no runtime. */
static void check_new(struct cut *cut, struct tree_member *member) {
  uint64_t age = tree_now_ms() - member->seen_ms;
  if (member->phase != PHASE_NEW || member->known ||
      age < (cut->go_on ? LENIENT_MS : RUNTIME_MS) ||
      (member->process.parent &&
       tree_facts_same_memory(member->process.pid, member->process.parent)))
    return;
  if (cut->go_on && !tree_member_is_root(&cut->members, member))
    member->left_out = true;
  else
    fail(cut, HWCKPT_E_TREE_NO_RUNTIME, member,
         member->process.handles ? "the runtime is not seen in it"
                                 : "it runs without hwckpt's runtime");
}

static void give_up(struct cut *cut, const struct tree_member *member) {
  char detail[128];
  if (cut->target == PHASE_STOPPED && member->phase < PHASE_STOPPING &&
      member->seen_ms > cut->stop_ms) {
    fail(cut, HWCKPT_E_TREE_UNSETTLED, member, "is the last that appeared");
    return;
  }
  static const char *const waited[] = {
      [PHASE_JOINED] = "answer",          [PHASE_PREPARED] = "get ready",
      [PHASE_STOPPED] = "stop",           [PHASE_CAPTURED] = "be captured",
      [PHASE_WRITTEN] = "write its part", [PHASE_COMMITTED] = "commit its part",
  };
  const char *what =
      strchr("Tt", member->process.state) ? ", and is stopped by a signal" : "";
  snprintf(detail, sizeof detail, "it did not %s%s",
           member->phase == PHASE_NEW ? "answer" : waited[cut->target], what);
  fail(cut, HWCKPT_E_TREE_SILENT, member, detail);
}

/* Somebody may be gone, or be there, while one does not come. All of them are
 * only looked at now and then: that takes longer than they take to come. */
static void look_for(struct cut *cut, struct tree_member *behind) {
  if (cut->target > PHASE_STOPPED || behind->phase != PHASE_NEW)
    return;
  if (!tree_process_look(&behind->process) || !tree_member_takes_part(behind) ||
      tree_now_ms() - cut->walked_ms >= WALK_MS)
    walk(cut);
  behind = first_behind(cut);
  if (behind && !cut->failed)
    check_new(cut, behind);
}

/* Those who were born since the last look. Not when all have joined: who is
 * born by then is seen later. */
static bool finds_more(struct cut *cut) {
  return cut->target > PHASE_JOINED && cut->target <= PHASE_STOPPED &&
         walk(cut);
}

/* Takes all to that phase, until nobody is new who does not stand still. */
static bool drive(struct cut *cut, enum tree_phase target,
                  uint64_t milliseconds) {
  uint64_t until = deadline_of(milliseconds);
  cut->target = target;
  if (target == PHASE_STOPPED)
    cut->stop_ms = tree_now_ms();
  while (!cut->failed) {
    for (size_t i = 0; i < cut->members.count && !cut->failed; i++)
      push(cut, &cut->members.list[i]);
    struct tree_member *behind = first_behind(cut);
    if (!behind && !finds_more(cut) && !first_behind(cut))
      break;
    if (!behind)
      continue;
    listen_to_all(cut, STEP_MS);
    behind = first_behind(cut);
    if (behind && !cut->failed)
      look_for(cut, behind);
    behind = first_behind(cut);
    if (behind && !cut->failed && tree_now_ms() > until)
      give_up(cut, behind);
  }
  return !cut->failed;
}

/* ---- what they share ---- */

#define FACTS_AT_ONCE (TREE_PAYLOAD / sizeof(struct tree_fact))

static bool say_facts(struct cut *cut, struct tree_member *member,
                      const struct tree_fact *facts, size_t count,
                      int32_t number) {
  struct tree_message message = {.member = number};
  for (size_t i = 0; i < count; i += FACTS_AT_ONCE) {
    size_t part = count - i < FACTS_AT_ONCE ? count - i : FACTS_AT_ONCE;
    if (!tree_member_say(&cut->members, member, &message, TREE_FACTS, facts + i,
                         part * sizeof *facts))
      return false;
  }
  return tree_member_say(&cut->members, member, &message, TREE_CAPTURE, NULL,
                         0);
}

/* What has no number is no member. */
static void forget_left_out(struct tree_members *members) {
  size_t kept = 0;
  for (size_t i = 0; i < members->count; i++)
    if (!members->list[i].left_out)
      members->list[kept++] = members->list[i];
  members->count = kept;
}

/* All stand: each is told what it shares, and captures. */
static void let_capture(struct cut *cut) {
  struct tree_members *members = &cut->members;
  struct tree_fact *facts = NULL;
  size_t count = 0;
  pid_t *pids = calloc(members->count + 1, sizeof *pids);
  forget_left_out(members);
  tree_members_sort(members);
  for (size_t i = 0; i < members->count && pids && !cut->failed; i++) {
    const struct tree_process *process = &members->list[i].process;
    pids[i] = process->pid;
    if (process->parent && tree_member_takes_part(&members->list[i]) &&
        tree_facts_apart(process->pid, process->parent, &cut->error))
      cut->failed = true;
  }
  if (!pids)
    fail(cut, HWCKPT_E_CAPTURE_MEMORY, NULL, "its descriptors");
  if (!cut->failed &&
      tree_facts(pids, members->count, &facts, &count, &cut->error))
    cut->failed = true;
  for (size_t i = 0; i < members->count && !cut->failed; i++) {
    struct tree_member *member = &members->list[i];
    if (!tree_member_takes_part(member))
      continue;
    if (say_facts(cut, member, facts, count, (int32_t)i))
      member->phase = PHASE_CAPTURING;
    else
      lose(cut, member);
  }
  free(facts);
  free(pids);
}

/* ---- all of it ---- */

static void end_well(struct cut *cut) {
  const struct tree_member *root =
      tree_member_find(&cut->members, cut->members.root);
  struct tree_message done = {.number = root->number};
  memcpy(done.application, root->application, sizeof done.application);
  for (size_t i = 0; i < cut->members.count; i++)
    if (cut->members.list[i].fd >= 0)
      tree_member_say(&cut->members, &cut->members.list[i], &done, TREE_DONE,
                      NULL, 0);
}

/* All go on at once. The root says it to who reads the program's messages. */
static void end_badly(struct cut *cut) {
  struct tree_message abort = {.error = cut->error};
  bool told = false;
  for (size_t i = 0; i < cut->members.count; i++) {
    struct tree_member *member = &cut->members.list[i];
    if (member->fd >= 0 &&
        tree_member_say(&cut->members, member, &abort, TREE_ABORT, NULL, 0))
      told |= tree_member_is_root(&cut->members, member);
  }
  /* When that has ended there is nothing to be said but that. */
  struct proc_stat root;
  if (!told && proc_stat(cut->request->root, &root) &&
      !proc_is_ending(cut->request->root, &root))
    report_error(&cut->error);
}

/* Nobody but the first is there: it needs nobody. */
static bool is_alone(struct cut *cut) {
  struct tree_message alone = {.number = 1};
  walk(cut);
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
    if (!say(cut, member, TREE_AGAIN))
      lose(cut, member);
  }
  return drive(cut, PHASE_PREPARED, PREPARE_MS);
}

static void take(struct cut *cut) {
  hold("join");
  bool goes_on = drive(cut, PHASE_JOINED, PREPARE_MS);
  if (goes_on)
    goes_on = drive(cut, PHASE_PREPARED, PREPARE_MS) && let_catch_up(cut);
  if (goes_on) {
    hold("stop");
    goes_on = drive(cut, PHASE_STOPPED, STOP_MS);
  }
  if (goes_on) {
    hold("capture");
    let_capture(cut);
    goes_on = drive(cut, PHASE_CAPTURED, CAPTURE_MS);
  }
  if (goes_on) {
    hold("resume");
    goes_on = drive(cut, PHASE_WRITTEN, WRITE_MS);
  }
  if (goes_on) {
    hold("commit");
    drive(cut, PHASE_COMMITTED, WRITE_MS);
  }
}

void tree_cut(const struct tree_cut_request *request,
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
    join(&cut, &caller);
    take(&cut);
    if (cut.failed)
      end_badly(&cut);
    else
      end_well(&cut);
  }
  for (size_t i = 0; i < cut.members.count; i++)
    tree_member_hang_up(&cut.members.list[i]);
  free(cut.members.list);
}
