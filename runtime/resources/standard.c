/* standard.c - see standard.h. Of a tree the tool says what it has at 0 to 2; a
 * program of one process looks for itself when it begins. */
#include "standard.h"

#include "../arch/sys.h"
#include "../support/live.h"
#include "tree.h"

#include <fcntl.h>
#include <sys/stat.h>

static LIVE struct started {
  uint64_t device, inode;
  long flags; /* below 0: not open */
} started[3];

void standard_begin(void) {
  for (int i = 0; i < 3; i++) {
    struct stat status;
    started[i].flags = SYS(fstat, i, &status);
    if (started[i].flags == 0)
      started[i] = (struct started){status.st_dev, status.st_ino,
                                    SYS(fcntl, i, F_GETFL)};
  }
}

/* Both ends of a pipe are one file. */
static bool is_same_end(long flags, const Descriptor *message) {
  return flags >= 0 && !((flags ^ message->flags) & O_ACCMODE);
}

int32_t standard_number(const struct resource_sink *sink,
                        const Descriptor *message) {
  size_t count;
  const struct tree_fact *rows =
      tree_rows(sink, TREE_STANDARD_DEVICE, message->inode, &count);
  if (S_ISCHR(message->mode))
    return -1;
  for (size_t i = 0; i < count; i++)
    if (rows[i].file == message->device &&
        is_same_end((int32_t)rows[i].flags, message))
      return rows[i].member;
  for (int i = 0; i < 3 && !sink->tree; i++)
    if (started[i].device == message->device &&
        started[i].inode == message->inode &&
        is_same_end(started[i].flags, message))
      return i;
  return -1;
}

/* Tools of before do not say. */
static bool is_known(const struct resource_sink *sink) {
  for (size_t i = sink->tree_count;
       i-- > 0 && sink->tree[i].device >= TREE_STANDARD_DEVICE;)
    if (sink->tree[i].device == TREE_STANDARD_DEVICE)
      return true;
  return false;
}

bool standard_is_given(const struct resource_sink *sink,
                       const Descriptor *message) {
  size_t count;
  if (message->number > 2)
    return standard_number(sink, message) >= 0;
  if (!sink->tree || !is_known(sink))
    return true;
  const struct tree_fact *rows =
      tree_rows(sink, TREE_STANDARD_DEVICE, message->inode, &count);
  for (size_t i = 0; i < count; i++)
    if (rows[i].file == message->device)
      return true;
  return false;
}

/* Which of 0 to 2 the open file is in the first process of the tree that has it
 * as one of those; its own number where that is one. -1: none. */
static int32_t standard_in_tree(const struct resource_sink *sink,
                                const Descriptor *message) {
  size_t count;
  const struct tree_fact *rows =
      tree_rows(sink, message->device, message->inode, &count);
  uint64_t file = tree_file(sink, message);
  const struct tree_fact *first = 0;
  for (size_t i = 0; file && i < count; i++) {
    if (rows[i].file != file || rows[i].number > 2)
      continue;
    if (!first)
      first = &rows[i];
    if (rows[i].member == first->member && rows[i].number == message->number)
      return message->number;
  }
  return first ? first->number : -1;
}

int32_t standard_of(const struct resource_sink *sink,
                    const Descriptor *message) {
  int32_t number = sink->tree ? standard_in_tree(sink, message) : -1;
  if (number >= 0)
    return number;
  return message->number <= 2 ? message->number
                              : standard_number(sink, message);
}
