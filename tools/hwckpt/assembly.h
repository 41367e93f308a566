/* assembly.h - the processes of a tree while they are restored: all of them are
 * made, load at the same time, give each other what they share, and go on
 * together, or none does.
 *
 * Invariant: before all stand ready nothing of the program runs and, but for
 * files taken back when nothing else was left to do, nothing is changed. */
#ifndef HWCKPT_ASSEMBLY_H
#define HWCKPT_ASSEMBLY_H

#include "restore.h"
#include "selection.h"

#include "tools/restorer/plan.h"

/* The generation of one process. */
struct part {
  struct generation generation;
  char application[CACHE_NAME_MAX];
  uint64_t number;
  bool stopped; /* by a signal */
};

/* The processes of a tree; the root first. */
struct assembly_plan {
  struct part **parts;
  size_t count;
  struct relative *relatives; /* family.h */
  size_t relative_count;
};

/* Reads what the root's generation says of its tree, and opens the generations
 * of all; count stays 0 where the root was alone. */
int assembly_read(const struct selection *selection,
                  const struct generation *root, struct assembly_plan *plan,
                  struct hwckpt_error *error);
void assembly_free(struct assembly_plan *plan);

/* Memory that several of the processes have: made once, a file each. What a
 * process is to get is at parts[i] of what assembly_memory() returns. */
struct part_memory {
  struct restore_memory *memories;
  size_t count;
};
/* Null: an error, which is filled. */
struct part_memory *assembly_memory(const struct assembly_plan *plan,
                                    struct hwckpt_error *error);
/* Once the processes have it. */
void assembly_memory_close(struct part_memory *memory, size_t parts);

/* connections.c: TCP connections inside the program, each end given under its
 * key. */
struct exchange;
int connections_make(const struct assembly_plan *plan,
                     struct exchange *exchange, struct hwckpt_error *error);
/* terminals.c: pseudo terminals, their masters given under their keys; leaders
 * of the sessions that they control are told. */
int terminals_make(const struct assembly_plan *plan, struct exchange *exchange,
                   struct hwckpt_error *error);
/* Whether the process has an end of a TCP connection inside. */
bool connections_any(const struct generation *generation);

struct assembly;

/* What assembly_ready() wants to know of a restore. */
struct assembly_work {
  const struct restore_request *request;
  const struct selection *selection;
  const struct assembly_plan *plan;
  /* Takes files back, once all else stands ready. */
  int (*roll_back)(void *context, struct hwckpt_error *error);
  void *context;
};

/* Makes the processes; the restorers begin. null and an error: it cannot be. */
struct assembly *assembly_launch(const struct assembly_work *work,
                                 struct supervisor *supervisor,
                                 struct supervised *program,
                                 struct hwckpt_error *error);
/* What is to be looked after until the program ends. */
struct supervise_also assembly_watched(struct assembly *assembly);
/* Of a first process that has ended: whether all went on; nanoseconds after the
 * tool began. False: why was said, and none of them is left. */
bool assembly_succeeded(struct assembly *assembly, uint64_t *running_ns);
/* Of bytes of the checkpoint, 0: of something else, or nothing. */
enum hwckpt_code assembly_damage(const struct assembly *assembly);

#endif
