/* What a process of a tree asks the first one to keep, from a stranger, once as
 * it is, once with the head that a question has: what is taken is within what
 * was sent.
 */
#include "runtime/support/undo_first.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_one(const uint8_t *data, size_t size) {
  static char paths[2][UNDO_PATH_MAX];
  struct undo_request request;
  uint8_t *copy = malloc(size ? size : 1); /* a sanitizer guards its end */
  if (size)
    memcpy(copy, data, size);
  if (undo_first_read(copy, size, &request, paths)) {
    size_t length = sizeof(struct undo_question);
    for (unsigned i = 0; i < 2; i++) {
      if (request.place[i].path && request.place[i].path != paths[i])
        abort();
      length += request.place[i].path ? strlen(request.place[i].path) : 0;
    }
    if (length != size || request.process || request.begin > request.end ||
        request.wish < UNDO_KEEP_RANGE || request.wish > UNDO_KEEP_LINK)
      abort();
  }
  free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct undo_question question;
  read_one(data, size);
  if (size < sizeof question)
    return 0;
  uint8_t *copy = malloc(size);
  memcpy(copy, data, size);
  memcpy(&question, copy, sizeof question);
  question.magic = UNDO_FIRST_MAGIC;
  question.size = sizeof question;
  memcpy(copy, &question, sizeof question);
  read_one(copy, size);
  free(copy);
  return 0;
}
