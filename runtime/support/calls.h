/* calls.h - system calls of the program's libc that the runtime is told of
 * before they are made (arch_program_calls_change()).
 *
 * The code is changed while all threads stand, and again when somebody wants to
 * be told of more; the changed code is memory of the program and comes back
 * with it. undo_before.c hears of all, and passes them on.
 */
#ifndef HWCKPT_SUPPORT_CALLS_H
#define HWCKPT_SUPPORT_CALLS_H

#include "../arch/arch.h"
#include "memory_map.h"

#include <stdbool.h>
#include <stdint.h>

/* When the program begins: takes memory for the changed calls, which has to lie
 * near libc, before the program has any that it may count on being beside. */
void calls_reserve(void);

/* These numbers are wanted too; the same again, when they have become more. On
 * the checkpoint thread, or before it is there. */
void calls_want(bool (*wanted)(uint32_t number));

/* Finds the code, with a map of now. Whether it can be changed, or is, perhaps
 * without what was wanted since. */
bool calls_find(struct memory_map *map);
/* While all threads stand: changes it. */
void calls_change(void);
/* Both, and the stop. 0 or a negative errno. On the checkpoint thread. */
int calls_change_now(void);

/* The same, where the program begins and has one thread: whether it is. */
bool calls_change_alone(void);

/* Are called on the program's threads, with general registers only, before the
 * call is made; again if the thread is stopped before that, or in it: that of
 * CALLS_WATCH also if arch_call_epoch has changed meanwhile. */
enum { CALLS_IO, CALLS_WATCH, CALLS_LISTENERS };
extern void (*_Atomic calls_listeners[CALLS_LISTENERS])(
    const struct arch_call *call) __attribute__((visibility("hidden")));

/* Calls of these numbers that a stop interrupts, and that are made again, are
 * told again too; null: none. */
extern bool (*_Atomic calls_again)(uint32_t number)
    __attribute__((visibility("hidden")));
/* The context is about to make a call again. */
void calls_tell_again(ucontext_t *context);

/* Of the program's memory, which need not be there; in a listener. Bytes of a
 * vector, UINT64_MAX: it cannot be read. */
uint64_t calls_vector_length(uint64_t vector, uint64_t count);
uint64_t calls_word_of_program(uint64_t address, uint64_t otherwise);

/* When the program begins, and has one thread: all calls are told, in the
 * dynamic linker as well. Whether they are, or were when the program began that
 * comes back. */
bool calls_tell_all(void);
bool calls_are_all_told(void);

void calls_forget(void);

#endif
