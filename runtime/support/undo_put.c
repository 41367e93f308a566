/* undo_put.c - see undo_keeping.h. Records that go into the log, and what they
 * say of a file.
 *
 * Invariant: when a log cannot be written it is emptied: none is better than a
 * part of one.
 */
#include "../arch/sys.h"
#include "key.h"
#include "live.h"
#include "private.h"
#include "undo_keeping.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>

#define NANOSECONDS 1000000000ull

LIVE struct undo_keeper undo_keeper;

/* ---- the log ---- */

static bool write_record(const struct undo_record *record);

bool undo_put_generation(bool lost) {
  struct undo_interval *interval = undo_keeper.interval;
  struct undo_record begin = {
      .kind = UNDO_BEGIN, .mode = lost, .offset = interval->generation};
  return write_record(&begin);
}

/* In one call, as the other. */
static bool write_sealed(const struct undo_record *record) {
  struct undo_interval *interval = undo_keeper.interval;
  if (!undo_keeper.sealed && !(undo_keeper.sealed = private_map(UNDO_ROOM)))
    return false;
  size_t length = undo_seal(&cache_io_kernel, &interval->sealing,
                            interval->written, record, undo_keeper.sealed);
  if (!length || SYS(pwrite64, interval->log, undo_keeper.sealed, length,
                     interval->written) != (long)length)
    return false;
  interval->written += length;
  return true;
}

static bool write_record(const struct undo_record *record) {
  struct undo_interval *interval = undo_keeper.interval;
  char head[UNDO_HEAD];
  if (interval->sealing.key)
    return write_sealed(record);
  size_t length = undo_encode(record, head);
  struct iovec parts[] = {
      {head, sizeof head},
      {(void *)record->path, length - sizeof head - record->length},
      {(void *)record->data, record->length},
  };
  long written = SYS(pwritev, interval->log, parts, 3, interval->written, 0);
  if (written != (long)length)
    return false;
  interval->written += length;
  return true;
}

/* The log is made when there is something to write. */
static bool open_log(void) {
  struct undo_interval *interval = undo_keeper.interval;
  if (interval->log >= 0)
    return true;
  if (!undo_keeper.cache &&
      key_open_cache(undo_state.cache, false, &undo_keeper.cache, 0) < 0)
    return false;
  int log = cache_undo_create(undo_keeper.cache, undo_state.application,
                              &interval->sealing, 0);
  if (log < 0)
    return false;
  interval->log = log;
  return undo_put_generation(false);
}

/* What is overwritten and cut takes no room on a full disk. Where nothing is in
 * the log yet it is made, to say so. */
void undo_lose(void) {
  struct undo_interval *interval = undo_keeper.interval;
  atomic_store(&interval->lost, 1);
  open_log();
  if (interval->log < 0)
    return;
  interval->written = 0;
  undo_put_generation(true);
  SYS(ftruncate, interval->log, interval->written);
}

bool undo_put(const struct undo_record *record) {
  if (atomic_load(&undo_keeper.interval->lost))
    return false;
  if (open_log() && write_record(record))
    return true;
  undo_lose();
  return false;
}

/* ---- files ---- */

static uint64_t time_of(const struct statx_timestamp *time) {
  return (uint64_t)time->tv_sec * NANOSECONDS + time->tv_nsec;
}

bool undo_look(int directory, const char *path, struct undo_facts *facts) {
  struct statx status;
  if (SYS(statx, directory, path, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW,
          STATX_BASIC_STATS | STATX_BTIME, &status) < 0)
    return false;
  *facts = (struct undo_facts){
      .device = makedev(status.stx_dev_major, status.stx_dev_minor),
      .inode = status.stx_ino,
      .birth_ns =
          status.stx_mask & STATX_BTIME ? time_of(&status.stx_btime) : 0,
      .size = status.stx_size,
      .mtime_ns = time_of(&status.stx_mtime),
      .mode = status.stx_mode,
      .links = status.stx_nlink,
      .user = status.stx_uid,
      .group = status.stx_gid,
  };
  return true;
}

void undo_describe(struct undo_record *record, const struct undo_facts *facts) {
  record->device = facts->device;
  record->inode = facts->inode;
  record->birth_ns = facts->birth_ns;
  record->mode = facts->mode;
  record->user = facts->user;
  record->group = facts->group;
  record->mtime_ns = facts->mtime_ns;
}

void undo_caller_path(const struct undo_request *request, const char *name,
                      char *path, size_t size) {
  int process = request->process ? request->process : (int)SYS(getpid);
  size_t length = request->thread
                      ? hwckpt_format(path, size, "/proc/%d/task/%d/", process,
                                      request->thread)
                      : hwckpt_format(path, size, "/proc/%d/", process);
  hwckpt_format(path + length, size - length, "%s", name);
}

bool undo_path_of(int fd, char path[UNDO_PATH_MAX]) {
  char link[64];
  hwckpt_format(link, sizeof link, "/proc/thread-self/fd/%d", fd);
  long length = SYS(readlinkat, AT_FDCWD, link, path, UNDO_PATH_MAX - 1);
  if (length <= 0 || length >= (long)UNDO_PATH_MAX - 1 || path[0] != '/')
    return false;
  path[length] = 0;
  return true;
}

bool undo_is_of_kernel(const char *path) {
  return memcmp(path, "/proc/", 6) == 0 || memcmp(path, "/sys/", 5) == 0;
}
