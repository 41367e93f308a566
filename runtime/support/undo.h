/* undo.h - what the program changes in files after a checkpoint is kept, so
 * that a restore can take it back: files=rollback.
 *
 * From the first checkpoint on, system calls of the program's libc that change
 * a file, or where a name leads, are told before they are made
 * (arch_program_calls_change()); undo_before.c looks whether what they change
 * is in the log of this interval between two generations, and has
 * undo_keeper.c put it there if not. How a restore or rollback takes the logs
 * back is in cache/undo_back.c, their bytes in cache/undo_log.h.
 */
#ifndef HWCKPT_SUPPORT_UNDO_H
#define HWCKPT_SUPPORT_UNDO_H

#include "memory_map.h"

#include <stdbool.h>
#include <stdint.h>

/* When the program begins: takes memory for the changed calls, which has to lie
 * near libc, before the program has any that it may count on being beside. */
void undo_reserve(void);

/* On the checkpoint thread. A generation is about to be taken, the one before
 * it is `before`: all that the switch needs. The map is read where it must be.
 * When something is missing nothing is kept, and a restore says so where it
 * sees that a file changed. */
void undo_prepare(const char *cache, const char *application,
                  struct memory_map *map, uint64_t generation, uint64_t before);
/* At most so many bytes of what was there are kept from one generation to the
 * next, and so many of shared mappings in each stop; 0: all. */
void undo_limit(uint64_t bytes, uint64_t mapped);
/* While all threads stand, before their state is captured: from here on what is
 * kept leads back to that generation. */
void undo_switch(void);
/* Behind it: keeps what of files is mapped shared, by a map of now. */
void undo_keep_mapped(const struct memory_map *map);
/* It was not committed; or it was. */
void undo_not_committed(void);
void undo_committed(void);
/* Generations may have been removed. */
void undo_retain(void);

/* This process is one of a tree, whose coordinator has that number (0: it is of
 * none): what it changes the first process keeps, with that id (0: not known),
 * in a log for all (undo_first.h). Restored: which will do so in a moment. */
void undo_of_tree(uint32_t number, int first, bool restored);
/* All processes of the tree stand for the checkpoint of that number (not 0), of
 * which each tells before undo_switch(). */
void undo_of_cut(uint32_t number);
/* It is a program that was executed, and has one thread: what it changes leads
 * back to the generation that the tree has, if it has one. */
void undo_executed(void);

/* On a thread of the program, with system calls and the stack only, also after
 * vfork. Before a program is executed: what one changes that has no runtime is
 * not seen, nor what one changes in the place of who keeps the log. */
void undo_before_program(int directory, const char *path, bool seen);
/* Before it has a filter of system calls, which may end who asks. */
void undo_before_filter(void);
/* Before one that threads of the runtime will be under. */
void undo_before_filter_of_all(void);
/* Before this process ends by itself, and others go on. */
void undo_before_end(void);

/* In a program that came back, before its threads run: what it changes from
 * here on leads back to the generation again. */
void undo_restored(const char *cache, const char *application,
                   uint64_t generation);
/* The same in one that was rolled back in place, while its threads stand and
 * its files are as they were. */
void undo_rolled_back(uint64_t generation);
/* A thread of the program is forbidden what keeping takes (seccomp(2)): nothing
 * more is kept. */
void undo_forbid(void);
/* A thread of the program, and what it forks, is forbidden to ask the first
 * process of the tree. */
void undo_forbid_asking(void);

/* In a program that came back: nothing of before is there. */
void undo_forget(void);

#endif
