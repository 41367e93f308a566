/* undo_before.c - what the program's threads do before a system call that
 * changes a file: they see to it that what it changes is in the log.
 *
 * Runs on the program's threads in the place of an instruction of libc, which
 * may be in a signal handler: no libc, no lock, general registers only. What is
 * in the log already is seen here, without the keeper. A stop meanwhile changes
 * the epoch that was read first, and all of it is done again, also where the
 * program was killed and comes back from that stop. Invariant: where
 * the keeper is asked, all signals are blocked, so that no stop finds a thread
 * that waits for it.
 */
#include "../arch/arch.h"
#include "../arch/sys.h"
#include "calls.h"
#include "live.h"
#include "protect_calls.h"
#include "undo_first.h"
#include "unstopped.h"

#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/futex.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>

LIVE _Atomic uint32_t arch_call_epoch;

#define TO_THE_END UINT64_MAX

enum how {
  HOW_NONE,
  HOW_WRITE,
  HOW_WRITEV,
  HOW_PWRITE,
  HOW_PWRITEV,
  HOW_FTRUNCATE,
  HOW_FALLOCATE,
  HOW_SENDFILE,
  HOW_COPY, /* copy_file_range and splice */
  HOW_MMAP,
  HOW_OPEN,
  HOW_OPENAT,
  HOW_CREAT,
  HOW_OPENAT2,
  HOW_TRUNCATE,
  HOW_REMOVE, /* path */
  HOW_REMOVEAT,
  HOW_RENAME,
  HOW_RENAMEAT,
  HOW_MAKE,     /* path */
  HOW_MAKEAT,   /* directory, path */
  HOW_LINK,     /* two paths */
  HOW_MAKE_2,   /* anything, path */
  HOW_MAKEAT_2, /* anything, directory, path */
  HOW_LINKAT,
  HOW_FILTER, /* prctl and seccomp */
  HOW_UNSHARE,
  HOW_SETNS,
};

#define NUMBERS 512
static const unsigned char hows[NUMBERS] = {
    [SYS_write] = HOW_WRITE,
    [SYS_writev] = HOW_WRITEV,
    [SYS_pwrite64] = HOW_PWRITE,
    [SYS_pwritev] = HOW_PWRITEV,
    [SYS_pwritev2] = HOW_PWRITEV,
    [SYS_ftruncate] = HOW_FTRUNCATE,
    [SYS_fallocate] = HOW_FALLOCATE,
    [SYS_sendfile] = HOW_SENDFILE,
    [SYS_copy_file_range] = HOW_COPY,
    [SYS_splice] = HOW_COPY,
    [SYS_mmap] = HOW_MMAP,
    [SYS_open] = HOW_OPEN,
    [SYS_openat] = HOW_OPENAT,
    [SYS_creat] = HOW_CREAT,
    [SYS_openat2] = HOW_OPENAT2,
    [SYS_truncate] = HOW_TRUNCATE,
    [SYS_unlink] = HOW_REMOVE,
    [SYS_rmdir] = HOW_REMOVE,
    [SYS_unlinkat] = HOW_REMOVEAT,
    [SYS_rename] = HOW_RENAME,
    [SYS_renameat] = HOW_RENAMEAT,
    [SYS_renameat2] = HOW_RENAMEAT,
    [SYS_mkdir] = HOW_MAKE,
    [SYS_mknod] = HOW_MAKE,
    [SYS_mkdirat] = HOW_MAKEAT,
    [SYS_mknodat] = HOW_MAKEAT,
    [SYS_link] = HOW_LINK,
    [SYS_symlink] = HOW_MAKE_2,
    [SYS_symlinkat] = HOW_MAKEAT_2,
    [SYS_linkat] = HOW_LINKAT,
    [SYS_prctl] = HOW_FILTER,
    [SYS_seccomp] = HOW_FILTER,
    [SYS_unshare] = HOW_UNSHARE,
    [SYS_setns] = HOW_SETNS,
};

bool undo_wants(uint32_t number) {
  return number < NUMBERS && hows[number] != HOW_NONE;
}

void undo_ask(struct undo_request *request) {
  atomic_store(&request->done, 0);
  request->next = atomic_load(&undo_state.requests);
  while (!atomic_compare_exchange_weak(&undo_state.requests, &request->next,
                                       request))
    ;
  atomic_fetch_add(&undo_state.wakes, 1);
  SYS(futex, &undo_state.wakes, FUTEX_WAKE_PRIVATE, 1, 0, 0, 0);
  for (unsigned i = 0; i < UNDO_SPIN && !atomic_load(&request->done); i++)
    arch_relax();
  while (!atomic_load(&request->done))
    SYS(futex, &request->done, FUTEX_WAIT_PRIVATE, 0, 0, 0, 0);
}

