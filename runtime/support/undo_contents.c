/* undo_contents.c - see undo_keeping.h. What files hold, put into the log
 * before it is changed.
 *
 * Invariant: of each block one state is in an interval's log, that of before
 * the first change.
 */
#include "../arch/sys.h"
#include "live.h"
#include "undo_keeping.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The file that was written to last stays open for a moment: most are written
 * to again and again. */
static LIVE struct {
  bool open;
  int fd;
  struct undo_interval *interval;
  struct undo_file *file;
} last;

void undo_begin_contents(void) { memset(&last, 0, sizeof last); }

bool undo_last_is_open(void) { return last.open; }

/* The row's file is gone, and its number another's, which the interval did not
 * begin with: what that one holds is of no use. */
static struct undo_file *know_next(int fd, struct undo_file *file,
                                   const struct undo_facts *facts) {
  char path[UNDO_PATH_MAX];
  struct undo_record record = {.kind = UNDO_FILE, .path = path};
  atomic_store(&file->all_kept, 1);
  file->size = 0;
  file->birth_ns = facts->birth_ns;
  undo_describe(&record, facts);
  return !undo_path_of(fd, path) || undo_put(&record) ? file : 0;
}

/* The file's row, made when it is not known yet: its size and time are in the
 * log then. Null: there is no room. */
static struct undo_file *know(int fd, const struct undo_facts *facts) {
  struct undo_interval *interval = undo_keeper.interval;
  struct undo_file *file = undo_place(interval, facts->device, facts->inode);
  if (!file)
    return 0;
  if (atomic_load(&file->inode))
    return file->birth_ns == facts->birth_ns ? file
                                             : know_next(fd, file, facts);
  char path[UNDO_PATH_MAX];
  bool kept = undo_path_of(fd, path) && !undo_is_of_kernel(path);
  uint64_t size = kept ? facts->size : 0;
  uint64_t words = (size / UNDO_BLOCK + 64) / 64;
  if (interval->file_count >= UNDO_FILES / 4 * 3 ||
      words > UNDO_WORDS - interval->words_used)
    return 0;
  struct undo_record record = {.kind = UNDO_FILE, .size = size, .path = path};
  undo_describe(&record, facts);
  if (kept && !undo_put(&record))
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
    atomic_fetch_or(&undo_keeper.interval->words[file->words + block / 64],
                    1ull << (block % 64));
}

/* What the file is is in the log, so that is seen whether it changes; of one
 * that is mapped (fd -1) that cannot be seen. */
static bool leave(int fd, const char *path) {
  struct undo_record record = {.kind = UNDO_LEFT, .path = path};
  struct undo_facts facts;
  if (fd >= 0 && undo_look(fd, "", &facts)) {
    undo_describe(&record, &facts);
    record.size = facts.size;
  }
  return undo_put(&record);
}

/* It is too much, or may not be read: none of the file is kept from now on. */
static bool leave_file(int fd, struct undo_file *file) {
  char path[UNDO_PATH_MAX];
  file->size = 0;
  atomic_store(&file->all_kept, 1);
  return undo_path_of(fd, path) && leave(fd, path);
}

static bool put_bytes(int fd, struct undo_file *file, uint64_t from,
                      uint64_t to) {
  while (from < to) {
    uint64_t want = to - from < UNDO_DATA_MAX ? to - from : UNDO_DATA_MAX;
    long got = SYS(pread64, fd, undo_keeper.chunk, want, from);
    if (got == -EBADF) /* undo_open_to_keep() */
      return leave_file(fd, file);
    if (got <= 0)
      return got == 0; /* it is shorter by now: so it was when it was made */
    struct undo_record record = {.kind = UNDO_DATA,
                                 .device = file->device,
                                 .inode = atomic_load(&file->inode),
                                 .birth_ns = file->birth_ns,
                                 .offset = from,
                                 .data = undo_keeper.chunk,
                                 .length = (size_t)got};
    if (!undo_put(&record))
      return false;
    mark(file, from, from + (uint64_t)got);
    from += (uint64_t)got;
  }
  return true;
}

static bool is_too_much(uint64_t bytes) {
  uint64_t written = undo_keeper.interval->written;
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
             undo_block_is_kept(undo_keeper.interval, file, first - 1)) {
    *end = *begin + AHEAD;
  }
}

