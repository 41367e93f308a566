/* locks.c - see locks.h. Whole files (flock), ranges of the process (POSIX) and
 * of the open file (OFD), and leases: as the text about a descriptor lists
 * them.
 *
 * A lock that somebody else took meanwhile ends the restore: two would write
 * what only one may. A lease that is being broken is left out: who wants the
 * file has it by then. */
#include "locks.h"

#include "../arch/sys.h"
#include "../support/record_types.h"
#include "info.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>

static const struct {
  const char *word;
  FileLockKind kind;
} words[] = {
    {": FLOCK ", FileLockKind_LOCK_FLOCK},
    {": POSIX ", FileLockKind_LOCK_POSIX},
    {": OFDLCK ", FileLockKind_LOCK_OPEN_FILE},
    {": LEASE ", FileLockKind_LOCK_LEASE},
};

static const char *find(const char *text, const char *word) {
  while (*text && !info_begins(text, word))
    text++;
  return *text ? text : 0;
}

/* "lock:\t1: POSIX  ADVISORY  WRITE 12 fe:00:123 0 EOF" */
static bool parse(const char *line, FileLock *lock) {
  size_t i = 0;
  while (i < sizeof(words) / sizeof(words[0]) && !find(line, words[i].word))
    i++;
  if (i == sizeof(words) / sizeof(words[0]))
    return false;
  lock->kind = words[i].kind;
  lock->write = find(line, " WRITE ") != 0;
  const char *range = line + strlen(line); /* the last two words */
  for (int blanks = 0; range > line; range--)
    if (*range == ' ' && ++blanks == 2)
      break;
  lock->end = -1;
  uint64_t value;
  if (!info_number(range, " ", 10, &value))
    return false;
  lock->start = (int64_t)value;
  for (range++; *range && *range != ' ';)
    range++;
  if (info_number(range, " ", 10, &value))
    lock->end = (int64_t)value;
  return true;
}

int locks_save(struct resource_sink *sink, const Descriptor *message,
               struct hwckpt_error *error) {
  struct info info;
  int result = 0;
  long opened = info_open(&info, message->number);
  if (opened < 0)
    return hwckpt_fail(error, HWCKPT_E_CAPTURE, (int)-opened, message->path,
                       "descriptor %d", (int)message->number);
  for (const char *line; !result && (line = info_line(&info));) {
    FileLock lock = FileLock_init_zero;
    if (!info_begins(line, "lock:") || find(line, ": LEASE  BREAKING "))
      continue;
    result = parse(line, &lock)
                 ? resource_put(sink, RECORD_FILE_LOCK, FileLock_fields, &lock,
                                error)
                 : resource_unsupported(sink, error, message->path,
                                        "descriptor %d: '%s'",
                                        (int)message->number, line);
  }
  info_close(&info);
  return result;
}

static long take(const FileLock *lock, int descriptor) {
  struct flock range = {
      .l_type = lock->write ? F_WRLCK : F_RDLCK,
      .l_whence = SEEK_SET,
      .l_start = lock->start,
      .l_len = lock->end < 0 ? 0 : lock->end - lock->start + 1,
  };
  switch (lock->kind) {
  case FileLockKind_LOCK_FLOCK:
    return SYS(flock, descriptor, (lock->write ? LOCK_EX : LOCK_SH) | LOCK_NB);
  case FileLockKind_LOCK_LEASE:
    return SYS(fcntl, descriptor, F_SETLEASE, range.l_type);
  case FileLockKind_LOCK_OPEN_FILE:
    return SYS(fcntl, descriptor, F_OFD_SETLK, &range);
  default:
    return SYS(fcntl, descriptor, F_SETLK, &range);
  }
}

int locks_restore(const struct resource_source *source,
                  const Descriptor *message, struct hwckpt_error *error) {
  for (size_t i = source->at;
       i-- > 0 && source->records[i].type != RECORD_DESCRIPTOR;) {
    FileLock lock;
    if (source->records[i].type != RECORD_FILE_LOCK)
      continue;
    int failed =
        resource_get(&source->records[i], FileLock_fields, &lock, error);
    if (failed)
      return failed;
    long result = take(&lock, message->number);
    if (result < 0)
      return hwckpt_fail(error, HWCKPT_E_LOCKED, (int)-result, message->path,
                         "descriptor %d, bytes from %lld", (int)message->number,
                         (long long)lock.start);
  }
  return 0;
}