struct file {
  uint64_t device, inode;
};

/* Whether the descriptor is of a regular file that has a name. Not asked for
 * times: who asks has the kernel make a new one with the next write (Linux
 * 6.13), which takes longer than the write. */
static bool look(int descriptor, struct file *file) {
  struct statx status;
  if (SYS(statx, descriptor, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC,
          STATX_TYPE | STATX_NLINK | STATX_INO, &status) < 0 ||
      !S_ISREG(status.stx_mode) || status.stx_nlink == 0)
    return false;
  *file = (struct file){makedev(status.stx_dev_major, status.stx_dev_minor),
                        status.stx_ino};
  return true;
}

/* Whether all of the file, which need not be looked at any closer. */
static bool all_is_kept(struct undo_interval *interval,
                        const struct file *file) {
  const struct undo_file *known =
      undo_place(interval, file->device, file->inode);
  return atomic_load(&interval->lost) ||
         (known && atomic_load(&known->inode) && atomic_load(&known->all_kept));
}

/* Whether all of [begin, end) that was there is in the log. */
static bool is_kept(struct undo_interval *interval, const struct file *file,
                    uint64_t begin, uint64_t end) {
  if (atomic_load(&interval->lost))
    return true;
  const struct undo_file *known =
      undo_place(interval, file->device, file->inode);
  if (!known || !atomic_load(&known->inode))
    return false;
  end = end < known->size ? end : known->size;
  for (uint64_t block = begin / UNDO_BLOCK; block * UNDO_BLOCK < end; block++)
    if (!undo_block_is_kept(interval, known, block))
      return false;
  return true;
}

/* A child that is in no tree has the code of its parent, and nobody who keeps a
 * log for it. */
static bool served(void) {
  return atomic_load(&undo_state.pid) == (int)SYS(getpid);
}

/* False: this process is to keep it itself. */
static bool first_keeps(const struct undo_request *request) {
  if (!undo_first_is_asked())
    return false;
  struct unstopped before = unstopped_begin();
  bool kept = undo_first_ask(request);
  unstopped_end(before);
  return kept;
}

static void keep(struct undo_request *request) {
  request->process = 0;
  request->thread = (int)SYS(gettid);
  if (first_keeps(request) || !served())
    return;
  struct unstopped before = unstopped_begin();
  struct undo_interval *interval = atomic_load(&undo_state.now);
  if (interval && !atomic_load(&interval->lost))
    undo_ask(request);
  unstopped_end(before);
}

#define FROM_OFFSET UINT64_MAX /* begin: where the descriptor stands */

static void keep_range(int descriptor, uint64_t begin, uint64_t end) {
  struct file file;
  if (!look(descriptor, &file))
    return;
  struct undo_interval *interval = atomic_load(&undo_state.now);
  if (interval && all_is_kept(interval, &file))
    return;
  if (begin == FROM_OFFSET) {
    begin = (uint64_t)SYS(lseek, descriptor, 0, 1 /* SEEK_CUR */);
    end += begin;
  }
  end = end < begin ? TO_THE_END : end;
  if (undo_first_knows(file.device, file.inode, begin, end) ||
      (interval && is_kept(interval, &file, begin, end)))
    return;
  struct undo_request request;
  request.wish = UNDO_KEEP_RANGE;
  request.process = 0;
  request.thread = (int)SYS(gettid);
  request.cut = false;
  request.descriptor = descriptor;
  request.begin = begin;
  request.end = end;
  request.device = file.device;
  request.inode = file.inode;
  if (first_keeps(&request) || !served())
    return;
  struct unstopped before = unstopped_begin();
  interval = atomic_load(&undo_state.now);
  if (interval && !is_kept(interval, &file, begin, end))
    undo_ask(&request);
  unstopped_end(before);
}

static void keep_from_offset(int descriptor, uint64_t length) {
  keep_range(descriptor, FROM_OFFSET, length);
}

/* A vector is read in pieces of so many entries; more than that many, the
 * kernel does not take. */
#define ENTRIES 8u
#define ENTRIES_MOST 1024u

uint64_t calls_vector_length(uint64_t vector, uint64_t count) {
  struct iovec entries[ENTRIES];
  uint64_t length = 0;
  if (count > ENTRIES_MOST)
    return TO_THE_END;
  while (count) {
    uint64_t some = count < ENTRIES ? count : ENTRIES;
    struct iovec own = {entries, sizeof entries};
    struct iovec its = {(void *)vector, some * sizeof entries[0]};
    if (SYS(process_vm_readv, SYS(gettid), &own, 1, &its, 1, 0) !=
        (long)its.iov_len)
      return TO_THE_END;
    for (uint64_t i = 0; i < some; i++)
      length += entries[i].iov_len;
    vector += its.iov_len;
    count -= some;
  }
  return length;
}

