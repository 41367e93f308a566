/* copy_parts.c - see copy_parts.h. */
#include "copy_parts.h"

#include <pb_decode.h>
#include <pb_encode.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void copy_parts_next(struct copy_parts *parts) {
  parts->stream++;
  parts->here = 0;
}

static struct copy_part_made *find(const struct copy_parts *parts,
                                   const char *name) {
  for (size_t i = 0; i < parts->count; i++)
    if (!strcmp(parts->list[i].name, name))
      return &parts->list[i];
  return NULL;
}

static struct copy_part_made *find_or_add(struct copy_parts *parts,
                                          const char *name) {
  struct copy_part_made *part = find(parts, name);
  if (part)
    return part;
  if (parts->count == parts->room) {
    size_t room = parts->room ? 2 * parts->room : 16;
    void *list = reallocarray(parts->list, room, sizeof *parts->list);
    if (!list)
      return NULL;
    parts->list = list;
    parts->room = room;
  }
  part = &parts->list[parts->count++];
  *part = (struct copy_part_made){.before = 0};
  snprintf(part->name, sizeof part->name, "%s", name);
  return part;
}

struct copy_part_made *copy_parts_come(struct copy_parts *parts,
                                       const char *name) {
  struct copy_part_made *part = find_or_add(parts, name);
  if (part && parts->here == parts->order_room) {
    size_t room = parts->order_room ? 2 * parts->order_room : 16;
    void *order = reallocarray(parts->order, room, sizeof *parts->order);
    if (!order)
      return NULL;
    parts->order = order;
    parts->order_room = room;
  }
  if (!part)
    return NULL;
  part->twice = part->stream == parts->stream;
  part->stream = parts->stream;
  parts->order[parts->here++] = (size_t)(part - parts->list);
  return part;
}

struct copy_part_made *copy_parts_here(const struct copy_parts *parts,
                                       size_t i) {
  return &parts->list[parts->order[i]];
}

bool copy_parts_know(struct copy_parts *parts, const char *name,
                     uint64_t number, uint64_t identity) {
  struct copy_part_made *part = find_or_add(parts, name);
  if (!part)
    return false;
  part->known = true;
  part->number = number;
  part->identity = identity;
  return true;
}

/* The number it has here is another one when that is taken. */
int copy_parts_commit(struct copy_parts *parts, struct hwckpt_error *error) {
  int failed = 0;
  for (size_t i = 0; i < parts->count && !failed; i++)
    if (parts->list[i].writer) {
      failed = cache_commit(parts->list[i].writer, NULL, error);
      parts->list[i].writer = NULL;
    }
  return failed;
}

void copy_parts_abort(struct copy_parts *parts) {
  for (size_t i = 0; i < parts->count; i++) {
    if (parts->list[i].writer)
      cache_abort(parts->list[i].writer);
    parts->list[i].writer = NULL;
  }
}

void copy_parts_free(struct copy_parts *parts) {
  copy_parts_abort(parts);
  free(parts->list);
  free(parts->order);
  *parts = (struct copy_parts){0};
}

/* ---- records ---- */

struct record_head {
  uint32_t type, length;
};

bool copy_records_add(struct copy_records *records, uint32_t type,
                      const void *data, size_t length) {
  const struct record_head head = {type, (uint32_t)length};
  size_t end = records->length + sizeof head + length;
  if (end > records->room) {
    size_t room = end > 2 * records->room ? end : 2 * records->room;
    void *bytes = realloc(records->bytes, room);
    if (!bytes)
      return false;
    records->bytes = bytes;
    records->room = room;
  }
  memcpy(records->bytes + records->length, &head, sizeof head);
  if (length)
    memcpy(records->bytes + records->length + sizeof head, data, length);
  records->length = end;
  return true;
}

bool copy_records_next(const struct copy_records *records, size_t *at,
                       uint32_t *type, const void **data, size_t *length) {
  struct record_head head;
  if (*at == records->length)
    return false;
  memcpy(&head, records->bytes + *at, sizeof head);
  *type = head.type;
  *data = records->bytes + *at + sizeof head;
  *length = head.length;
  *at += sizeof head + head.length;
  return true;
}

void copy_records_free(struct copy_records *records) {
  free(records->bytes);
  *records = (struct copy_records){0};
}

size_t copy_names_put(struct copy_names *names, const void *data, size_t length,
                      unsigned char room[TreeMember_size]) {
  pb_istream_t in = pb_istream_from_buffer(data, length);
  pb_ostream_t out = pb_ostream_from_buffer(room, TreeMember_size);
  TreeMember member = TreeMember_init_zero;
  char name[CACHE_NAME_MAX];
  if (!pb_decode(&in, TreeMember_fields, &member))
    return 0;
  const char *part = strchr(member.application, '/');
  if (!member.ended && !part)
    member.generation = names->own;
  else if (!member.ended && names->used == names->parts->here)
    return 0;
  else if (!member.ended)
    member.generation = cache_writer_number(
        copy_parts_here(names->parts, names->used++)->writer);
  /* APPLICATION/PART is never longer than a name may be. */
  snprintf(name, sizeof name, "%.95s%.32s", names->application,
           part ? part : "");
  if (*member.application)
    memcpy(member.application, name, sizeof name);
  return pb_encode(&out, TreeMember_fields, &member) ? out.bytes_written : 0;
}
