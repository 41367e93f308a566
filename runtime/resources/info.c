/* info.c - see info.h. Source: proc(5). */
#include "info.h"

#include "../arch/sys.h"
#include "../support/live.h"

#include <fcntl.h>
#include <stdarg.h>
#include <string.h>

static LIVE int looked_at;
static LIVE struct {
  int first, count;
  int own[INFO_HELD];
} held;

void info_look_at(int tid) { looked_at = tid; }

int info_thread(void) { return looked_at ? looked_at : (int)SYS(getpid); }

void info_path(char path[64], const char *name, ...) {
  va_list args;
  size_t length =
      looked_at ? hwckpt_format(path, 64, "/proc/self/task/%d/", looked_at)
                : hwckpt_format(path, 64, "/proc/self/");
  va_start(args, name);
  hwckpt_vformat(path + length, 64 - length, name, args);
  va_end(args);
}

void info_hold_from(int number) {
  held.first = number;
  held.count = 0;
}

int info_hold(int own) {
  if (held.count == INFO_HELD)
    return -1;
  held.own[held.count] = own;
  return held.first + held.count++;
}

int info_held(int number) {
  return held.count && number >= held.first && number < held.first + held.count
             ? held.own[number - held.first]
             : -1;
}

void info_let_go(void) {
  while (held.count)
    SYS(close, held.own[--held.count]);
}

int info_table(int number, int *there) {
  int own = info_held(number);
  *there = own < 0 ? number : own;
  return own < 0 ? info_thread() : (int)SYS(gettid);
}

void info_descriptor(char path[64], const char *what, int number) {
  int own = info_held(number);
  if (own < 0)
    info_path(path, "%s/%d", what, number);
  else
    hwckpt_format(path, 64, "/proc/thread-self/%s/%d", what, own);
}

long info_open_in(struct info *info, int directory, const char *name) {
  info->begin = info->end = 0;
  info->at_end = false;
  long fd = SYS(openat, directory, name, O_RDONLY | O_CLOEXEC, 0);
  info->fd = (int)fd;
  return fd < 0 ? fd : 0;
}

long info_open_path(struct info *info, const char *path) {
  return info_open_in(info, AT_FDCWD, path);
}

long info_open(struct info *info, int number) {
  char path[64];
  info_descriptor(path, "fdinfo", number);
  return info_open_path(info, path);
}

/* Reads on behind what is left. A text of /proc that ends before the room does
 * has ended: asking again would cost as much as the call before. */
static bool refill(struct info *info) {
  size_t left = info->end - info->begin;
  memmove(info->text, info->text + info->begin, left);
  info->begin = 0;
  info->end = left;
  size_t room = sizeof(info->text) - 1 - left;
  long length =
      room && !info->at_end ? SYS(read, info->fd, info->text + left, room) : 0;
  info->at_end |= length < (long)room;
  if (length <= 0)
    return false;
  info->end += (size_t)length;
  return true;
}

const char *info_line(struct info *info) {
  size_t at = info->begin;
  for (;;) {
    while (at < info->end && info->text[at] != '\n')
      at++;
    if (at < info->end)
      break;
    at -= info->begin;
    if (!refill(info)) {
      if (!at)
        return 0;
      info->text[at] = 0;
      info->begin = info->end;
      return info->text;
    }
  }
  const char *line = info->text + info->begin;
  info->text[at] = 0;
  info->begin = at + 1;
  return line;
}

const char *info_line_after(struct info *info, const char *key) {
  const char *line = info_line(info);
  while (line && !info_begins(line, key))
    line = info_line(info);
  return line ? info_line(info) : 0;
}

bool info_is_row(const char *line) {
  return line && (line[0] == ' ' || (line[0] >= '0' && line[0] <= '9'));
}

void info_close(struct info *info) {
  if (info->fd >= 0)
    SYS(close, info->fd);
  info->fd = -1;
}

struct directory_entry { /* getdents64(2) */
  uint64_t inode;
  int64_t next;
  uint16_t length;
  uint8_t type;
  char name[];
};

static void visit_entries(const char *entries, long length,
                          void (*visit)(int number, void *context),
                          void *context) {
  for (long at = 0; at < length;) {
    const struct directory_entry *entry = (const void *)(entries + at);
    uint64_t number;
    /* The kernel filled the buffer; the analyzer does not know the call. */
    at += entry->length; // NOLINT(clang-analyzer-core.uninitialized.Assign)
    if (info_number(entry->name, "", 10, &number))
      visit((int)number, context);
  }
}

long info_each_number(const char *path,
                      void (*visit)(int number, void *context), void *context) {
  _Alignas(8) char entries[4096];
  long length;
  long directory =
      SYS(openat, AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
  if (directory < 0)
    return directory;
  while ((length = SYS(getdents64, directory, entries, sizeof(entries))) > 0)
    visit_entries(entries, length, visit, context);
  SYS(close, directory);
  return length;
}

long info_each_descriptor(void (*visit)(int number, void *context),
                          void *context) {
  char path[64];
  info_path(path, "fd");
  return info_each_number(path, visit, context);
}

struct wanted {
  const struct stat *object;
  int process;
  bool found;
};

static void look_at_descriptor(int number, void *context) {
  struct wanted *wanted = context;
  struct stat open;
  char path[64];
  hwckpt_format(path, sizeof(path), "/proc/%d/fd/%d", wanted->process, number);
  wanted->found |= !wanted->found &&
                   SYS(newfstatat, AT_FDCWD, path, &open, 0) == 0 &&
                   open.st_ino == wanted->object->st_ino &&
                   open.st_dev == wanted->object->st_dev;
}

bool info_process_has(int process, const struct stat *object) {
  struct wanted wanted = {object, process, false};
  char path[64];
  hwckpt_format(path, sizeof(path), "/proc/%d/fd", process);
  info_each_number(path, look_at_descriptor, &wanted);
  return wanted.found;
}

bool info_begins(const char *text, const char *key) {
  while (*key && *text == *key) {
    text++;
    key++;
  }
  return !*key;
}

static unsigned digit(char c) {
  if (c >= '0' && c <= '9')
    return (unsigned)(c - '0');
  c |= 32;
  return c >= 'a' && c <= 'f' ? (unsigned)(c - 'a' + 10) : 16;
}

bool info_number(const char *text, const char *key, unsigned base,
                 uint64_t *value) {
  while (*text && !info_begins(text, key))
    text++;
  if (!*text)
    return false;
  for (text += strlen(key); *text == ' ' || *text == '\t' || *text == '(';)
    text++;
  if (digit(*text) >= base)
    return false;
  for (*value = 0; digit(*text) < base; text++)
    *value = *value * base + digit(*text);
  return true;
}

bool info_find(int number, const char *key, unsigned base, uint64_t *value) {
  struct info info;
  bool found = false;
  if (info_open(&info, number) < 0)
    return false;
  for (const char *line; !found && (line = info_line(&info));)
    found = info_number(line, key, base, value);
  info_close(&info);
  return found;
}

bool info_personality(uint64_t *value) {
  struct info info;
  char path[64];
  info_path(path, "personality");
  if (info_open_path(&info, path) < 0)
    return false;
  const char *line = info_line(&info);
  bool found = line && info_number(line, "", 16, value);
  info_close(&info);
  return found;
}