uint64_t calls_word_of_program(uint64_t address, uint64_t otherwise) {
  uint64_t word = otherwise;
  struct iovec own = {&word, sizeof word};
  struct iovec its = {(void *)address, sizeof word};
  if (SYS(process_vm_readv, SYS(gettid), &own, 1, &its, 1, 0) != sizeof word)
    return otherwise;
  return word;
}

static void keep_copy(int descriptor, uint64_t offset_at, uint64_t length) {
  if (!offset_at) {
    keep_from_offset(descriptor, length);
    return;
  }
  uint64_t offset = calls_word_of_program(offset_at, 0);
  keep_range(descriptor, offset, offset + length);
}

static void keep_fallocate(int descriptor, int mode, uint64_t offset,
                           uint64_t length) {
  if (mode & (FALLOC_FL_COLLAPSE_RANGE | FALLOC_FL_INSERT_RANGE))
    keep_range(descriptor, offset, TO_THE_END);
  else if (mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE))
    keep_range(descriptor, offset, offset + length);
  else
    keep_range(descriptor, TO_THE_END - 1, TO_THE_END);
}

static void keep_place(enum undo_wish wish, int directory, uint64_t path,
                       int directory_2, uint64_t path_2, bool cut) {
  struct undo_request request;
  request.wish = wish;
  request.cut = cut;
  request.descriptor = -1;
  request.begin = request.end = 0;
  request.device = request.inode = 0;
  request.place[0].directory = directory;
  request.place[0].path = (const char *)path;
  request.place[1].directory = directory_2;
  request.place[1].path = (const char *)path_2;
  keep(&request);
}

/* That not all is kept of what a program changes; path 0: of this one. */
static void keep_unseen(int directory, const char *path, enum undo_unseen why) {
  struct undo_request request;
  request.wish = UNDO_KEEP_UNSEEN;
  request.cut = false;
  request.descriptor = -1;
  request.begin = request.end = request.device = request.inode = 0;
  request.argument = why;
  request.place[0].directory = request.place[1].directory = directory;
  request.place[0].path = path;
  request.place[1].path = 0;
  keep(&request);
}

/* What has a log of its own goes on with that one. */
static void leave_first(enum undo_unseen why) {
  if (!undo_first_is_asked() || !undo_first_has_own_memory())
    return;
  if (!served())
    keep_unseen(AT_FDCWD, 0, why);
  undo_first.quiet = true;
}

void undo_before_program(int directory, const char *path, bool seen) {
  if (!atomic_load(&undo_state.now) && !undo_first_is_asked())
    return;
  if (!seen)
    keep_unseen(directory, path, UNSEEN_NO_RUNTIME);
  else if (served() && !undo_first_is_asked())
    keep_unseen(directory, path, UNSEEN_SUCCESSOR);
}

void undo_before_filter(void) { leave_first(UNSEEN_FILTER); }

void undo_before_filter_of_all(void) { undo_first_serve_no_more(); }

void undo_before_end(void) {
  if (served() && atomic_load(&undo_state.now) && !undo_first_is_asked())
    keep_unseen(AT_FDCWD, 0, UNSEEN_LEFT);
}

static void keep_open(int directory, uint64_t path, uint64_t flags) {
  if ((flags & (O_CREAT | O_TRUNC)) &&
      (flags & O_TMPFILE) != (uint64_t)O_TMPFILE && !(flags & O_PATH))
    keep_place(UNDO_KEEP_NAME, directory, path, 0, 0, flags & O_TRUNC);
}

static void keep_mapping(const uint64_t *a) {
  uint64_t kind = a[3] & MAP_TYPE;
  if ((kind == MAP_SHARED || kind == MAP_SHARED_VALIDATE) &&
      (a[2] & PROT_WRITE) && !(a[3] & MAP_ANONYMOUS))
    keep_range((int)a[4], a[5], a[5] + a[1]);
}

static void keep_rename(int from_directory, uint64_t from, int to_directory,
                        uint64_t to, bool exchange) {
  keep_place(exchange ? UNDO_KEEP_BOTH : UNDO_KEEP_RENAME, from_directory, from,
             to_directory, to, false);
}

#define EXCHANGE 2 /* RENAME_EXCHANGE */

