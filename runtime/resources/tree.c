/* tree.c - see tree.h. */
#include "tree.h"

#include "../arch/sys.h"

#include <errno.h>
#include <fcntl.h>

static int order(const struct tree_fact *row, uint64_t device, uint64_t inode) {
  if (row->device != device)
    return row->device < device ? -1 : 1;
  return (row->inode > inode) - (row->inode < inode);
}

static bool is_descriptor(const struct tree_fact *row) {
  return row->device != TREE_SYSTEM_V_DEVICE &&
         row->device != TREE_STANDARD_DEVICE &&
         row->device != TREE_STOPPED_DEVICE &&
         row->device != TREE_PROCESS_DEVICE &&
         row->device != TREE_TERMINAL_DEVICE;
}

static bool row_fits(const struct tree_fact *row) {
  if (row->member < 0)
    return false;
  if (!is_descriptor(row))
    return row->number == -1 &&
           (row->device != TREE_TERMINAL_DEVICE || row->inode > 0);
  return row->number >= 0 && row->file <= TREE_ID_MAX &&
         !(row->flags & O_CLOEXEC);
}

/* Of two that follow each other. */
static bool in_order(const struct tree_fact *row,
                     const struct tree_fact *next) {
  int which = order(row, next->device, next->inode);
  if (which == 0 && row->member != next->member)
    which = row->member < next->member ? -1 : 1;
  else if (which == 0)
    which = (row->number > next->number) - (row->number < next->number);
  return which < 0 || (which == 0 && !is_descriptor(row));
}

bool tree_facts_fit(const struct tree_fact *rows, size_t count) {
  uint64_t files = 0, before = 0; /* the highest so far, and of others before */
  for (size_t i = 0; i < count; i++) {
    const struct tree_fact *row = &rows[i];
    if (!row_fits(row) || (i && !in_order(&rows[i - 1], row)))
      return false;
    if (i && order(&rows[i - 1], row->device, row->inode) != 0)
      before = files;
    if (!is_descriptor(row) || !row->file)
      continue;
    if (row->file <= before)
      return false;
    files = row->file > files ? row->file : files;
  }
  return true;
}

const struct tree_fact *tree_rows(const struct resource_sink *sink,
                                  uint64_t device, uint64_t inode,
                                  size_t *count) {
  size_t low = 0, high = sink->tree ? sink->tree_count : 0, end = high;
  while (low < high) {
    size_t middle = (low + high) / 2;
    if (order(&sink->tree[middle], device, inode) < 0)
      low = middle + 1;
    else
      high = middle;
  }
  size_t behind = low;
  while (behind < end && !order(&sink->tree[behind], device, inode))
    behind++;
  *count = behind - low;
  return sink->tree + low;
}

int32_t tree_maker(const struct resource_sink *sink, uint64_t device,
                   uint64_t inode) {
  size_t count;
  const struct tree_fact *rows = tree_rows(sink, device, inode, &count);
  return count ? rows->member : -1;
}

uint64_t tree_file(const struct resource_sink *sink,
                   const Descriptor *message) {
  size_t count;
  const struct tree_fact *rows =
      tree_rows(sink, message->device, message->inode, &count);
  for (size_t i = 0; i < count; i++)
    if (rows[i].member == sink->member && rows[i].number == message->number)
      return rows[i].file;
  return 0;
}

void tree_share(const struct resource_sink *sink, Descriptor *message) {
  size_t count;
  const struct tree_fact *rows =
      tree_rows(sink, message->device, message->inode, &count);
  uint64_t file = tree_file(sink, message);
  bool first = true;
  for (size_t i = 0; file && i < count; i++) {
    if (rows[i].file != file)
      continue;
    if (first)
      message->gives = rows[i].member == sink->member;
    first = false;
    if (rows[i].member != sink->member)
      message->shared = file;
  }
  message->gives &= message->shared != 0;
}

bool tree_takes(const Descriptor *message) {
  return message->shared && !message->gives;
}

int tree_hand_on(struct resource_source *source, enum tree_object object,
                 uint64_t id, int descriptor, struct hwckpt_error *error) {
  long result = source->give
                    ? source->give(source, TREE_KEY(object, id), descriptor)
                    : -ENOTCONN;
  return result < 0 ? hwckpt_fail(error, HWCKPT_E_TREE_FILE, (int)-result,
                                  "a tree of processes",
                                  "descriptor %d cannot be given", descriptor)
                    : 0;
}

int tree_receive(struct resource_source *source, enum tree_object object,
                 uint64_t id, const Descriptor *message,
                 struct hwckpt_error *error) {
  long result =
      source->take ? source->take(source, TREE_KEY(object, id)) : -ENOTCONN;
  return result < 0
             ? hwckpt_fail(error, HWCKPT_E_TREE_FILE, (int)-result,
                           message->path,
                           "descriptor %d, which another process of the tree "
                           "makes",
                           (int)message->number)
             : (int)result;
}
