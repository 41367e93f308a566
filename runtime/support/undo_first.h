/* undo_first.h - the first process of a tree keeps for the others what they
 * change in files.
 *
 * One log, and one order, for all: what a process changes that was born since
 * the checkpoint is in the log of the generation whether it lives until the
 * next one or not, and of a block that several change there is what was there
 * before the first of them. All processes stand still when the first one begins
 * its next interval, so that none changes anything between the cut and that.
 * What they map shared they have kept while they stand: such a question is
 * served when the first one has begun the interval of the same checkpoint.
 *
 * The first process listens on a socket (undo_first_serve.c); the others
 * connect to it before a system call that changes a file, say what it changes
 * and wait until that is in the log (undo_first_ask.c). Who finds nobody there,
 * or one who sees other files under the same paths, keeps a log of his own, if
 * he was in a checkpoint. Nobody waits for long: who has no answer says that he
 * goes on. The log names whose changes it has not (UNDO_UNSEEN).
 *
 * The socket's name is anybody's to take, so both look who the other is: the
 * first process answers those of its user that are of its tree, and who asks
 * believes the first process, or one of his user.
 */
#ifndef HWCKPT_SUPPORT_UNDO_FIRST_H
#define HWCKPT_SUPPORT_UNDO_FIRST_H

#include "undo_state.h"

#include <sys/socket.h>
#include <sys/un.h>

#define UNDO_FIRST_MAGIC 0x68777566u
#define UNDO_FIRST_NAME "hwckpt-undo-%u" /* behind a byte that is 0 */

/* Both are of one build, or this has another size. */
struct undo_question {
  uint32_t magic, size;
  uint32_t wish;
  uint32_t cut;
  int32_t descriptor;
  int32_t directory[2];
  uint32_t length[2]; /* of the paths, which follow without their NUL */
  uint32_t own_log;   /* who asks has one; 1 or 0 */
  uint64_t begin, end, device, inode;
  uint64_t argument;
  uint32_t cut_number; /* asked in that checkpoint's stop; 0: in none */
  int32_t thread;      /* that asks, in the process's own pid namespace */
};

/* So many paths belong to it; of UNDO_KEEP_UNSEEN one or none. */
static inline unsigned undo_first_paths(uint32_t wish) {
  return wish == UNDO_KEEP_RANGE ? 0
         : wish == UNDO_KEEP_RENAME || wish == UNDO_KEEP_BOTH ||
                 wish == UNDO_KEEP_LINK
             ? 2
             : 1;
}

/* What was received; false: it is no question. The request's paths are in
 * `paths`. No system calls. */
bool undo_first_read(const void *bytes, size_t length,
                     struct undo_request *request,
                     char paths[2][UNDO_PATH_MAX]);

enum undo_outcome {
  UNDO_FIRST_KEPT = 1,
  UNDO_FIRST_ALL_KEPT,  /* of the file: nobody need ask again */
  UNDO_FIRST_NOTHING,   /* nothing is kept of any file in this interval */
  UNDO_FIRST_ELSEWHERE, /* the paths of who asks are others */
};

struct undo_answer {
  uint32_t magic;
  uint32_t outcome;
  uint64_t end; /* of what is kept from the question's begin on; of what is
                 * mapped: bytes that it took */
};

/* What who has asked says when he had no answer: he goes on. */
#define UNDO_FIRST_GOES_ON 0x68777567u

/* For an answer, and until a question is there. */
#define UNDO_FIRST_ANSWER_S 5
#define UNDO_FIRST_MAPPED_S 2
#define UNDO_FIRST_SILENT_S 1

#define UNDO_FIRST_KNOWN 4096u
#define UNDO_FIRST_WHOLE UINT64_MAX /* in the place of a block */

struct undo_first {
  bool there;   /* others are in the tree, or may be */
  bool quiet;   /* this process and what it forks ask no more */
  bool begun;   /* it was restored: the first one will listen in a moment */
  int pid;      /* of the first one; 0: another, and not known */
  int serves;   /* the process that listens, if it is this one */
  int cannot;   /* the process that tried to in vain */
  int filtered; /* the process whose filters may end who listens */
  int listener;
  uint32_t length, marker_length; /* of the addresses */
  struct sockaddr_un address, marker;
  uint32_t stands_in;      /* number of the checkpoint that is being taken */
  _Atomic uint32_t cut;    /* of the one that began the interval (futex) */
  _Atomic uint32_t active; /* something is kept */
  _Atomic uint64_t known[UNDO_FIRST_KNOWN]; /* blocks and files in the log */
};
extern struct undo_first undo_first __attribute__((visibility("hidden")));

/* Whether this process has another one keep what it changes. */
bool undo_first_is_asked(void);
/* On a thread of the program, all signals blocked, with general registers only:
 * is in the log when this comes back, or need not be, or that is said there.
 * False: it is another's to keep that. */
bool undo_first_ask(const struct undo_request *request);
/* The same in the stop of a checkpoint, of UNDO_KEEP_MAPPED: *bytes is what it
 * took. */
bool undo_first_ask_mapped(const struct undo_request *request, uint64_t *bytes);
/* Whether [begin, end) of the file is in the log. */
bool undo_first_knows(uint64_t device, uint64_t inode, uint64_t begin,
                      uint64_t end);
void undo_first_forget_known(void);
/* After vfork it is the parent's, and a program will be executed. */
bool undo_first_has_own_memory(void);

/* Whoever is killed with the first process has a moment for that: what it
 * changes between both is in no log. Not long, for it may live on. */
void undo_first_wait_to_end(void);
/* Whether the first process listens: something is kept. */
bool undo_first_listens(void);

/* In the first process, before it begins an interval: is heard from now on. */
void undo_first_serve(void);
/* It has begun that of the checkpoint. */
void undo_first_begun(void);
/* On a thread of the program: nobody listens when this comes back, and nobody
 * will, as filters of system calls may end who does. */
void undo_first_serve_no_more(void);
/* Behind it: says that it cannot be heard, where that is so. */
void undo_first_say_unheard(void);

#endif
