/* exec.h - what the runtime tells exec.c.
 */
#ifndef HWCKPT_INTERFACE_EXEC_H
#define HWCKPT_INTERFACE_EXEC_H

/* What a program needs to be checkpointed in the place of this one. */
struct hwckpt_successor {
  const char *preload; /* path of the runtime to preload; "": not known */
  const char *options; /* for HWCKPT_OPTIONS */
  const char *entered; /* a kind of namespace that it is not to come back to
                        * from a checkpoint, and is not told of by the options;
                        * "": none */
  int together;        /* all processes of the program are checkpointed */
};

/* 1 if what is executed now is to be checkpointed: by the process that a
 * preloaded runtime serves, and by its children where all processes are
 * checkpointed together. The strings stay. */
int __hwckpt_successor(struct hwckpt_successor *successor);

/* Before it is executed: what it changes in files is said to be not kept, where
 * that is so. Seen: it will have a runtime. */
void __hwckpt_before_program(int folder, const char *path, int seen);

/* Before a program without a runtime takes the place of this one: says that no
 * checkpoints come from then on, where nothing else would. */
void __hwckpt_ends_with(const char *path);

#endif
