/* tree.h - the tool takes checkpoints of all processes of the program that it
 * started or restored: the coordinator of docs/trees.md.
 *
 * It is a thread of the tool, and listens on a socket that the program is told
 * of. Invariant: no process is left standing still for it; whatever happens to
 * one of them, or to the tool, the others go on.
 */
#ifndef HWCKPT_TREE_H
#define HWCKPT_TREE_H

#include "runtime/error.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Before any process of the program is made: orphans of the program come to
 * this one from now on, and there is a socket. */
int tree_begin(struct hwckpt_error *error);

/* From now on the first process of the program keeps what others change in
 * files, as there is a checkpoint or one is being taken: who does not reach it
 * finds it ending. Before, nobody waits for that. */
void tree_has_checkpoints(void);

/* Appends the option to the text of HWCKPT_OPTIONS. `root` is the process id of
 * the program's first process, as it sees itself. */
#define TREE_OPTION_MAX 40u /* bytes of it */
int tree_set_option(char *options, pid_t root, struct hwckpt_error *error);

/* A child of the tool that is none of the program's, now or later: its children
 * are, if it has any. */
void tree_is_not_of_it(pid_t pid);

/* The program's first process is there, by its number here: serves from now on.
 * All signals are blocked by the caller. */
int tree_serve(pid_t root, struct hwckpt_error *error);

/* After a SIGCHLD: orphans that ended are let go. */
void tree_reap(void);

#endif