static void keep_names(enum how how, const struct arch_call *call) {
  const uint64_t *a = call->arguments;
  switch (how) {
  case HOW_OPEN:
    return keep_open(AT_FDCWD, a[0], a[1]);
  case HOW_OPENAT:
    return keep_open((int)a[0], a[1], a[2]);
  case HOW_CREAT:
    return keep_open(AT_FDCWD, a[0], O_CREAT | O_TRUNC);
  case HOW_OPENAT2:
    return keep_open((int)a[0], a[1], calls_word_of_program(a[2], 0));
  case HOW_TRUNCATE: {
    struct undo_request request;
    request.wish = UNDO_KEEP_CUT;
    request.cut = false;
    request.descriptor = -1;
    request.begin = a[1];
    request.end = TO_THE_END;
    request.device = request.inode = 0;
    request.place[0].directory = AT_FDCWD;
    request.place[0].path = (const char *)a[0];
    return keep(&request);
  }
  case HOW_REMOVE:
    return keep_place(UNDO_KEEP_REMOVE, AT_FDCWD, a[0], 0, 0, false);
  case HOW_REMOVEAT:
    return keep_place(UNDO_KEEP_REMOVE, (int)a[0], a[1], 0, 0, false);
  case HOW_RENAME:
    return keep_rename(AT_FDCWD, a[0], AT_FDCWD, a[1], false);
  case HOW_RENAMEAT:
    return keep_rename((int)a[0], a[1], (int)a[2], a[3],
                       call->number == SYS_renameat2 && (a[4] & EXCHANGE));
  case HOW_MAKE:
    return keep_place(call->number == SYS_mkdir ? UNDO_KEEP_FOLDER
                                                : UNDO_KEEP_NAME,
                      AT_FDCWD, a[0], 0, 0, false);
  case HOW_MAKEAT:
    return keep_place(call->number == SYS_mkdirat ? UNDO_KEEP_FOLDER
                                                  : UNDO_KEEP_NAME,
                      (int)a[0], a[1], 0, 0, false);
  case HOW_LINK:
    return keep_place(UNDO_KEEP_LINK, AT_FDCWD, a[0], AT_FDCWD, a[1], false);
  case HOW_MAKE_2:
    return keep_place(UNDO_KEEP_NAME, AT_FDCWD, a[1], 0, 0, false);
  case HOW_MAKEAT_2:
    return keep_place(UNDO_KEEP_NAME, (int)a[1], a[2], 0, 0, false);
  case HOW_LINKAT:
    if (a[4] & AT_EMPTY_PATH)
      return keep_place(UNDO_KEEP_NAME, (int)a[2], a[3], 0, 0, false);
    return keep_place(UNDO_KEEP_LINK, (int)a[0], a[1], (int)a[2], a[3], false);
  case HOW_FILTER:
    if (call->number == SYS_seccomp || a[0] == PR_SET_SECCOMP)
      undo_before_filter();
    return;
  case HOW_UNSHARE:
    if (a[0] & CLONE_NEWNET)
      leave_first(UNSEEN_NETWORK);
    return;
  case HOW_SETNS:
    if (a[1] == 0 || a[1] & CLONE_NEWNET)
      leave_first(UNSEEN_NETWORK);
    return;
  default:
    return;
  }
}

static void keep_content(enum how how, const struct arch_call *call) {
  const uint64_t *a = call->arguments;
  switch (how) {
  case HOW_WRITE:
    return keep_from_offset((int)a[0], a[2]);
  case HOW_WRITEV:
    return keep_from_offset((int)a[0], calls_vector_length(a[1], a[2]));
  case HOW_PWRITE:
    return keep_range((int)a[0], a[3], a[3] + a[2]);
  case HOW_PWRITEV:
    if (call->number == SYS_pwritev2 && a[3] == UINT64_MAX)
      return keep_from_offset((int)a[0], calls_vector_length(a[1], a[2]));
    return keep_range((int)a[0], a[3], a[3] + calls_vector_length(a[1], a[2]));
  case HOW_FTRUNCATE:
    return keep_range((int)a[0], a[1], TO_THE_END);
  case HOW_FALLOCATE:
    return keep_fallocate((int)a[0], (int)a[1], a[2], a[3]);
  case HOW_SENDFILE:
    return keep_from_offset((int)a[0], a[3]);
  case HOW_COPY:
    return keep_copy((int)a[2], a[3], a[4]);
  case HOW_MMAP:
    return keep_mapping(a);
  default:
    return keep_names(how, call);
  }
}

uint32_t arch_before_call(struct arch_call *call) {
  void (*input)(const struct arch_call *) =
      atomic_load(&calls_listeners[CALLS_IO]);
  void (*watch)(const struct arch_call *) =
      atomic_load(&calls_listeners[CALLS_WATCH]);
  /* First, for it may take a checkpoint, which begins an interval. */
  if (input)
    input(call);
  uint32_t epoch = atomic_load(&arch_call_epoch);
  if (watch)
    watch(call);
  if ((atomic_load(&undo_state.now) || atomic_load(&undo_first.active)) &&
      !atomic_load(&undo_state.forbidden) && call->number < NUMBERS)
    keep_content((enum how)hows[call->number], call);
  protect_calls_before(call);
  return epoch;
}
