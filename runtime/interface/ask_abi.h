/* ask_abi.h - how `hwckpt ckpt` asks a running program for a checkpoint, and
 * `hwckpt rollback` to go back to its last.
 *
 * The tool binds a datagram socket to an abstract name made of a number, and
 * queues the stop signal with that number to the process: the runtime handles
 * it whatever the program does with signals. The checkpoint thread answers to
 * the socket, once the checkpoint is committed, the program rolled back, or
 * that cannot be done. Where it has no socket, or may not send, it takes a name
 * that says so. Abstract names have no permissions, so a program of
 * another user can answer root; the tool believes the process that it asked
 * alone.
 */
#ifndef HWCKPT_INTERFACE_ASK_ABI_H
#define HWCKPT_INTERFACE_ASK_ABI_H

#include "../error.h"

#include <stdbool.h>

#define ASK_SIGNAL 33
/* The upper half of the signal's value; the lower half is the number. */
#define ASK_MAGIC 0x6877636bu
#define ASK_ROLLBACK_MAGIC 0x6877726bu
#define ASK_NAME "hwckpt-ask-%u" /* behind a byte that is 0 */
#define ASK_NAME_MAX 32
/* The thread's name (/proc/PID/task/TID/comm); and from when it could not
 * answer until it serves who asks next. */
#define ASK_THREAD "hwckpt"
#define ASK_MUTE "hwckpt-mute"

struct ask_answer {
  uint32_t magic;
  uint32_t size;             /* of this */
  uint64_t generation;       /* taken, or gone back to, if there is no error */
  char application[256];     /* its name */
  struct hwckpt_error error; /* code 0: none */
};

/* Of `length` bytes that came: whether it is one, whose texts end then. */
static inline bool ask_answer_take(struct ask_answer *answer, size_t length) {
  answer->application[sizeof answer->application - 1] = 0;
  hwckpt_error_end(&answer->error);
  return length == sizeof *answer && answer->magic == ASK_MAGIC &&
         answer->size == sizeof *answer;
}

#endif
