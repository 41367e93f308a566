/* proc_stat.h - what the kernel tells of a process in /proc/PID (proc(5)). */
#ifndef HWCKPT_PROC_STAT_H
#define HWCKPT_PROC_STAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct proc_stat {
  char comm[64];
  char state; /* R, S, D, T, t, Z, X ... */
  pid_t parent, group, session;
  unsigned flags; /* PF_* of the kernel */
  /* Of the address space; 0 or 1 when we may not look at the process. */
  uint64_t start_code, start_stack, arg_start, env_start;
};

#define PROC_FLAG_EXITING 0x4u /* PF_EXITING, include/linux/sched.h */

/* False when there is no such process (or thread). Of a process whose first
 * thread has ended while others go on, one of those stands for it. */
bool proc_stat(pid_t pid, struct proc_stat *stat);

/* Whether it ends: a zombie, exiting, or with a SIGKILL on its way. */
bool proc_is_ending(pid_t pid, const struct proc_stat *stat);

/* The thread by whose id the process can be looked at: once its first thread
 * has ended while others go on (pthread_exit()), that one's tells nothing of
 * what they have in common. The process id, or the first of the others that is
 * the program's. */
pid_t proc_thread(pid_t pid);

/* A thread of it of which is() says so; 0: there is none, -1: they cannot be
 * looked at. */
pid_t proc_find_thread(pid_t pid, bool (*is)(const struct proc_stat *stat));

/* The process a thread id belongs to; 0 when there is no such thread. */
pid_t proc_of_thread(pid_t tid);

/* Whether pid is `ancestor` or descends from it. */
bool proc_descends(pid_t pid, pid_t ancestor);

/* The name of a process that has pid as its process group or session, written
 * "less (pid 12)"; false when there is none. */
bool proc_find_group(pid_t pid, char *name, size_t size);

#endif