/* What of the range is not in the log yet is put there. */
static bool put_missing(int fd, struct undo_file *file, uint64_t begin,
                        uint64_t end,
                        bool (*put)(int fd, struct undo_file *file,
                                    uint64_t from, uint64_t to)) {
  struct undo_interval *interval = undo_keeper.interval;
  uint64_t at = begin / UNDO_BLOCK * UNDO_BLOCK;
  while (at < end) {
    uint64_t from = at;
    while (at < end && !undo_block_is_kept(interval, file, at / UNDO_BLOCK))
      at += UNDO_BLOCK;
    if (at > from && !put(fd, file, from, at < file->size ? at : file->size))
      return false;
    while (at < end && undo_block_is_kept(interval, file, at / UNDO_BLOCK))
      at += UNDO_BLOCK;
  }
  return true;
}

static bool put_range(int fd, struct undo_file *file, uint64_t begin,
                      uint64_t end) {
  widen(file, &begin, &end);
  end = end < file->size ? end : file->size;
  if (begin < end && is_too_much(end - begin))
    return leave_file(fd, file);
  if (!put_missing(fd, file, begin, end, put_bytes))
    return false;
  if (begin == 0 && end == file->size)
    atomic_store(&file->all_kept, 1);
  return true;
}

static void keep_of(int fd, const struct undo_facts *facts, uint64_t begin,
                    uint64_t end, bool whole) {
  struct undo_file *file = know(fd, facts);
  if (!file || !put_range(fd, file, begin, end)) {
    undo_lose();
    return;
  }
  struct undo_record record = {.kind = UNDO_WHOLE,
                               .device = file->device,
                               .inode = facts->inode,
                               .birth_ns = file->birth_ns};
  if (whole && file->size)
    undo_put(&record);
}

long undo_open_to_keep(int directory, const char *path, uint64_t flags) {
  flags |= O_CLOEXEC;
  long fd = SYS(openat, directory, path, O_RDONLY | O_NONBLOCK | flags, 0);
  return fd == -EACCES ? SYS(openat, directory, path, O_PATH | flags, 0) : fd;
}

void undo_keep_of(int fd, uint64_t begin, uint64_t end, bool whole) {
  struct undo_facts facts;
  if (undo_look(fd, "", &facts) && S_ISREG(facts.mode))
    keep_of(fd, &facts, begin, end, whole);
}

/* What was changed since is in the log under the file's own number: so is the
 * rest, and that its other names will not have it. */
static void keep_changed_spare(int fd, const struct undo_facts *facts) {
  struct undo_record record = {.kind = UNDO_WHOLE,
                               .device = facts->device | UNDO_SPARE,
                               .inode = facts->inode,
                               .birth_ns = facts->birth_ns};
  keep_of(fd, facts, 0, UINT64_MAX, true);
  undo_put(&record);
}

void undo_keep_spare(int fd) {
  struct undo_facts facts;
  if (!undo_look(fd, "", &facts) || is_too_much(facts.size))
    return;
  const struct undo_file *file =
      undo_place(undo_keeper.interval, facts.device, facts.inode);
  if (!file)
    return;
  if (atomic_load(&file->inode)) {
    keep_changed_spare(fd, &facts);
    return;
  }
  facts.device |= UNDO_SPARE;
  keep_of(fd, &facts, 0, UINT64_MAX, true);
}

/* ---- what is mapped ---- */

static bool put_zeros(int fd, struct undo_file *file, uint64_t from,
                      uint64_t to) {
  struct undo_record record = {.kind = UNDO_ZEROS,
                               .device = file->device,
                               .inode = atomic_load(&file->inode),
                               .birth_ns = file->birth_ns,
                               .offset = from,
                               .size = to - from};
  (void)fd;
  if (!undo_put(&record))
    return false;
  mark(file, from, to);
  return true;
}

struct stretch {
  uint64_t from, to;
};

/* Whole blocks that hold something, the first that end behind `begin`; from
 * `end` on there are none. All of them where the file system does not tell. */
static struct stretch next_data(int fd, uint64_t begin, uint64_t end) {
  struct stretch data = {begin, end};
  long from = SYS(lseek, fd, begin, SEEK_DATA);
  long to = from < 0 ? from : SYS(lseek, fd, from, SEEK_HOLE);
  if (from == -ENXIO || (from >= 0 && (uint64_t)from >= end))
    data.from = end;
  if (to < 0 || data.from == end)
    return data;
  data.from = (uint64_t)from / UNDO_BLOCK * UNDO_BLOCK;
  data.from = data.from < begin ? begin : data.from;
  data.to = ((uint64_t)to + UNDO_BLOCK - 1) / UNDO_BLOCK * UNDO_BLOCK;
  data.to = data.to < end ? data.to : end;
  return data;
}

