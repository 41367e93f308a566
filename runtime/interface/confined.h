/* confined.h - programs that filter their own system calls (seccomp(2)), and
 * those that give away what root may do. */
#ifndef HWCKPT_INTERFACE_CONFINED_H
#define HWCKPT_INTERFACE_CONFINED_H

#include <stdbool.h>

/* For interpose_seccomp.c: the calling thread may soon be allowed next to
 * nothing, and threads that it makes likewise. Whether the runtime's thread is
 * there by now. */
bool __hwckpt_before_filter(void);

/* For interpose_rights.c, in programs of `hwckpt run`: root may soon be
 * somebody else; or have another root directory. */
void __hwckpt_before_user_change(void);
void __hwckpt_before_root_change(void);

/* Threads of the runtime will be under it as well. */
void __hwckpt_before_filter_of_all(void);

/* It is now forbidden what undo logs take; or what asking the first process of
 * a tree to keep one takes, to this thread and what it forks. */
void __hwckpt_undo_forbidden(void);
void __hwckpt_asking_forbidden(void);

/* In a signal handler of the program: whether the thread may park. Else says
 * why, and returns a negative errno. */
int confined_may_park(void);

#endif
