/* key_command.h - the command that prints the user's key, of hwckpt's
 * (--key-command) or of a program that no hwckpt stands by.
 *
 * Invariant: whoever starts one ends it, or it was let go when its key was
 * read: else nothing that descends from it is left, whoever its parent is by
 * then, whatever it ignores, whichever session it is in, and however who
 * started it has ended. It is in the process group, and so has the terminal, of
 * who starts it.
 */
#ifndef HWCKPT_SUPPORT_KEY_COMMAND_H
#define HWCKPT_SUPPORT_KEY_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#define KEY_COMMAND_STACK ((size_t)16 << 10)

/* The first three are the caller's to fill in. In memory that stays until it
 * has ended. */
struct key_command {
  const char *text;
  char *const *variables;
  /* Of a program, null in the tool: where it begins. It gets no input and no
   * descriptors of ours, and what looks after it runs in our memory, of which
   * nothing is copied. */
  const char *directory;
  long parent;
  int output;
  char keeper_stack[KEY_COMMAND_STACK];
  char stack[KEY_COMMAND_STACK];
};

/* Starts it; returns the process that looks after it, or a negative errno.
 * *from is where its output is read. */
long key_command_start(struct key_command *command, int *from);

/* Waits until something can be read there: 0, or a negative errno. */
long key_command_wait(int from, const struct timespec *patience);

/* All it wrote was read: lets it end, for as long as there is patience (null:
 * without end). Whether it ended by itself, and well. */
bool key_command_finish(long keeper, const struct timespec *patience);

/* Ends it, with all that descends from it. */
void key_command_end(long keeper);

#endif