/* Bytes of the range that hold something and are not in the log yet. */
static uint64_t missing_data(int fd, const struct undo_file *file,
                             uint64_t begin, uint64_t end) {
  uint64_t bytes = 0;
  for (struct stretch data; begin < end; begin = data.to) {
    data = next_data(fd, begin, end);
    for (uint64_t at = data.from; at < data.to; at += UNDO_BLOCK)
      if (!undo_block_is_kept(undo_keeper.interval, file, at / UNDO_BLOCK))
        bytes += UNDO_BLOCK;
  }
  return bytes;
}

static bool put_mapped(int fd, struct undo_file *file, uint64_t begin,
                       uint64_t end) {
  bool well = true;
  for (struct stretch data; well && begin < end; begin = data.to) {
    data = next_data(fd, begin, end);
    well = put_missing(fd, file, begin, data.from, put_zeros) &&
           put_range(fd, file, data.from, data.to);
  }
  return well;
}

/* Each time, as nobody sees what is written: in the stop, so that there is a
 * limit. What several processes map is put once. */
static bool keep_mapping(int fd, struct undo_request *request, uint64_t most,
                         const struct undo_facts *facts) {
  struct undo_file *file = know(fd, facts);
  if (!file)
    return false;
  uint64_t begin = request->begin / UNDO_BLOCK * UNDO_BLOCK;
  uint64_t end = request->end < file->size ? request->end : file->size;
  uint64_t bytes = missing_data(fd, file, begin, end);
  if (bytes > most)
    return leave(-1, request->place[0].path);
  request->argument = bytes;
  return put_mapped(fd, file, begin, end);
}

void undo_keep_mapping(struct undo_request *request) {
  struct undo_facts facts;
  const char *path = request->place[0].path;
  uint64_t most = request->argument;
  request->argument = 0;
  long fd = SYS(openat, AT_FDCWD, path,
                O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW, 0);
  if (fd < 0 || !undo_look((int)fd, "", &facts) ||
      facts.device != request->device || facts.inode != request->inode)
    leave(-1, path);
  else if (S_ISREG(facts.mode) && !keep_mapping((int)fd, request, most, &facts))
    undo_lose();
  if (fd >= 0)
    SYS(close, fd);
}

/* ---- what is written ---- */

void undo_close_last(void) {
  if (last.open)
    SYS(close, last.fd);
  last.open = false;
}

static bool is_last(const struct undo_request *request) {
  const struct undo_file *file = last.file;
  return last.open && last.interval == undo_keeper.interval &&
         file->device == request->device &&
         atomic_load(&file->inode) == request->inode;
}

static void keep_more_of_last(const struct undo_request *request) {
  if (!put_range(last.fd, last.file, request->begin, request->end))
    undo_lose();
}

/* What another process says of its descriptor need not be so. */
static bool is_of(int fd, const struct undo_request *request) {
  struct undo_facts facts;
  return undo_look(fd, "", &facts) && facts.inode == request->inode &&
         facts.device == request->device;
}

int undo_keep_range(const struct undo_request *request) {
  char path[64], name[16];
  if (is_last(request)) {
    keep_more_of_last(request);
    return 0;
  }
  undo_close_last();
  hwckpt_format(name, sizeof name, "fd/%d", request->descriptor);
  undo_caller_path(request, name, path, sizeof path);
  long fd = undo_open_to_keep(AT_FDCWD, path, 0);
  if (fd < 0 && request->process)
    return (int)fd;
  if (fd < 0) {
    undo_lose();
    return 0;
  }
  undo_keep_of((int)fd, request->begin, request->end, false);
  struct undo_file *file =
      undo_place(undo_keeper.interval, request->device, request->inode);
  if (!file || atomic_load(&file->inode) != request->inode ||
      (request->process && !is_of((int)fd, request))) {
    SYS(close, fd);
    return 0;
  }
  last.open = true;
  last.fd = (int)fd;
  last.interval = undo_keeper.interval;
  last.file = file;
  return 0;
}
