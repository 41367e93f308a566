/* hooks.h - system hooks: how compiled code enters the runtime. */
#ifndef HWCKPT_INTERFACE_HOOKS_H
#define HWCKPT_INTERFACE_HOOKS_H

/* Installs the handlers of the traps. */
void hooks_install(void);

/* From now on HWCKPT_SYSCALL enters the runtime, where the kernel lets it: a
 * filter of system calls, for all threads and children, and for ordinary users
 * at the price of no_new_privs. False: it does not. */
_Bool hooks_catch_syscalls(void);

/* The program is that of a checkpoint again, maybe of one before that. */
void hooks_rolled_back(void);

#endif
