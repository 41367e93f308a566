/* undo_first_read.c - see undo_first.h. What another process asks for, checked:
 * it may be of another build, or no question at all. */
#include "undo_first.h"

#include <string.h>

static bool is_question(const struct undo_question *question) {
  return question->magic == UNDO_FIRST_MAGIC &&
         question->size == sizeof *question &&
         question->wish >= UNDO_KEEP_RANGE &&
         question->wish <= UNDO_KEEP_LINK && question->cut <= 1 &&
         question->own_log <= 1 && question->begin <= question->end &&
         question->length[0] < UNDO_PATH_MAX &&
         question->length[1] < UNDO_PATH_MAX;
}

static bool has_its_paths(const struct undo_question *question) {
  unsigned paths = undo_first_paths(question->wish);
  for (unsigned i = 0; i < 2; i++)
    if (question->wish == UNDO_KEEP_UNSEEN
            ? i > 0 && question->length[i]
            : (i < paths) != (question->length[i] != 0))
      return false;
  return true;
}

/* Without a NUL in it. */
static bool take_path(char *path, const char *bytes, uint32_t length) {
  memcpy(path, bytes, length);
  path[length] = 0;
  return strlen(path) == length;
}

bool undo_first_read(const void *bytes, size_t length,
                     struct undo_request *request,
                     char paths[2][UNDO_PATH_MAX]) {
  struct undo_question question;
  const char *at = (const char *)bytes + sizeof question;
  if (length < sizeof question)
    return false;
  memcpy(&question, bytes, sizeof question);
  if (!is_question(&question) || !has_its_paths(&question) ||
      sizeof question + question.length[0] + question.length[1] != length)
    return false;
  *request = (struct undo_request){.wish = (enum undo_wish)question.wish,
                                   .cut = question.cut,
                                   .thread = question.thread,
                                   .descriptor = question.descriptor,
                                   .begin = question.begin,
                                   .end = question.end,
                                   .device = question.device,
                                   .inode = question.inode,
                                   .argument = question.argument};
  for (unsigned i = 0; i < 2; i++) {
    if (!take_path(paths[i], at, question.length[i]))
      return false;
    at += question.length[i];
    request->place[i].directory = question.directory[i];
    request->place[i].path = question.length[i] ? paths[i] : 0;
  }
  return true;
}
