/* tree_talk.c - what is said to the processes of a program in one checkpoint,
 * and what they answer (tree_cut_state.h; docs/trees.md has the protocol). */
#include "tree_cut_state.h"
#include "tree_facts.h"
#include "tree_stopped.h"

#include "runtime/support/record_types.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#define ASK_AGAIN_MS 1000
#define MANY_PER_PROCESSOR 8 /* processes: those that compute wait long */

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

bool tree_cut_say(struct cut *cut, struct tree_member *member,
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
  return tree_cut_say(cut, root, TREE_COMMIT);
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
void tree_cut_push(struct cut *cut, struct tree_member *member) {
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
    if (member->sections)
      said = tree_cut_say(cut, member, TREE_CLOSE);
    member->phase = member->sections ? PHASE_CLOSING : PHASE_CLOSED;
    break;
  case PHASE_CLOSED:
    said = tree_cut_say(cut, member, TREE_STOP);
    member->phase = PHASE_STOPPING;
    break;
  case PHASE_CAPTURED:
    said = tree_cut_say(cut, member, TREE_RESUME);
    member->phase = PHASE_RESUMED;
    break;
  case PHASE_WRITTEN:
    if (!is_root) {
      said = tree_cut_say(cut, member, TREE_COMMIT);
      member->phase = PHASE_COMMITTING;
    } else if (root_is_left(cut)) {
      tree_cut_hold("root");
      said = say_records(cut, member);
      member->phase = PHASE_COMMITTING;
    }
    break;
  default:
    break;
  }
  if (!said)
    tree_cut_lose(cut, member);
}

/* ---- what is answered ---- */

void tree_cut_join(struct cut *cut, struct tree_caller *caller) {
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
  if (caller->hello.error.code) {
    tree_cut_declined(cut, caller);
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

/* Where nobody stands yet it is tried again with all of them. */
static void leave_open(struct cut *cut, struct tree_member *member) {
  if (cut->target < PHASE_STOPPED) {
    cut->section_open = true;
    return;
  }
  member->phase = PHASE_BEGUN;
  if (!tree_cut_say(cut, member, TREE_AGAIN))
    tree_cut_lose(cut, member);
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
      {TREE_CLOSED, PHASE_CLOSING, PHASE_CLOSED},
      {TREE_STOPPED, PHASE_STOPPING, PHASE_STOPPED},
      {TREE_CAPTURED, PHASE_CAPTURING, PHASE_CAPTURED},
      {TREE_WRITTEN, PHASE_RESUMED, PHASE_WRITTEN},
      {TREE_COMMITTED, PHASE_COMMITTING, PHASE_COMMITTED},
  };
  if (message->word == TREE_FAILED) {
    tree_cut_fail_as(cut, member, &message->error);
    return;
  }
  for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
    if (message->word == (uint32_t)steps[i].word &&
        member->phase == steps[i].from) {
      member->phase = steps[i].to;
      member->prepared_ms = tree_now_ms();
      if (message->word == TREE_PREPARED)
        member->sections = message->sections != 0;
      if (message->word == TREE_CLOSED && !message->closed)
        leave_open(cut, member);
      if (message->word == TREE_BEGUN) {
        member->number = message->number;
        memcpy(member->application, message->application,
               sizeof member->application);
      }
      return;
    }
  tree_cut_fail(cut, HWCKPT_E_TREE_SILENT, member, "it said something else");
}

static void hear(struct cut *cut, struct tree_member *member) {
  struct tree_message message;
  ssize_t length = recv(member->fd, &message, sizeof message, MSG_DONTWAIT);
  if (length < 0 && (errno == EAGAIN || errno == EINTR))
    return;
  if (tree_message_is_ours(&message, length))
    take_answer(cut, member, &message);
  else
    tree_cut_lose(cut, member);
}

/* Waits until somebody says something, or for a while. */
void tree_cut_listen(struct cut *cut, uint64_t milliseconds) {
  size_t count = cut->members.count, silent = cut->silent->count;
  struct pollfd *watched = calloc(count + silent + 1, sizeof *watched);
  struct tree_caller caller;
  if (!watched) {
    tree_cut_fail(cut, HWCKPT_E_CAPTURE_MEMORY, NULL,
                  "waiting for its processes");
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
    tree_cut_join(cut, &caller);
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

/* Rows of those that a signal has stopped; how many. */
static size_t note_stopped(struct tree_members *members,
                           struct tree_fact *facts) {
  size_t count = 0;
  for (size_t i = 0; i < members->count; i++) {
    struct tree_member *member = &members->list[i];
    const struct tree_process *process = &member->process;
    member->stays = tree_stopped_stays(member);
    if (!member->stays || !process->parent)
      continue;
    facts[count++] = (struct tree_fact){
        .device = TREE_STOPPED_DEVICE,
        .inode = (uint64_t)process->inner,
        .file = (uint64_t)process->inner_parent,
        .flags = process->wait_status ? TREE_STOPPED_WAITS : 0,
        .number = -1};
  }
  return count;
}

static size_t note_processes(const struct tree_members *members,
                             struct tree_fact *facts) {
  for (size_t i = 0; i < members->count; i++)
    facts[i] =
        (struct tree_fact){.device = TREE_PROCESS_DEVICE,
                           .inode = (uint64_t)members->list[i].process.inner,
                           .number = -1};
  return members->count;
}

static size_t note(struct tree_members *members, struct tree_fact *facts) {
  size_t count = note_stopped(members, facts);
  return count + note_processes(members, facts + count);
}

/* What has no number is no member. */
static void forget_left_out(struct tree_members *members) {
  size_t kept = 0;
  for (size_t i = 0; i < members->count; i++)
    if (!members->list[i].left_out)
      members->list[kept++] = members->list[i];
    else
      tree_stopped_let_go(&members->list[i]);
  members->count = kept;
}

/* All stand: each is told what it shares, and captures. */
void tree_cut_let_capture(struct cut *cut) {
  struct tree_members *members = &cut->members;
  struct tree_fact *facts = NULL;
  size_t count = 0;
  pid_t *pids = calloc(members->count + 1, sizeof *pids);
  struct tree_fact *rows = calloc(2 * members->count + 1, sizeof *rows);
  forget_left_out(members);
  tree_members_sort(members);
  for (size_t i = 0; i < members->count && pids && rows && !cut->failed; i++) {
    const struct tree_process *process = &members->list[i].process;
    if (tree_member_takes_part(&members->list[i]))
      tree_stopped_hold_late(&members->list[i]);
    pids[i] = process->thread;
    const struct tree_member *parent =
        tree_member_find(members, process->parent);
    if (parent && tree_member_takes_part(&members->list[i]) &&
        tree_facts_apart(process, &parent->process, &cut->error))
      cut->failed = true;
  }
  if (!pids || !rows)
    tree_cut_fail(cut, HWCKPT_E_CAPTURE_MEMORY, NULL, "its descriptors");
  else if (!cut->failed &&
           tree_facts(pids, members->count, rows, note(members, rows), &facts,
                      &count, &cut->error))
    cut->failed = true;
  for (size_t i = 0; i < members->count && !cut->failed; i++) {
    struct tree_member *member = &members->list[i];
    if (!tree_member_takes_part(member))
      continue;
    if (say_facts(cut, member, facts, count, (int32_t)i))
      member->phase = PHASE_CAPTURING;
    else
      tree_cut_lose(cut, member);
  }
  free(facts);
  free(rows);
  free(pids);
}
