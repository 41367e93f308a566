/* births.c - see births.h. Whoever can be made by those that are is, again and
 * again; where that comes to a stop, one of the others is helped: by a
 * stand-in, or by giving up what would have suited its children. */
#include "births.h"

#include <errno.h>
#include <stdlib.h>

#define ANY (-1)

static bool leads(const struct relative *is) {
  return is->session == is->pid && is->pid;
}

static bool is_alive(const struct relative *is) {
  return is->kind == RELATIVE_MEMBER;
}

int births_add(struct births *births, const struct relative *relative) {
  if (births->count == births->room) {
    size_t room = births->room * 2 + 16;
    struct relative *grown =
        reallocarray(births->relatives, room, sizeof *grown);
    if (!grown)
      return -1;
    births->relatives = grown;
    births->room = room;
  }
  births->relatives[births->count] = *relative;
  return (int)births->count++;
}

/* ---- which session suits ---- */

/* Who leads a session is made in that which its children have, if they have
 * another: it made them before. */
static void wish(struct births *births) {
  bool changed = true;
  for (size_t i = 0; i < births->count; i++) {
    struct relative *self = &births->relatives[i];
    self->wanted = leads(self) ? ANY : self->session;
  }
  while (changed) {
    changed = false;
    for (size_t i = 0; i < births->count; i++) {
      const struct relative *self = &births->relatives[i];
      struct relative *parent = self->parent == FAMILY_OUTSIDE
                                    ? NULL
                                    : &births->relatives[self->parent];
      if (!parent || !leads(parent) || parent->wanted != ANY ||
          self->wanted == ANY || self->wanted == parent->pid)
        continue;
      parent->wanted = self->wanted;
      changed = true;
    }
  }
}

/* ---- who can make it ---- */

static void place(struct births *births, size_t index, int forker, bool early,
                  bool sibling) {
  struct relative *self = &births->relatives[index];
  const struct relative *by =
      forker == FAMILY_OUTSIDE ? NULL : &births->relatives[forker];
  self->forker = forker;
  self->early = early;
  self->sibling = sibling;
  self->first = !by ? 0 : early ? by->first : by->session;
  self->is_placed = true;
}

/* Whether this one is in the session that suits, at some time. */
static bool suits(const struct relative *by, pid_t wanted, bool *early) {
  *early = by->session != wanted;
  return by->session == wanted || (leads(by) && by->first == wanted);
}

static bool place_by_parent(struct births *births, size_t index) {
  const struct relative *self = &births->relatives[index];
  bool early = false;
  if (self->parent == FAMILY_OUTSIDE) {
    if (self->wanted != ANY && self->wanted != 0)
      return false;
    place(births, index, FAMILY_OUTSIDE, false, false);
    return true;
  }
  const struct relative *parent = &births->relatives[self->parent];
  if (!parent->is_placed ||
      (self->wanted != ANY && !suits(parent, self->wanted, &early)))
    return false;
  place(births, index, self->parent, early, false);
  return true;
}

static bool place_by_sibling(struct births *births, size_t index) {
  const struct relative *self = &births->relatives[index];
  bool early;
  for (size_t i = 0; i < births->count; i++) {
    const struct relative *other = &births->relatives[i];
    if (!other->is_placed || i == index || other->parent != self->parent ||
        !suits(other, self->wanted, &early))
      continue;
    place(births, index, (int)i, early, true);
    return true;
  }
  return false;
}

/* Who adopts the orphans of those below it. */
static int adopter_from(const struct births *births, int at) {
  while (at != FAMILY_OUTSIDE && !births->relatives[at].subreaper)
    at = births->relatives[at].parent;
  return at;
}

/* It becomes an orphan: of one that ends itself, or of a stand-in. */
static bool place_by_adoption(struct births *births, size_t index) {
  for (size_t i = 0; i < births->count; i++) {
    const struct relative *self = &births->relatives[index];
    const struct relative *by = &births->relatives[i];
    if (!by->is_placed || by->session != self->wanted ||
        adopter_from(births, is_alive(by) ? (int)i : by->parent) !=
            self->parent)
      continue;
    int forker = (int)i;
    if (is_alive(by)) {
      const struct relative stand_in = {
          .kind = RELATIVE_STAND_IN, .parent = (int)i, .session = self->wanted};
      forker = births_add(births, &stand_in);
      if (forker < 0)
        return false;
      place(births, (size_t)forker, (int)i, false, false);
    }
    place(births, index, forker, false, false);
    return true;
  }
  return false;
}

/* ---- all of them ---- */

static bool place_those_that_can(struct births *births) {
  bool any = false;
  for (size_t i = 0; i < births->count; i++)
    if (!births->relatives[i].is_placed)
      any |= place_by_parent(births, i) || place_by_sibling(births, i);
  return any;
}

static bool has_leader(const struct births *births, pid_t session) {
  for (size_t i = 0; i < births->count; i++)
    if (births->relatives[i].pid == session)
      return true;
  return false;
}

/* A session that nobody leads any more. */
static bool add_leader(struct births *births, size_t index) {
  const struct relative *self = &births->relatives[index];
  const struct relative leader = {.kind = RELATIVE_STAND_IN,
                                  .pid = self->wanted,
                                  .group = self->wanted,
                                  .session = self->wanted,
                                  .parent = self->parent,
                                  .wanted = ANY};
  return births_add(births, &leader) >= 0;
}

static bool is_next(const struct births *births, size_t index) {
  const struct relative *self = &births->relatives[index];
  return !self->is_placed && (self->parent == FAMILY_OUTSIDE ||
                              births->relatives[self->parent].is_placed);
}

static bool help_one(struct births *births) {
  for (size_t i = 0; i < births->count; i++) {
    struct relative *self = &births->relatives[i];
    if (!is_next(births, i))
      continue;
    if (leads(self)) {
      self->wanted = ANY;
      return true;
    }
    if (!has_leader(births, self->wanted))
      return add_leader(births, i);
    if (place_by_adoption(births, i))
      return true;
  }
  return false;
}

int births_plan(struct births *births) {
  size_t placed = 0;
  wish(births);
  errno = 0;
  while (placed < births->count) {
    if (!place_those_that_can(births) && !help_one(births))
      return errno == ENOMEM ? ENOMEM : EDOM;
    placed = 0;
    for (size_t i = 0; i < births->count; i++)
      placed += births->relatives[i].is_placed;
  }
  return 0;
}
