/* filters_seen.h - the filters of system calls (seccomp(2)) that the program
 * installed by libc's calls: the kernel tells them to a privileged process
 * without filters only (ptrace(2)), which one of the program cannot be.
 *
 * They form a tree, as in the kernel: each stands on the one that its thread
 * had before, and new threads and processes begin with that of who made them.
 * Nobody can take one back, so a rollback leaves them as they are. */
#ifndef HWCKPT_RESOURCES_FILTERS_SEEN_H
#define HWCKPT_RESOURCES_FILTERS_SEEN_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stdint.h>

#define FILTERS_MOST 256u /* numbers are 1 to that; 0: none */

struct filter_seen {
  uint32_t before; /* number of the one it stands on */
  uint32_t flags;  /* SECCOMP_FILTER_FLAG_* */
  uint32_t depth;  /* of the program's, from 1; 0: was not installed */
  uint32_t length; /* instructions */
  const struct sock_filter *program;
};

struct filters_runtime {
  /* Before a filter: whether the runtime's thread is there. */
  bool (*begin)(void);
  /* Whether the calling thread is the only one of the program; where filters
   * let it look (CALLS_OF_STATUS). */
  bool (*is_alone)(void);
  /* Before a filter that threads of the runtime are under. */
  void (*begin_all)(void);
  /* Behind a filter that forbids CALLS_OF_UNDO, and CALLS_OF_ASKING; they make
   * no system call. */
  void (*forbid_undo)(void);
  void (*forbid_asking)(void);
};

/* seccomp(2), for interpose_seccomp.c: its result, or a negative errno. */
long __hwckpt_seccomp(unsigned operation, unsigned flags, void *arguments,
                      const struct filters_runtime *runtime);

/* The filter; null: there is none of that number. */
const struct filter_seen *filters_seen(uint32_t number);
uint32_t filters_seen_count(void); /* the highest number */
/* Some were installed that could not be kept. */
bool filters_seen_lost(void);
/* The number of the filter a thread has of which the kernel tells `depth` above
 * those the program was started under; 0: not known. */
uint32_t filters_seen_of(int tid, uint32_t depth);
/* A thread in strict mode, to which no signal may come; 0: there is none. */
int filters_seen_strict(void);

/* Whether threads of the runtime may be under them. */
bool filters_seen_hold_runtime(void);

/* In the restored program: begins anew; adds one with that number, false: that
 * cannot be; says which one a thread has. */
void filters_seen_forget(void);
bool filters_seen_add(uint32_t number, uint32_t before, uint32_t flags,
                      const void *program, uint32_t length);
bool filters_seen_have(int tid, uint32_t number);
/* That one; 0: none. */
uint32_t filters_seen_wanted(int tid);

#endif
