/* tree_processes.h - the processes of a program, as the kernel lists them. */
#ifndef HWCKPT_TREE_PROCESSES_H
#define HWCKPT_TREE_PROCESSES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct tree_process {
  pid_t pid, parent; /* in our own pid namespace; parent 0: not in the tree */
  pid_t thread;      /* by which it can be looked at (proc_thread()) */
  /* In that of the program. */
  pid_t inner, inner_parent, inner_group, inner_session;
  char state; /* of /proc/PID/stat; 'Z': nothing of it is left but its status */
  bool handles; /* the runtime's signal */
  bool stops;   /* SIGSTOP waits for it */
  pid_t tracer; /* a thread, in our own pid namespace; 0: none */
  uint32_t wait_status, exit_signal;
  char comm[64];
};

/* Lists the root, if it is there, and all its descendants, and what was given
 * to us as its orphans: children of ours but `others`. Parents come before
 * children. The list is the caller's to free; false: no memory. */
bool tree_processes(pid_t root, const pid_t *others, size_t other_count,
                    struct tree_process **list, size_t *count);

/* Looks at one again; false: it is gone. */
bool tree_process_look(struct tree_process *process);

#endif
