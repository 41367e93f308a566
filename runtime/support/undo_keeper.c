/* undo_keeper.c - the thread that writes the undo log.
 *
 * A thread of the runtime, with a table of descriptors of its own: what it
 * opens is nowhere in the program's numbers, and closing it lets go of none of
 * the program's locks. It serves one request after the other; when it says a
 * request is done, what the request is about is whole in the log.
 *
 * Invariant: of each file, name and block one state is in an interval's log,
 * that of before the first change. When a log cannot be written it is emptied:
 * none is better than a part of one.
 */
#include "../arch/arch.h"
#include "../arch/sys.h"
#include "../cache/undo_log.h"
#include "key.h"
#include "live.h"
#include "private.h"
#include "undo_state.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <time.h>

#define NANOSECONDS 1000000000ull
#define CHUNK UNDO_DATA_MAX

static LIVE struct {
  struct cache *cache;
  struct undo_interval *interval; /* that the request at hand is about */
  char *chunk;                    /* CHUNK bytes */
  char *sealed;                   /* UNDO_ROOM bytes; null: none yet */
  /* The file that was written to last stays open for a moment: most are written
   * to again and again. */
  struct {
    bool open;
    int fd;
    struct undo_interval *interval;
    struct undo_file *file;
  } last;
} keeper;

/* ---- the log ---- */

static bool write_record(const struct undo_record *record);

static bool say_generation(bool lost) {
  struct undo_interval *interval = keeper.interval;
  struct undo_record begin = {
      .kind = UNDO_BEGIN, .mode = lost, .offset = interval->generation};
  return write_record(&begin);
}

/* What is overwritten and cut takes no room on a full disk. */
static void lose(void) {
  struct undo_interval *interval = keeper.interval;
  atomic_store(&interval->lost, 1);
  if (interval->log < 0)
    return;
  interval->written = 0;
  say_generation(true);
  SYS(ftruncate, interval->log, interval->written);
}

/* In one call, as the other. */
static bool write_sealed(const struct undo_record *record) {
  struct undo_interval *interval = keeper.interval;
  if (!keeper.sealed && !(keeper.sealed = private_map(UNDO_ROOM)))
    return false;
  size_t length = undo_seal(&cache_io_kernel, &interval->sealing,
                            interval->written, record, keeper.sealed);
  if (!length || SYS(pwrite64, interval->log, keeper.sealed, length,
                     interval->written) != (long)length)
    return false;
  interval->written += length;
  return true;
}

static bool write_record(const struct undo_record *record) {
  struct undo_interval *interval = keeper.interval;
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
  struct undo_interval *interval = keeper.interval;
  if (interval->log >= 0)
    return true;
  if (!keeper.cache &&
      key_open_cache(undo_state.cache, false, &keeper.cache, 0) < 0)
    return false;
  int log = cache_undo_create(keeper.cache, undo_state.application,
                              &interval->sealing, 0);
  if (log < 0)
    return false;
  interval->log = log;
  return say_generation(false);
}

static bool put(const struct undo_record *record) {
  if (atomic_load(&keeper.interval->lost))
    return false;
  if (open_log() && write_record(record))
    return true;
  lose();
  return false;
}

/* ---- files ---- */

/* What statx(2) tells that matters here. */
struct facts {
  uint64_t device, inode, birth_ns, size, mtime_ns;
  uint32_t mode, links, user, group;
};

static uint64_t time_of(const struct statx_timestamp *time) {
  return (uint64_t)time->tv_sec * NANOSECONDS + time->tv_nsec;
}

/* Of the file at a path from a directory on; "": the descriptor itself. No
 * symbolic link is followed. */
