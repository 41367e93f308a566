/* undo_state.h - what the files of undo share: an interval between two
 * generations, and what the program's threads ask of the keeper.
 *
 * See undo.h. Two intervals take turns and are never unmapped, also in a
 * program that comes back and in a forked child: a thread that is late reads
 * one that was cleared, and sees by the epoch that what it found counts no
 * more.
 */
#ifndef HWCKPT_SUPPORT_UNDO_STATE_H
#define HWCKPT_SUPPORT_UNDO_STATE_H

#include "../cache/undo_log.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define UNDO_BLOCK 4096u /* bytes; what is kept is kept in whole blocks */
#define UNDO_FILES 16384u
#define UNDO_NAMES 65536u
#define UNDO_WORDS ((uint64_t)8 << 20) /* 64 bits each: 2 TiB of files */

/* A file that is in the log. A place in the table is taken once. */
struct undo_file {
  _Atomic uint64_t inode; /* 0: free; written last */
  uint64_t device;
  uint64_t birth_ns;
  uint64_t size;  /* when the interval began; what is behind is new. 0 from
                   * when it was too much to be kept */
  uint64_t words; /* of its blocks' bits, in the interval's */
  _Atomic uint32_t all_kept; /* whatever is changed, it is in the log */
};

struct undo_interval {
  uint64_t generation; /* which began it */
  int log;             /* the keeper's descriptor; -1: nothing changed yet */
  uint64_t written;    /* bytes of the log */
  struct undo_sealing sealing;
  _Atomic uint32_t lost; /* the log could not be written */
  uint64_t words_used;
  uint32_t file_count, name_count;
  struct undo_file files[UNDO_FILES];
  uint64_t names[UNDO_NAMES]; /* hashes of paths that are in the log; 0: free;
                               * the lowest bit: that led to no folder */
  _Atomic uint64_t words[UNDO_WORDS]; /* bit of a block: it is in the log */
};

enum undo_wish {
  UNDO_BEGIN_INTERVAL, /* argument: generation */
  UNDO_NOT_COMMITTED,  /* argument: the generation before */
  UNDO_RETAIN,
  UNDO_KEEP_RANGE,  /* of the file at descriptor: [begin, end) */
  UNDO_KEEP_CUT,    /* of the file at place[0]: from begin on */
  UNDO_KEEP_NAME,   /* place[0]; cut: and the file's content */
  UNDO_KEEP_REMOVE, /* place[0], which goes */
  UNDO_KEEP_RENAME, /* place[0] and place[1] */
  UNDO_KEEP_BOTH,   /* the same, and both stay */
  UNDO_KEEP_UNSEEN, /* that not all is kept of what the program at place[0], or
                     * (null) that of the process, changes; argument: why */
  UNDO_KEEP_MAPPED, /* [begin, end) of the file at place[0], if it still is the
                     * one that says device and inode; argument: bytes that it
                     * may take, and then those that it took */
  UNDO_KEEP_FOLDER, /* place[0], where a folder is made */
  UNDO_KEEP_LINK,   /* place[0], of a file that is to have place[1] as well */
};

struct undo_request {
  struct undo_request *next;
  enum undo_wish wish;
  _Atomic uint32_t done; /* futex */
  int result;            /* 0 or negative: `process` could not be looked at */
  int process;           /* whose call it is; 0: the keeper's own */
  int thread;            /* of it that makes the call; 0: not told */
  int descriptor;
  bool cut;
  uint64_t begin, end;
  uint64_t device, inode;
  uint64_t argument;
  struct {
    int directory;    /* AT_FDCWD, or the process's descriptor */
    const char *path; /* the program's memory */
  } place[2];
};

struct undo_state {
  _Atomic int pid; /* of the program that is served; 0: nothing is kept */
  struct undo_interval *_Atomic now; /* null: nothing is kept */
  _Atomic bool forbidden;            /* to the program, so nothing is asked */
  struct undo_interval *next;        /* prepared */
  struct undo_interval *both[2];
  bool served;          /* the keeper's thread is there */
  uint64_t before;      /* the generation that began the interval before */
  bool switched;        /* for a generation that is not committed yet */
  uint64_t most;        /* bytes of a log; 0: any number */
  uint64_t mapped_most; /* of what the process maps shared; 0: any number */
  struct undo_request *_Atomic requests;
  _Atomic uint32_t wakes; /* futex */
  char cache[4096];
  char application[96];
};
extern struct undo_state undo_state __attribute__((visibility("hidden")));

/* Turns in which a short wait is waited out: the keeper takes microseconds. */
#define UNDO_SPIN 1000u

/* A request is made, and served when this comes back. On any thread but the
 * keeper's, all signals blocked where it is the program's. */
void undo_ask(struct undo_request *request);

/* Where the file is in the table, or the free place for it; null: full. */
static inline struct undo_file *undo_place(struct undo_interval *interval,
                                           uint64_t device, uint64_t inode) {
  uint64_t hash = (inode ^ device << 40) * 0x9e3779b97f4a7c15u;
  for (uint32_t i = 0; i < UNDO_FILES; i++) {
    struct undo_file *file = &interval->files[((hash >> 40) + i) % UNDO_FILES];
    uint64_t there = atomic_load(&file->inode);
    if (!there || (there == inode && file->device == device))
      return file;
  }
  return 0;
}

static inline bool undo_block_is_kept(struct undo_interval *interval,
                                      const struct undo_file *file,
                                      uint64_t block) {
  uint64_t word = file->words + block / 64;
  return word < UNDO_WORDS &&
         (atomic_load(&interval->words[word]) >> (block % 64) & 1);
}

/* The path of a file in /proc of who makes the call: of that thread, as a first
 * one that has ended has nothing of what its process has. */
void undo_caller_path(const struct undo_request *request, const char *name,
                      char *path, size_t size);

/* The keeper's thread. */
void undo_keep(void *unused);
/* Which system calls are looked at. */
bool undo_wants(uint32_t number);

#endif
