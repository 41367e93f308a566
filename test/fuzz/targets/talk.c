/* What processes of the program say to hwckpt, and hwckpt to them: for a
 * checkpoint of several processes, as an answer to `hwckpt ckpt`, and from the
 * restorer and the program that it has made, whose code is the image's. What is
 * taken is of this version, and its texts end within it. What hwckpt tells of
 * the descriptors of all processes, taken, is the same whoever asks it how.
 *
 * Input: u8 which, u8 bits of what makes it one of ours, its bytes.
 */
#include "runtime/interface/ask_abi.h"
#include "runtime/interface/tree_abi.h"
#include "runtime/resources/tree.h"
#include "tools/hwckpt/status_message.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const char *text, size_t size) {
  if (strnlen(text, size) == size)
    abort();
}

static void check_error(const struct hwckpt_error *error) {
  char text[2048];
  check_text(error->object, sizeof error->object);
  check_text(error->detail, sizeof error->detail);
  if (hwckpt_error_text(error, "hwckpt", text, sizeof text) >= sizeof text)
    abort();
}

static void hear_member(unsigned right, const uint8_t *data, size_t size) {
  struct tree_message *message = malloc(sizeof *message + TREE_PAYLOAD);
  memset(message, 0xff, sizeof *message);
  memcpy(message, data, size);
  if (right & 1)
    message->abi = TREE_ABI;
  if (right & 2)
    message->size = sizeof *message;
  if (right & 4)
    message->length = (uint32_t)(size - sizeof *message);
  if (right & 8)
    size = size < sizeof *message ? sizeof *message : size;
  if (tree_message_take(message, size)) {
    if (size < sizeof *message || message->length > TREE_PAYLOAD)
      abort();
    check_text(message->application, sizeof message->application);
    for (unsigned i = 0; i < TREE_RELATIVES; i++)
      check_text(message->relatives[i], sizeof message->relatives[i]);
    check_text(message->cause, sizeof message->cause);
    check_error(&message->error);
  }
  free(message);
}

static void hear_answer(unsigned right, const uint8_t *data, size_t size) {
  struct ask_answer *answer = malloc(sizeof *answer);
  memset(answer, 0xff, sizeof *answer);
  memcpy(answer, data, size < sizeof *answer ? size : sizeof *answer);
  if (right & 1)
    answer->magic = ASK_MAGIC;
  if (right & 2)
    answer->size = sizeof *answer;
  if (right & 8)
    size = sizeof *answer;
  if (ask_answer_take(answer, size)) {
    if (size != sizeof *answer)
      abort();
    check_text(answer->application, sizeof answer->application);
    check_error(&answer->error);
  }
  free(answer);
}

/* Over a socket, as it comes. */
static void hear_restorer(unsigned right, const uint8_t *data, size_t size) {
  struct restore_status *status = malloc(sizeof *status);
  uint8_t *sent = malloc(sizeof *status + size);
  int ends[2], descriptor;
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends))
    abort();
  memset(sent, 0xff, sizeof *status + size);
  memset(status, 0xff, sizeof *status);
  memcpy(sent, data, size);
  size_t length = right & 8 ? sizeof *status : size;
  if (send(ends[0], sent, length, MSG_DONTWAIT) == (ssize_t)length && length) {
    ssize_t got = status_receive(ends[1], status, &descriptor);
    if (got < 0 || got > (ssize_t)sizeof *status || descriptor != -1)
      abort();
    check_error(&status->error);
  }
  close(ends[0]);
  close(ends[1]);
  free(sent);
  free(status);
}

/* ---- what hwckpt tells of all the processes' descriptors ---- */

/* What it is to the member that looks, by looking at each row. */
static void check_object(const struct resource_sink *sink, uint64_t device,
                         uint64_t inode) {
  const struct tree_fact *of = NULL;
  size_t count = 0, found;
  int32_t maker = -1;
  for (size_t i = 0; i < sink->tree_count; i++) {
    const struct tree_fact *row = &sink->tree[i];
    if (row->device != device || row->inode != inode)
      continue;
    of = of ? of : row;
    maker = maker < 0 || row->member < maker ? row->member : maker;
    count++;
  }
  const struct tree_fact *rows = tree_rows(sink, device, inode, &found);
  if (found != count || (count && rows != of) ||
      tree_maker(sink, device, inode) != maker)
    abort();
}

/* No member makes an open file that another one makes, too, and who takes it
 * has one that makes it. */
static void check_file(struct resource_sink *sink,
                       const struct tree_fact *row) {
  Descriptor message = {.number = row->number};
  unsigned makers = 0, users = 0;
  message.device = row->device;
  message.inode = row->inode;
  sink->member = row->member;
  uint64_t file = tree_file(sink, &message);
  if (file != row->file)
    abort();
  for (size_t i = 0; file && i < sink->tree_count; i++) {
    const struct tree_fact *other = &sink->tree[i];
    if (other->number < 0 || other->file != file)
      continue;
    if (other->device != row->device || other->inode != row->inode)
      abort();
    Descriptor its = message;
    its.number = other->number;
    its.shared = 0;
    its.gives = false;
    sink->member = other->member;
    tree_share(sink, &its);
    makers += its.gives;
    users += its.shared != 0;
  }
  if (users && !makers)
    abort();
}

#define FACTS_MAX 24u

static void hear_facts(unsigned right, const uint8_t *data, size_t size) {
  size_t count = size / sizeof(struct tree_fact);
  count = count < FACTS_MAX ? count : FACTS_MAX;
  struct tree_fact *rows = malloc(count * sizeof *rows);
  memcpy(rows, data, count * sizeof *rows);
  for (size_t i = 0; right & 1 && i < count; i++) {
    rows[i].device &= 3; /* else hardly one is that of another */
    rows[i].device -= right & 2;
    rows[i].inode &= 3;
    rows[i].member &= 3;
    rows[i].file &= 7;
    rows[i].flags &= ~(uint32_t)O_CLOEXEC;
  }
  struct resource_sink sink = {.tree = rows, .tree_count = count};
  if (tree_facts_fit(rows, count))
    for (size_t i = 0; i < count; i++) {
      check_object(&sink, rows[i].device, rows[i].inode);
      check_object(&sink, rows[i].device, rows[i].inode + 1);
      if (rows[i].number >= 0)
        check_file(&sink, &rows[i]);
    }
  free(rows);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static void (*const listeners[])(unsigned, const uint8_t *, size_t) = {
      hear_member, hear_answer, hear_restorer, hear_facts};
  if (size >= 2 && size - 2 <= TREE_PAYLOAD)
    listeners[data[0] % 4](data[1], data + 2, size - 2);
  return 0;
}
