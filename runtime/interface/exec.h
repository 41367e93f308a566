/* exec.h - what the runtime tells exec.c.
 */
#ifndef HWCKPT_INTERFACE_EXEC_H
#define HWCKPT_INTERFACE_EXEC_H

/* What a program needs to be checkpointed in the place of this one. */
struct hwckpt_successor {
  const char *preload; /* path of the preloaded runtime */
  const char *options; /* for HWCKPT_OPTIONS */
};

/* 1 if the process is the one that a preloaded runtime serves, not a child of
 * it; the strings stay. */
int __hwckpt_successor(struct hwckpt_successor *successor);

#endif
