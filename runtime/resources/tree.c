/* tree.c - see tree.h. */
#include "tree.h"

#include "../arch/sys.h"

#include <errno.h>

static int order(const struct tree_fact *row, uint64_t device, uint64_t inode) {
  if (row->device != device)
    return row->device < device ? -1 : 1;
  return (row->inode > inode) - (row->inode < inode);
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

/* Tools of before do not say. */
static bool standard_is_known(const struct resource_sink *sink) {
  for (size_t i = sink->tree_count;
       i-- > 0 && sink->tree[i].device >= TREE_STANDARD_DEVICE;)
    if (sink->tree[i].device == TREE_STANDARD_DEVICE)
      return true;
  return false;
}

bool tree_is_standard(const struct resource_sink *sink,
                      const Descriptor *message) {
  size_t count;
  if (message->number > 2)
    return false;
  if (!sink->tree || !standard_is_known(sink))
    return true;
  const struct tree_fact *rows =
      tree_rows(sink, TREE_STANDARD_DEVICE, message->inode, &count);
  for (size_t i = 0; i < count; i++)
    if (rows[i].file == message->device)
      return true;
  return false;
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
