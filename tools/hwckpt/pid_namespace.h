/* pid_namespace.h - a pid namespace of the program's own, in which every
 * process id is free, and where an ordinary user may choose them
 * (pid_namespaces(7), user_namespaces(7)). */
#ifndef HWCKPT_PID_NAMESPACE_H
#define HWCKPT_PID_NAMESPACE_H

#include "process_id.h"

#include <linux/sched.h>
#include <stdint.h>
#include <sys/types.h>

/* struct clone_args up to set_tid_size (Linux 5.5), whatever the headers know.
 */
struct clone_args_set_tid {
  uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size,
      tls, set_tid, set_tid_size;
};

/* Forks, with CLONE_* flags, giving the child the pid set_tid (0: any). Returns
 * the pid, 0 in the child, or a negative errno. libc's cache of the thread id
 * is not corrected: the child must not use threads. */
pid_t clone_process(uint64_t flags, pid_t set_tid, int *pidfd);
/* Its end sends that signal, 0: none; a sibling's (CLONE_PARENT) the caller's.
 */
pid_t clone_process_ending(uint64_t flags, int exit_signal, pid_t set_tid,
                           int *pidfd);

/* As process_id_make(). */
int pid_namespace_make(pid_t pid, const int life[2],
                       const struct process_entry *entry,
                       struct supervised *program, struct hwckpt_error *error);

#endif
