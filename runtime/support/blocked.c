/* blocked.c - see blocked.h.
 *
 * /proc/self/task/TID/stat has the mask in decimal, as its 32nd field, and
 * costs half of what `status` does (proc(5)). A file that is open belongs to
 * its thread: when that has ended, reading fails, also if another has its id by
 * then.
 */
#include "blocked.h"

#include "../arch/sys.h"
#include "../error.h"
#include "live.h"
#include "quiesce.h"
#include "task.h"

#include <fcntl.h>
#include <stddef.h>
#include <string.h>

#define FILES 256
#define BLOCKED_FIELD 32
#define STATE_FIELD 3 /* the first behind the name */

static LIVE struct {
  int tid; /* 0: none */
  int descriptor;
} files[FILES];

static int open_stat(int tid) {
  char path[64];
  hwckpt_format(path, sizeof path, "/proc/self/task/%d/stat", tid);
  return (int)SYS(openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
}

/* The text of a thread's stat, or nothing if it has ended. */
static bool read_stat(int tid, char *text, size_t size) {
  unsigned slot = (unsigned)tid % FILES;
  if (files[slot].tid == tid) {
    long length = SYS(pread64, files[slot].descriptor, text, size - 1, 0);
    if (length > 0) {
      text[length] = 0;
      return true;
    }
  }
  if (files[slot].tid)
    SYS(close, files[slot].descriptor);
  files[slot].tid = 0;
  int descriptor = open_stat(tid);
  if (descriptor < 0)
    return false;
  files[slot].tid = tid;
  files[slot].descriptor = descriptor;
  long length = SYS(pread64, descriptor, text, size - 1, 0);
  text[length > 0 ? length : 0] = 0;
  return length > 0;
}

static uint32_t decimal(const char *text) {
  uint32_t value = 0;
  for (; *text >= '0' && *text <= '9'; text++)
    value = value * 10 + (uint32_t)(*text - '0');
  return value;
}

static uint32_t blocked_of(const char *stat) {
  const char *at = stat;
  /* The name in parentheses may hold anything. */
  for (const char *p = stat; *p; p++)
    if (*p == ')')
      at = p;
  for (int field = STATE_FIELD - 1; *at && field < BLOCKED_FIELD; at++)
    field += *at == ' ';
  return decimal(at);
}

struct question {
  uint32_t mask;
  bool blocked;
};

static void ask(int tid, void *context) {
  char text[1024];
  struct question *question = context;
  if (question->blocked || quiesce_is_runtime_thread(tid) ||
      quiesce_is_in_save(tid) || !read_stat(tid, text, sizeof text))
    return;
  question->blocked = blocked_of(text) & question->mask;
}

bool blocked_anywhere(uint32_t mask) {
  struct question question = {mask, false};
  task_each(ask, &question);
  return question.blocked;
}

void blocked_forget(void) { memset(files, 0, sizeof files); }
