/* copy_members.c - see copy_members.h. The records may be a stranger's. */
#include "copy_members.h"

#include "runtime/cache/format.h"

#include <pb_decode.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct copy_member_part {
  char name[CACHE_NAME_MAX];
  uint64_t generation;
};

static int wrong(const struct copy_members *members, const char *what,
                 struct hwckpt_error *error) {
  return hwckpt_fail(error, members->wrong, 0, members->place,
                     "process %zu of it: %s", members->processes, what);
}

static bool decode(const void *data, size_t length, TreeMember *member) {
  pb_istream_t stream = pb_istream_from_buffer(data, length);
  *member = (TreeMember)TreeMember_init_zero;
  return pb_decode(&stream, TreeMember_fields, member);
}

static int add_part(struct copy_members *members, const char *name,
                    uint64_t generation, struct hwckpt_error *error) {
  if (members->count == members->room) {
    size_t room = members->room ? 2 * members->room : 16;
    void *parts = reallocarray(members->parts, room, sizeof *members->parts);
    if (!parts)
      return hwckpt_fail(error, HWCKPT_E_RESTORE_MEMORY, 0, members->place,
                         "%zu processes", members->processes);
    members->parts = parts;
    members->room = room;
  }
  struct copy_member_part *part = &members->parts[members->count++];
  snprintf(part->name, sizeof part->name, "%s", name);
  part->generation = generation;
  return 0;
}

int copy_members_add(struct copy_members *members, const void *data,
                     size_t length, struct hwckpt_error *error) {
  char application[CACHE_NAME_MAX];
  const char *part;
  TreeMember member;
  members->processes++;
  if (!decode(data, length, &member))
    return wrong(members, "its record", error);
  if (member.ended)
    return 0;
  if (!format_split_name(member.application, application, &part) ||
      strcmp(application, members->application) != 0)
    return wrong(members, "it is not of this application", error);
  if (!member.generation || member.generation > STREAM_NUMBER_MAX)
    return wrong(members, "its generation", error);
  return part ? add_part(members, part, member.generation, error) : 0;
}

struct copy_part copy_members_part(const struct copy_members *members,
                                   size_t i) {
  return (struct copy_part){members->parts[i].name,
                            members->parts[i].generation};
}

void copy_members_free(struct copy_members *members) {
  free(members->parts);
  members->parts = NULL;
}
