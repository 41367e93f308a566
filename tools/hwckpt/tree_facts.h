/* tree_facts.h - which descriptors of the processes of a tree are of the same
 * open file, while all of them stand still. */
#ifndef HWCKPT_TREE_FACTS_H
#define HWCKPT_TREE_FACTS_H

#include "tree_processes.h"

#include "runtime/resources/resource.h"

/* Of processes in the order of their numbers, each by a thread of it that lives
 * (proc_thread()): pipes and sockets, and what is open more than once;
 * ascending by device, inode, member, number. The list is the caller's to free.
 * `also` are rows that the caller knows. */
int tree_facts(const pid_t *pids, size_t count, const struct tree_fact *also,
               size_t also_count, struct tree_fact **facts, size_t *fact_count,
               struct hwckpt_error *error);

/* Fails with TREE_SHARED when the two share memory or a table that only threads
 * should. */
int tree_facts_apart(const struct tree_process *process,
                     const struct tree_process *parent,
                     struct hwckpt_error *error);
/* Whether they share memory, as far as the kernel tells. */
bool tree_facts_same_memory(const struct tree_process *process,
                            const struct tree_process *parent);

#endif
