/* tree_part.c - who takes part in one checkpoint of all processes of a program:
 * who is born, ends, has no runtime or does not come (tree_cut_state.h). */
#include "command.h"
#include "proc_stat.h"
#include "tree_cut_state.h"
#include "tree_facts.h"
#include "tree_stopped.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RUNTIME_MS 3000 /* for a program to begin, and its runtime with it */
#define LENIENT_MS 200  /* the same, where it is left out then */
#define SHARED_MS 100   /* to end, or to have memory of its own */

void tree_cut_fail(struct cut *cut, enum hwckpt_code code,
                   const struct tree_member *member, const char *detail) {
  char name[96] = "the program";
  if (cut->failed)
    return;
  cut->failed = true;
  if (member)
    tree_member_name(member, name, sizeof name);
  hwckpt_fail(&cut->error, code, 0, name, "%s", detail);
}

void tree_cut_fail_as(struct cut *cut, const struct tree_member *member,
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

void tree_cut_declined(struct cut *cut, struct tree_caller *caller) {
  struct tree_member member = {.process = {.pid = caller->pid}};
  tree_process_look(&member.process);
  cut->root_says |= tree_member_is_root(&cut->members, &member) && !cut->failed;
  tree_cut_fail_as(cut, &member, &caller->hello.error);
  close(caller->fd);
}

/* What fails again and again is said once. */
void tree_cut_not_asked(struct tree_caller *caller, pid_t root) {
  static struct hwckpt_error said;
  struct cut cut = {.members = {.root = root}};
  tree_cut_declined(&cut, caller);
  if (cut.error.code == said.code && !strcmp(cut.error.object, said.object) &&
      !strcmp(cut.error.detail, said.detail))
    return;
  said = cut.error;
  report_error(&said);
}

/* It has ended, or runs another program now. Whoever has committed has done
 * what it was to do. */
void tree_cut_lose(struct cut *cut, struct tree_member *member) {
  tree_member_hang_up(member);
  if (member->phase == PHASE_COMMITTED)
    return;
  if (member->phase >= PHASE_STOPPED)
    tree_cut_fail(cut, HWCKPT_E_TREE_DIED, member, "while it was checkpointed");
  member->phase = PHASE_NEW;
  member->known = false;
  member->asked_ms = 0;
  member->seen_ms = tree_now_ms();
}

/* Returns whether one is gone that had not ended at the last look. */
static bool drop_unlisted(struct cut *cut) {
  size_t kept = 0;
  bool gone = false;
  for (size_t i = 0; i < cut->members.count; i++) {
    struct tree_member *member = &cut->members.list[i];
    if (!member->listed) {
      if (tree_member_is_root(&cut->members, member))
        tree_cut_fail(cut, HWCKPT_E_TREE_DIED, member, "the first process");
      gone |= tree_member_takes_part(member);
      tree_cut_lose(cut, member);
      tree_stopped_let_go(member);
      continue;
    }
    cut->members.list[kept++] = *member;
  }
  cut->members.count = kept;
  return gone;
}

/* Nothing of that would be there after a restore. And it would not stop: who is
 * traced waits with each signal for who traces it, and that one stands. */
static void check_traced(struct cut *cut, const struct tree_member *member) {
  char name[96], detail[128];
  pid_t pid =
      member->process.tracer ? proc_of_thread(member->process.tracer) : 0;
  const struct tree_member *tracer = pid && pid != member->process.pid
                                         ? tree_member_find(&cut->members, pid)
                                         : NULL;
  if (!tracer || !tree_member_takes_part(member))
    return;
  tree_member_name(tracer, name, sizeof name);
  snprintf(detail, sizeof detail, "%s traces it", name);
  tree_cut_fail(cut, HWCKPT_E_TREE_NO_RUNTIME, member, detail);
}

/* Looks who is there; returns whether somebody is new, or may be: whose parent
 * ended meanwhile may have gone to whom we had looked at before. While not all
 * are to stand still, there may always be one. */
bool tree_cut_walk(struct cut *cut) {
  struct tree_process *list;
  size_t count;
  bool is_new = false, ended = false;
  if (!tree_processes(cut->request->root, cut->request->others,
                      cut->request->other_count, &list, &count))
    tree_cut_fail(cut, HWCKPT_E_CAPTURE_MEMORY, NULL, "listing its processes");
  for (size_t i = 0; i < cut->members.count; i++)
    cut->members.list[i].listed = false;
  for (size_t i = 0; i < count && !cut->failed; i++) {
    struct tree_member *member = tree_member_find(&cut->members, list[i].pid);
    if (!member) {
      member = tree_member_add(&cut->members, &list[i]);
      is_new = true;
    }
    if (!member) {
      tree_cut_fail(cut, HWCKPT_E_CAPTURE_MEMORY, NULL,
                    "listing its processes");
      break;
    }
    bool lived = tree_member_takes_part(member);
    member->process = list[i];
    member->listed = true;
    ended |= lived && !tree_member_takes_part(member);
    if (!tree_member_takes_part(member) && member->fd >= 0)
      tree_cut_lose(cut, member);
  }
  free(list);
  cut->walked_ms = tree_now_ms();
  if (!cut->failed)
    ended |= drop_unlisted(cut);
  for (size_t i = 0; i < cut->members.count; i++)
    check_traced(cut, &cut->members.list[i]);
  const struct tree_member *root =
      tree_member_find(&cut->members, cut->members.root);
  if (!root || !tree_member_takes_part(root))
    tree_cut_fail(cut, HWCKPT_E_TREE_DIED, root, "the first process");
  return is_new || (ended && cut->target == PHASE_STOPPED);
}

/* It is not waited for as if vfork() had made it. */
static void check_shared(struct cut *cut, const struct tree_member *member) {
  const struct tree_member *parent =
      tree_member_find(&cut->members, member->process.parent);
  if (parent && tree_member_keeps_parents_memory(&cut->members, member) &&
      tree_facts_apart(&member->process, &parent->process, &cut->error))
    cut->failed = true;
}

/* No thread of it is in vfork() then. */
static bool parent_stands(const struct cut *cut,
                          const struct tree_member *member) {
  const struct tree_member *parent =
      tree_member_find(&cut->members, member->process.parent);
  return parent && parent->phase >= PHASE_STOPPED;
}

/* A program that was started and has no runtime, or one that has no memory of
 * its own. */
void tree_cut_check_new(struct cut *cut, struct tree_member *member) {
  uint64_t age = tree_now_ms() - member->seen_ms;
  if (member->phase != PHASE_NEW || member->known)
    return;
  if (age >= SHARED_MS && parent_stands(cut, member))
    check_shared(cut, member);
  if (cut->failed || age < (cut->go_on ? LENIENT_MS : RUNTIME_MS))
    return;
  if (tree_member_has_parents_memory(&cut->members, member)) {
    if (age >= RUNTIME_MS)
      check_shared(cut, member);
    return;
  }
  if (cut->go_on && !tree_member_is_root(&cut->members, member))
    member->left_out = true;
  else
    tree_cut_fail(cut, HWCKPT_E_TREE_NO_RUNTIME, member,
                  member->process.handles ? "the runtime is not seen in it"
                                          : "it runs without hwckpt's runtime");
}

void tree_cut_give_up(struct cut *cut, const struct tree_member *member) {
  char detail[128];
  if (cut->target == PHASE_STOPPED && member->phase < PHASE_STOPPING &&
      member->seen_ms > cut->driven_ms) {
    tree_cut_fail(cut, HWCKPT_E_TREE_UNSETTLED, member,
                  "is the last that appeared");
    return;
  }
  static const char *const waited[] = {
      [PHASE_JOINED] = "answer",
      [PHASE_PREPARED] = "get ready",
      [PHASE_CLOSED] = "say whether critical sections are open",
      [PHASE_STOPPED] = "stop",
      [PHASE_CAPTURED] = "be captured",
      [PHASE_WRITTEN] = "write its part",
      [PHASE_COMMITTED] = "commit its part",
  };
  const char *what =
      strchr("Tt", member->process.state) ? ", and is stopped by a signal" : "";
  snprintf(detail, sizeof detail, "it did not %s%s",
           member->phase == PHASE_NEW ? "answer" : waited[cut->target], what);
  tree_cut_fail(cut, HWCKPT_E_TREE_SILENT, member, detail);
}
