/* hooks.h - system hooks: how compiled code enters the runtime. */
#ifndef HWCKPT_INTERFACE_HOOKS_H
#define HWCKPT_INTERFACE_HOOKS_H

/* Installs the handlers of the traps; where there are filters of system calls,
 * which may be of a program that executed this one, of their signal too. */
void hooks_install(void);

/* From now on HWCKPT_SYSCALL enters the runtime, where the kernel lets it: a
 * filter of system calls, for all threads and children, and for ordinary users
 * at the price of no_new_privs. False: it does not. */
_Bool hooks_catch_syscalls(void);

/* The program is that of a checkpoint again, maybe of one before that. */
void hooks_rolled_back(void);
/* In the restored program, which has no filter of ours. */
void hooks_restored(void);

#endif
