/* launch.h - the process that becomes the restored program. */
#ifndef HWCKPT_LAUNCH_H
#define HWCKPT_LAUNCH_H

#include "restore.h"
#include "selection.h"

#include "tools/restorer/plan.h"

/* Makes the process with the old id; in it the restorer begins. The restore is
 * counted meanwhile, durably, and the program does not go on before that is
 * done: so no two runs of it are told the same number. *status_fd is where the
 * restorer's messages come from (tools/restorer/plan.h). All checks have
 * passed: this is the first to change anything on disk. */
int launch_program(const struct restore_request *request,
                   const struct generation *generation,
                   const struct selection *selection,
                   struct supervisor *supervisor, struct supervised *program,
                   int *status_fd, struct hwckpt_error *error);

/* ---- its parts, for who makes several processes (tree.c) ---- */

struct launch_part {
  const struct generation *generation;
  const char *cache, *application;
  uint64_t number;
  bool in_tree; /* one process of several */
  const struct restore_memory *memories;
  size_t memory_count;
};

/* All that the new process needs. */
struct launch_start {
  const struct supervisor *supervisor;
  const char *restorer;   /* path */
  int life, plan, status; /* descriptors; status is the end that is written */
  const int *both_ends;   /* of life; null: it has one only */
  bool is_root;           /* its end is the program's, and the tool's is its */
  const struct restore_memory *memories; /* descriptors it gets besides */
  size_t memory_count;
  const struct generation *generation; /* of a program of one process */
  uint64_t personality;                /* of the program, personality(2) */
};

int launch_find_restorer(char path[CACHE_PATH_MAX], struct hwckpt_error *error);
/* Writes what the restorer is to do; *fd is for launch_start. */
int launch_plan(const struct restore_request *request,
                const struct launch_part *part, int status_fd, int *fd,
                struct hwckpt_error *error);
/* In the new process: of a struct launch_start. */
__attribute__((noreturn)) void launch_become(void *start);
/* Tells the tool, over the way the restorer would. */
void launch_tell_failure(int fd, const struct hwckpt_error *error);
/* Before the generation is opened: where the device is as good as full, gives
 * back what a writer left that died, so that the restore can be counted. */
void launch_make_room(const struct selection *selection);

/* Counts the restore, durably. */
int launch_count(const char *path, const char *application, uint64_t generation,
                 unsigned *restores, struct hwckpt_error *error);

/* The program has ended, also before it could go on: returns when nothing is
 * left to be done on disk. */
void launch_finish(void);

#endif
