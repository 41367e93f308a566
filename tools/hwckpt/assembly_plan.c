/* assembly_plan.c - what the root's generation says of its tree: the generation
 * of each process, and how they are related (family.h). */
#include "assembly.h"
#include "command.h"
#include "family.h"

#include "tools/tiers/copy.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Sessions and groups that are the tool's own, or those of who started it. */
struct outside {
  pid_t session, group;
};

static struct outside outside_of(const TreeMember *root) {
  struct outside outside = {0};
  if (root->session != root->pid)
    outside.session = root->session;
  if (root->group != root->pid)
    outside.group = root->group;
  return outside;
}

static int index_of(const TreeMember *members, size_t count, pid_t pid) {
  for (size_t i = 0; pid && i < count; i++)
    if (members[i].pid == pid)
      return (int)i;
  return FAMILY_OUTSIDE;
}

/* One that the parent may block when it comes; it need not come. */
static int exit_signal_of(const TreeMember *member) {
  uint32_t number = member->exit_signal;
  if (!number)
    return SIGCHLD;
  return number > 64 || number == SIGKILL || number == SIGSTOP ||
                 number == 32 || number == 33
             ? 0
             : (int)number;
}

static struct relative relate(const TreeMember *members, size_t count, size_t i,
                              const struct outside *outside) {
  const TreeMember *member = &members[i];
  return (struct relative){
      .kind = member->ended ? RELATIVE_ENDED : RELATIVE_MEMBER,
      .pid = member->pid,
      .parent = i ? index_of(members, count, member->parent) : FAMILY_OUTSIDE,
      .group = member->group == outside->group ? 0 : member->group,
      .session = member->session == outside->session ? 0 : member->session,
      .status = (int)member->status,
      .exit_signal = exit_signal_of(member),
  };
}

static int malformed(const struct generation *root, const char *what,
                     struct hwckpt_error *error) {
  return hwckpt_fail(error, HWCKPT_E_RECORD, 0, root->name, "its tree: %s",
                     what);
}

/* The root first, then as they are recorded. */
static TreeMember *read_members(const struct generation *root, size_t *count,
                                bool *has_root) {
  size_t cursor = 0;
  TreeMember member;
  *count = 0;
  while (generation_next_member(root, &cursor, &member))
    ++*count;
  TreeMember *members = calloc(*count + 1, sizeof *members);
  size_t next = 1;
  *has_root = false;
  cursor = 0;
  while (members && generation_next_member(root, &cursor, &member)) {
    bool is_root = member.pid == root->process.pid && !member.ended;
    if (is_root)
      members[0] = member;
    else
      members[next < *count ? next++ : 0] = member;
    *has_root |= is_root;
  }
  return members;
}

/* None is born that descends from itself. */
static bool is_descendant(const TreeMember *members, size_t count, size_t i) {
  int at = (int)i;
  for (size_t steps = 0; at > 0; steps++) {
    if (steps == count)
      return false;
    at = index_of(members, count, members[at].parent);
  }
  return true;
}

static bool is_whole(const TreeMember *members, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (members[i].pid <= 1 ||
        index_of(members, count, members[i].pid) != (int)i ||
        !is_descendant(members, count, i))
      return false;
  return true;
}

static bool is_subreaper(const struct generation *generation) {
  Attributes attributes;
  size_t cursor = 0;
  return generation_next_attributes(generation, &cursor, &attributes) &&
         attributes.subreaper;
}

static int open_part(const struct selection *selection,
                     const TreeMember *member, struct assembly_plan *plan,
                     struct hwckpt_error *error) {
  struct part *part = calloc(1, sizeof *part);
  if (!part)
    return hwckpt_fail(error, HWCKPT_E_RESTORE_MEMORY, 0, member->application,
                       "%s", "");
  plan->parts[plan->count++] = part;
  snprintf(part->application, sizeof part->application, "%s",
           member->application);
  part->number = member->generation;
  return copy_part_failed(
      selection->application, selection->number, part->application,
      part->number,
      generation_open_newest(selection->cache, part->application, part->number,
                             &part->generation, error),
      error);
}

static bool leads(const struct generation *root, Session *session) {
  size_t cursor = 0;
  return generation_next_session(root, &cursor, session);
}

/* One process that is to be given what it has two ends of. */
static int read_alone(const struct selection *selection,
                      const struct generation *root, struct assembly_plan *plan,
                      struct hwckpt_error *error) {
  pid_t pid = root->process.pid;
  TreeMember member = {.pid = pid, .generation = selection->number};
  Session session = {0};
  if (!leads(root, &session))
    session = (Session){0};
  snprintf(member.application, sizeof member.application, "%s",
           selection->application);
  plan->parts = calloc(1, sizeof(struct part *));
  plan->relatives = calloc(1, sizeof *plan->relatives);
  if (!plan->parts || !plan->relatives)
    return hwckpt_fail(error, HWCKPT_E_RESTORE_MEMORY, 0, root->name, "%s", "");
  plan->relatives[plan->relative_count++] = (struct relative){
      .kind = RELATIVE_MEMBER,
      .pid = pid,
      .parent = FAMILY_OUTSIDE,
      .group = session.leads_group || session.leads_session ? pid : 0,
      .session = session.leads_session ? pid : 0};
  return open_part(selection, &member, plan, error);
}

/* The i-th of them becomes a relative, and, if it lives, a part. */
static int add_member(const struct selection *selection,
                      const struct generation *root, const TreeMember *members,
                      size_t count, size_t i, struct assembly_plan *plan,
                      struct hwckpt_error *error) {
  struct outside outside = outside_of(&members[0]);
  struct relative *relative = &plan->relatives[plan->relative_count++];
  *relative = relate(members, count, i, &outside);
  if (members[i].ended)
    return 0;
  relative->member = (int)plan->count;
  int failed = open_part(selection, &members[i], plan, error);
  const struct part *part = plan->parts[relative->member];
  if (failed || !part)
    return failed;
  const struct generation *generation = &part->generation;
  if (part)
    plan->parts[relative->member]->stopped = members[i].stopped;
  relative->subreaper = is_subreaper(generation);
  return generation->process.pid == members[i].pid
             ? 0
             : malformed(root, "a process with two ids", error);
}

int assembly_read(const struct selection *selection,
                  const struct generation *root, struct assembly_plan *plan,
                  struct hwckpt_error *error) {
  size_t count;
  bool has_root;
  *plan = (struct assembly_plan){0};
  TreeMember *members = read_members(root, &count, &has_root);
  if (!count) {
    free(members);
    return connections_any(root) ? read_alone(selection, root, plan, error) : 0;
  }
  plan->parts = calloc(count, sizeof *plan->parts);
  plan->relatives = calloc(count, sizeof *plan->relatives);
  int failed = 0;
  if (!members || !plan->parts || !plan->relatives) {
    free(members);
    return hwckpt_fail(error, HWCKPT_E_RESTORE_MEMORY, 0, root->name,
                       "%zu processes", count);
  }
  if (!has_root || !is_whole(members, count))
    failed = malformed(root, "its first process, or an id", error);
  for (size_t i = 0; !failed && i < count; i++)
    failed = add_member(selection, root, members, count, i, plan, error);
  free(members);
  return failed;
}

void assembly_free(struct assembly_plan *plan) {
  for (size_t i = 0; i < plan->count; i++) {
    generation_close(&plan->parts[i]->generation);
    free(plan->parts[i]);
  }
  free(plan->parts);
  free(plan->relatives);
  *plan = (struct assembly_plan){0};
}
