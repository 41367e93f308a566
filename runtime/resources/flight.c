/* flight.c - see flight.h. */
#include "flight.h"

#include "../arch/sys.h"
#include "borrow.h"
#include "info.h"
#include "tree.h"
#include "unix_queue.h"
#include "unix_relation.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/stat.h>

bool flight_is_here(const struct resource_sink *sink, size_t index) {
  const struct descriptor_fact *fact = &sink->facts[index];
  if (!fact->flying || !S_ISSOCK(fact->mode))
    return false;
  for (size_t i = 0; i < index; i++)
    if (sink->facts[i].inode == fact->inode &&
        sink->facts[i].device == fact->device)
      return false;
  int32_t maker = tree_maker(sink, fact->device, fact->inode);
  return maker < 0 || maker == sink->member;
}

/* The coordinator has counted it too, or others would not know of it. */
static bool is_in_tree(const struct resource_sink *sink, int number, int own) {
  struct stat facts;
  size_t count;
  if (!sink->tree || SYS(fstat, own, &facts) < 0 ||
      (!S_ISSOCK(facts.st_mode) && !S_ISFIFO(facts.st_mode)))
    return true;
  const struct tree_fact *rows =
      tree_rows(sink, facts.st_dev, facts.st_ino, &count);
  for (size_t i = 0; i < count; i++)
    if (rows[i].member == sink->member && rows[i].number == number)
      return true;
  return false;
}

/* Takes the descriptors of a message over. */
static long take_message(const struct resource_sink *sink, uint64_t carrier,
                         struct unix_message *message,
                         bool (*add)(int number, uint64_t carrier,
                                     void *context),
                         void *context) {
  long result = message->cut ? -EMFILE : 0;
  for (size_t i = 0; result >= 0 && i < message->count; i++) {
    int own = message->rights[i];
    int number = info_hold(own);
    if (number < 0)
      result = -EMFILE;
    else {
      message->rights[i] = -1;
      if (!is_in_tree(sink, number, own))
        result = -ESTALE;
      else if (!add(number, carrier, context))
        result = -EMFILE;
    }
  }
  unix_queue_close(message);
  return result;
}

int flight_take(const struct resource_sink *sink, size_t index,
                bool (*add)(int number, uint64_t carrier, void *context),
                void *context, struct hwckpt_error *error) {
  const struct descriptor_fact *fact = &sink->facts[index];
  char *buffer = (char *)sink->scratch;
  struct unix_queue queue;
  struct unix_message message;
  uint64_t carrier = fact->inode;
  long fd = borrow_number(sink, fact->number);
  long result = fd < 0 ? fd : unix_queue_begin(&queue, (int)fd);
  bool begun = result >= 0;
  while (result >= 0) {
    result = unix_queue_next(&queue, buffer, UNIX_QUEUE_ROOM, &message);
    if (result >= 0)
      result = take_message(sink, carrier, &message, add, context);
  }
  if (begun)
    unix_queue_end(&queue);
  if (fd >= 0)
    SYS(close, fd);
  /* One that listens has none of its own. */
  if (result == -EAGAIN || result == -EINVAL || result == -ENOTCONN)
    return 0;
  return hwckpt_fail(error, HWCKPT_E_CAPTURE, (int)-result, "socket",
                     "descriptor %d: descriptors on their way in it",
                     (int)fact->number);
}

bool flight_matters(const struct resource_sink *sink,
                    const struct descriptor_fact *fact) {
  struct unix_relation relation = unix_relation_of(fact->carrier);
  if (!fact->carrier)
    return true;
  for (size_t i = 0; i < sink->fact_count; i++)
    if (sink->facts[i].inode == fact->carrier && S_ISSOCK(sink->facts[i].mode))
      return relation.type == SOCK_DGRAM || unix_has_ended(&relation) ||
             unix_number_of(sink, relation.peer) >= 0 ||
             tree_maker(sink, sink->facts[i].device, relation.peer) >= 0;
  return false;
}
