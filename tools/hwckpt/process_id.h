/* process_id.h - giving the restored program its old process id.
 *
 * Programs remember their ids (lock files, kill(2), libc's cached thread id),
 * so by default they get them back: by clone3(2) with set_tid where we may
 * (CAP_CHECKPOINT_RESTORE), else in a user and pid namespace of their own,
 * where every number is free. */
#ifndef HWCKPT_PROCESS_ID_H
#define HWCKPT_PROCESS_ID_H

#include "generation.h"
#include "proc_stat.h"
#include "supervise.h"

enum id_policy {
  IDS_SAME,      /* the old ids: here if we may, else in a namespace */
  IDS_NAMESPACE, /* the old ids, in a namespace */
  IDS_ANY,       /* whatever comes */
};

/* Reads the value of --pid; false when it is none. */
bool id_policy_parse(const char *text, enum id_policy *policy);

/* Whether it, of which stat tells, is the very process of the checkpoint. */
bool process_id_is_program(pid_t pid, const struct proc_stat *stat,
                           const Process *process);

/* Checks that the program does not run any more and that its ids can be had;
 * waits for a process that is just ending. Turns IDS_SAME into IDS_NAMESPACE
 * where that is the way, with a note when the user could be surprised. */
int process_id_settle(const struct generation *generation,
                      enum id_policy *policy, struct hwckpt_error *error);

/* What the new process runs; it does not come back. */
struct process_entry {
  void (*run)(void *context) __attribute__((noreturn));
  void *context;
  /* What is to be there before it: in the process that it is made by, which may
   * leave namespaces when that is its own (may_part): 0 or a negative code.
   * Null: nothing. */
  int (*prepare)(void *context, bool may_part, struct hwckpt_error *error);
  /* Of a tree: what its parent does when it is there: 0 or a negative errno.
   * Null: nothing. */
  int (*made)(void *context);
  pid_t highest; /* id of all that are made by id; 0: there are no others */
};

/* Makes the process, fills *program. life: both ends of what
 * supervise_release() looks at, which the entry calls. */
int process_id_make(pid_t pid, enum id_policy policy, const int life[2],
                    const struct process_entry *entry,
                    struct supervised *program, struct hwckpt_error *error);

/* In the new process, before it executes the restorer: keeps the right to
 * choose ids (CAP_CHECKPOINT_RESTORE) across the execution, when there is one.
 */
void process_id_keep_right(void);

#endif