static bool look(int directory, const char *path, struct facts *facts) {
  struct statx status;
  if (SYS(statx, directory, path, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW,
          STATX_BASIC_STATS | STATX_BTIME, &status) < 0)
    return false;
  *facts = (struct facts){
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

static void describe(struct undo_record *record, const struct facts *facts) {
  record->device = facts->device;
  record->inode = facts->inode;
  record->birth_ns = facts->birth_ns;
  record->mode = facts->mode;
  record->user = facts->user;
  record->group = facts->group;
  record->mtime_ns = facts->mtime_ns;
}

/* The path of a descriptor of ours; false: it has none that leads anywhere. */
static bool path_of(int fd, char path[UNDO_PATH_MAX]) {
  char link[64];
  hwckpt_format(link, sizeof link, "/proc/thread-self/fd/%d", fd);
  long length = SYS(readlinkat, AT_FDCWD, link, path, UNDO_PATH_MAX - 1);
  if (length <= 0 || length >= (long)UNDO_PATH_MAX - 1 || path[0] != '/')
    return false;
  path[length] = 0;
  return true;
}

/* What the kernel shows as files and nobody could write back. */
static bool is_of_kernel(const char *path) {
  return memcmp(path, "/proc/", 6) == 0 || memcmp(path, "/sys/", 5) == 0;
}

/* The file's row, made when it is not known yet: its size and time are in the
 * log then. Null: there is no room. */
static struct undo_file *know(int fd, const struct facts *facts) {
  struct undo_interval *interval = keeper.interval;
  struct undo_file *file = undo_place(interval, facts->device, facts->inode);
  if (!file || atomic_load(&file->inode))
    return file;
  char path[UNDO_PATH_MAX];
  bool kept = path_of(fd, path) && !is_of_kernel(path);
  uint64_t size = kept ? facts->size : 0;
  uint64_t words = (size / UNDO_BLOCK + 64) / 64;
  if (interval->file_count >= UNDO_FILES / 4 * 3 ||
      words > UNDO_WORDS - interval->words_used)
    return 0;
  struct undo_record record = {.kind = UNDO_FILE, .size = size, .path = path};
  describe(&record, facts);
  if (kept && !put(&record))
    return 0;
  file->device = facts->device;
  file->size = size;
  file->words = interval->words_used;
  interval->words_used += words;
  interval->file_count++;
  file->birth_ns = facts->birth_ns;
  atomic_store(&file->inode, facts->inode);
  return file;
}

static void mark(const struct undo_file *file, uint64_t from, uint64_t to) {
  for (uint64_t block = from / UNDO_BLOCK; block * UNDO_BLOCK < to; block++)
    atomic_fetch_or(&keeper.interval->words[file->words + block / 64],
                    1ull << (block % 64));
}

static bool put_bytes(int fd, const struct undo_file *file, uint64_t from,
                      uint64_t to) {
  while (from < to) {
    uint64_t want = to - from < CHUNK ? to - from : CHUNK;
    long got = SYS(pread64, fd, keeper.chunk, want, from);
    if (got <= 0)
      return got == 0; /* it is shorter by now: so it was when it was made */
    struct undo_record record = {.kind = UNDO_DATA,
                                 .device = file->device,
                                 .inode = atomic_load(&file->inode),
                                 .birth_ns = file->birth_ns,
                                 .offset = from,
                                 .data = keeper.chunk,
                                 .length = (size_t)got};
    if (!put(&record))
      return false;
    mark(file, from, from + (uint64_t)got);
    from += (uint64_t)got;
  }
  return true;
}

/* What the file is is in the log, so that is seen whether it changes; of one
 * that is mapped (fd -1) that cannot be seen. */
static bool leave(int fd, const char *path) {
  struct undo_record record = {.kind = UNDO_LEFT, .path = path};
  struct facts facts;
  if (fd >= 0 && look(fd, "", &facts)) {
    describe(&record, &facts);
    record.size = facts.size;
  }
  return put(&record);
}

/* It is too much: none of the file is kept from now on. */
static bool leave_file(int fd, struct undo_file *file) {
  char path[UNDO_PATH_MAX];
  file->size = 0;
  atomic_store(&file->all_kept, 1);
  return path_of(fd, path) && leave(fd, path);
}

static bool is_too_much(uint64_t bytes) {
  uint64_t written = keeper.interval->written;
  return undo_state.most &&
         (written > undo_state.most || bytes > undo_state.most - written);
}

/* More than what is asked for: of a small file all, and where a file is written
 * through from one block to the next, what will be asked for next. */
#define SMALL_FILE ((uint64_t)128 << 10)
#define AHEAD ((uint64_t)256 << 10)

static void widen(const struct undo_file *file, uint64_t *begin,
                  uint64_t *end) {
  uint64_t first = *begin / UNDO_BLOCK;
  if (file->size <= SMALL_FILE) {
    *begin = 0;
    *end = file->size;
  } else if (first > 0 && *begin < file->size && *end - *begin < AHEAD &&
             undo_block_is_kept(keeper.interval, file, first - 1)) {
    *end = *begin + AHEAD;
  }
}

/* Puts what is in the range and not yet in the log. */
static bool put_range(int fd, struct undo_file *file, uint64_t begin,
                      uint64_t end) {
  widen(file, &begin, &end);
  end = end < file->size ? end : file->size;
  if (begin < end && is_too_much(end - begin))
    return leave_file(fd, file);
  uint64_t at = begin / UNDO_BLOCK * UNDO_BLOCK;
  while (at < end) {
    uint64_t from = at;
    while (at < end &&
           !undo_block_is_kept(keeper.interval, file, at / UNDO_BLOCK))
      at += UNDO_BLOCK;
    if (at > from &&
        !put_bytes(fd, file, from, at < file->size ? at : file->size))
      return false;
    while (at < end &&
           undo_block_is_kept(keeper.interval, file, at / UNDO_BLOCK))
      at += UNDO_BLOCK;
  }
  if (begin == 0 && end == file->size)
    atomic_store(&file->all_kept, 1);
  return true;
}

/* Of an open regular file. What cannot be kept loses the log. */
static void keep_of(int fd, uint64_t begin, uint64_t end, bool whole) {
  struct facts facts;
  if (!look(fd, "", &facts) || !S_ISREG(facts.mode))
    return;
  struct undo_file *file = know(fd, &facts);
  if (!file || !put_range(fd, file, begin, end)) {
    lose();
    return;
  }
  struct undo_record record = {.kind = UNDO_WHOLE,
                               .device = file->device,
                               .inode = facts.inode,
                               .birth_ns = file->birth_ns};
  if (whole && file->size)
    put(&record);
}

/* Changes through a mapping are not told: all of it is kept beforehand. */
static void keep_mapped(const struct undo_request *request) {
  struct facts facts;
  const char *path = request->place[0].path;
  long fd = SYS(openat, AT_FDCWD, path,
                O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW, 0);
  bool same = fd >= 0 && look((int)fd, "", &facts) &&
              facts.device == request->device && facts.inode == request->inode;
  if (same && !request->cut)
    keep_of((int)fd, request->begin, request->end, false);
  else
    leave(-1, path);
  if (fd >= 0)
    SYS(close, fd);
}

static void close_last(void) {
  if (keeper.last.open)
    SYS(close, keeper.last.fd);
  keeper.last.open = false;
}

static bool is_last(const struct undo_request *request) {
  const struct undo_file *file = keeper.last.file;
  return keeper.last.open && keeper.last.interval == keeper.interval &&
         file->device == request->device &&
         atomic_load(&file->inode) == request->inode;
}

static void keep_more_of_last(const struct undo_request *request) {
  if (!put_range(keeper.last.fd, keeper.last.file, request->begin,
                 request->end))
    lose();
}

static void keep_range(const struct undo_request *request) {
  char path[64];
  if (is_last(request)) {
    keep_more_of_last(request);
    return;
  }
  close_last();
  hwckpt_format(path, sizeof path, "/proc/self/fd/%d", request->descriptor);
  long fd = SYS(openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0);
  if (fd < 0) {
    lose();
    return;
  }
  keep_of((int)fd, request->begin, request->end, false);
  struct undo_file *file =
      undo_place(keeper.interval, request->device, request->inode);
  if (!file || atomic_load(&file->inode) != request->inode) {
    SYS(close, fd);
    return;
  }
  keeper.last.open = true;
  keeper.last.fd = (int)fd;
  keeper.last.interval = keeper.interval;
  keeper.last.file = file;
}

/* ---- names ---- */

struct name {
  int parent; /* a descriptor of the directory it is in */
  char path[UNDO_PATH_MAX];
  const char *last; /* its last part */
  struct facts facts;
  bool exists;
};

/* A string of the program's, which need not be there. */
static bool read_string(const char *from, char *to, size_t room) {
  size_t length = 0;
  while (length < room) {
    size_t most = 4096 - ((uint64_t)(from + length) & 4095);
    most = most < room - length ? most : room - length;
    struct iovec own = {to + length, most};
    struct iovec its = {(void *)(from + length), most};
    if (SYS(process_vm_readv, SYS(getpid), &own, 1, &its, 1, 0) != (long)most)
      return false;
    for (size_t i = 0; i < most; i++)
      if (!to[length + i])
        return true;
    length += most;
  }
  return false;
}

/* Splits text at its last part, which is no "." or ".."; the part before is a
 * directory, from `directory` on. */
static int open_parent(char *text, int directory, const char **last) {
  char parent[UNDO_PATH_MAX + 64];
  size_t length = strlen(text);
  while (length > 1 && text[length - 1] == '/')
    text[--length] = 0;
  char *slash = text + length;
  while (slash > text && slash[-1] != '/')
    slash--;
  *last = slash;
  if (!**last || memcmp(*last, ".", 2) == 0 || memcmp(*last, "..", 3) == 0)
    return -EINVAL;
  int before = (int)(slash - text);
  if (text[0] == '/' || directory == AT_FDCWD)
    hwckpt_format(parent, sizeof parent, "%.*s", before ? before : 1,
                  before ? text : ".");
  else
    hwckpt_format(parent, sizeof parent, "/proc/self/fd/%d/%.*s", directory,
                  before, text);
  return (int)SYS(openat, AT_FDCWD, parent, O_PATH | O_DIRECTORY | O_CLOEXEC,
                  0);
}

/* False: the call will fail as well, or is about nothing that is kept. */
static bool find_name(struct name *name, int directory, const char *given) {
  char text[UNDO_PATH_MAX];
  const char *last;
  name->parent = -1;
  if (!read_string(given, text, sizeof text))
    return false;
  int parent = open_parent(text, directory, &last);
  if (parent < 0)
    return false;
  size_t length = path_of(parent, name->path) ? strlen(name->path) : 0;
  if (length == 0 || length + strlen(last) + 2 > sizeof name->path ||
      is_of_kernel(name->path)) {
    SYS(close, parent);
    return false;
  }
  if (length > 1)
    name->path[length++] = '/';
  memcpy(name->path + length, last, strlen(last) + 1);
  name->last = name->path + length;
  name->parent = parent;
  name->exists = look(parent, name->last, &name->facts);
  return true;
}

static void end_name(struct name *name) {
  if (name->parent >= 0)
    SYS(close, name->parent);
}

static uint64_t hash_of(const char *path) {
  uint64_t hash = 14695981039346656037u; /* FNV-1a */
  for (; *path; path++)
    hash = (hash ^ (unsigned char)*path) * 1099511628211u;
  return hash ? hash : 1;
}

/* Whether the path is in the log already; else it is from now on. */
static bool is_named(const char *path, bool *room) {
  struct undo_interval *interval = keeper.interval;
  uint64_t hash = hash_of(path);
  *room = interval->name_count < UNDO_NAMES / 4 * 3;
  for (uint64_t i = hash;; i++) {
    uint64_t *place = &interval->names[i % UNDO_NAMES];
    if (*place == hash)
      return true;
    if (*place)
      continue;
    if (*room) {
      *place = hash;
      interval->name_count++;
    }
    return false;
  }
}

/* Says what the name leads to. */
static void note_name(const struct name *name) {
  bool room;
  char target[UNDO_PATH_MAX];
  struct undo_record record = {.kind = UNDO_NAME, .path = name->path};
  if (is_named(name->path, &room))
    return;
  if (!room) {
    lose();
    return;
  }
  if (name->exists)
    describe(&record, &name->facts);
  if (name->exists && S_ISLNK(name->facts.mode)) {
    long length =
        SYS(readlinkat, name->parent, name->last, target, sizeof target);
    record.data = target;
    record.length = length > 0 ? (size_t)length : 0;
  }
  put(&record);
}

static void keep_file_of(const struct name *name, uint64_t begin, bool whole) {
  if (!name->exists || !S_ISREG(name->facts.mode))
    return;
  long fd = SYS(openat, name->parent, name->last,
                O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW, 0);
  if (fd < 0) {
    lose();
    return;
  }
  keep_of((int)fd, begin, UINT64_MAX, whole);
  SYS(close, fd);
}

/* The last name of a file goes, and the file with it. */
static void keep_going(const struct name *name) {
  if (name->exists && name->facts.links == 1)
    keep_file_of(name, 0, true);
}

static void keep_name(const struct undo_request *request) {
  struct name name;
  if (!find_name(&name, request->place[0].directory, request->place[0].path))
    return;
  if (!name.exists)
    note_name(&name);
  else if (request->cut)
    keep_file_of(&name, 0, false);
  end_name(&name);
}

static void keep_cut(const struct undo_request *request) {
  struct name name;
  if (!find_name(&name, request->place[0].directory, request->place[0].path))
    return;
  keep_file_of(&name, request->begin, false);
  end_name(&name);
}

static void keep_removed(const struct undo_request *request) {
  struct name name;
  if (!find_name(&name, request->place[0].directory, request->place[0].path))
    return;
  if (name.exists) {
    note_name(&name);
    keep_going(&name);
  }
  end_name(&name);
}

static bool is_same(const struct name *a, const struct name *b) {
  return a->exists && b->exists && a->facts.inode == b->facts.inode &&
         a->facts.device == b->facts.device;
}

static void keep_renamed(const struct undo_request *request) {
  struct name from, to;
  bool found =
      find_name(&from, request->place[0].directory, request->place[0].path);
  to.parent = -1;
  if (found && from.exists &&
      find_name(&to, request->place[1].directory, request->place[1].path) &&
      !is_same(&from, &to)) {
    note_name(&from);
    note_name(&to);
    if (request->wish == UNDO_KEEP_RENAME)
      keep_going(&to);
  }
  if (found)
    end_name(&from);
  end_name(&to);
}

/* ---- intervals ---- */

/* The one that nobody uses; its log is closed. */
static int begin_interval(uint64_t generation) {
  struct undo_interval *interval =
      atomic_load(&undo_state.now) == undo_state.both[0] ? undo_state.both[1]
                                                         : undo_state.both[0];
  if (!keeper.chunk)
    keeper.chunk = private_map(CHUNK);
  if (!interval || !keeper.chunk)
    return -ENOMEM;
  if (interval->generation && interval->log >= 0)
    SYS(close, interval->log);
  SYS(madvise, interval, sizeof *interval, MADV_DONTNEED);
  interval->generation = generation;
  interval->log = -1;
  undo_state.next = interval;
  return 0;
}

/* The generation that began the interval is none: what is kept leads back to
 * the one before. */
static void not_committed(uint64_t generation) {
  keeper.interval->generation = generation;
  if (keeper.interval->log < 0)
    return;
  if (atomic_load(&keeper.interval->lost) || !say_generation(false))
    lose();
}

static void retain(void) {
  if (keeper.cache)
    cache_undo_retain(keeper.cache, undo_state.application, 0);
}

static int serve(const struct undo_request *request) {
  if (request->wish != UNDO_KEEP_RANGE)
    close_last();
  if (request->wish == UNDO_BEGIN_INTERVAL)
    return begin_interval(request->argument);
  keeper.interval = atomic_load(&undo_state.now);
  if (!keeper.interval)
    return 0;
  switch (request->wish) {
  case UNDO_NOT_COMMITTED:
    not_committed(request->argument);
    break;
  case UNDO_RETAIN:
    retain();
    break;
  case UNDO_KEEP_RANGE:
    keep_range(request);
    break;
  case UNDO_KEEP_MAPPED:
    keep_mapped(request);
    break;
  case UNDO_KEEP_CUT:
    keep_cut(request);
    break;
  case UNDO_KEEP_NAME:
    keep_name(request);
    break;
  case UNDO_KEEP_REMOVE:
    keep_removed(request);
    break;
  default:
    keep_renamed(request);
  }
  return 0;
}

/* In the order in which they were made. */
static struct undo_request *take_requests(void) {
  struct undo_request *taken = atomic_exchange(&undo_state.requests, 0);
  struct undo_request *first = 0;
  while (taken) {
    struct undo_request *next = taken->next;
    taken->next = first;
    first = taken;
    taken = next;
  }
  return first;
}

static void wait_for_requests(uint32_t wakes) {
  struct timespec moment = {0, 10000000};
  for (unsigned i = 0; i < UNDO_SPIN; i++) {
    if (atomic_load(&undo_state.wakes) != wakes)
      return;
    arch_relax();
  }
  if (SYS(futex, &undo_state.wakes, FUTEX_WAIT_PRIVATE, wakes,
          keeper.last.open ? &moment : 0, 0, 0) == -ETIMEDOUT)
    close_last();
}

void undo_keep(void *unused) {
  (void)unused;
  memset(&keeper, 0, sizeof keeper);
  for (;;) {
    uint32_t wakes = atomic_load(&undo_state.wakes);
    struct undo_request *request = take_requests();
    if (!request)
      wait_for_requests(wakes);
    while (request) {
      /* It is gone as soon as it is done. */
      struct undo_request *next = request->next;
      request->result = serve(request);
      atomic_store(&request->done, 1);
      SYS(futex, &request->done, FUTEX_WAKE_PRIVATE, 1, 0, 0, 0);
      request = next;
    }
  }
}
