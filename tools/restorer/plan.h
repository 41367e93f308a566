/* plan.h - what `hwckpt restore` tells the restorer, and what comes back.
 *
 * The tool resolves and checks (generation, program, libraries, files, process
 * id), makes the process with the right id, and in it executes the restorer
 * with one argument, the number of a descriptor (a memfd) that holds a struct
 * restore_plan. The restorer becomes the program.
 */
#ifndef HWCKPT_RESTORER_PLAN_H
#define HWCKPT_RESTORER_PLAN_H

#include "../../runtime/error.h"

#include <stdint.h>

#define RESTORE_PLAN_MAGIC 0x4e414c5054504b43ull /* "CKPTPLAN" */

struct restore_plan {
  uint64_t magic;
  uint32_t size;     /* sizeof(struct restore_plan) */
  uint32_t restores; /* n: this generation is restored the n-th time */
  uint64_t generation;
  char cache[4096]; /* absolute path */
  char application[128];
  char options[2048]; /* HWCKPT_OPTIONS text that overrides, "" for none */
  int32_t status_fd;  /* pipe to the tool: struct restore_status */
  uint32_t keep_ids;  /* the process has its old pid: tids must fit too */
  uint64_t start_ns;  /* CLOCK_MONOTONIC when the tool began */
  uint32_t threads;   /* that read; 0: as many as there are processors */
};

/* Written (each whole, below PIPE_BUF) by the restorer or by the resume code in
 * the restored program; the pipe is closed when the program runs. No RUNNING
 * before the end of the pipe: the restore failed. */
enum restore_status_kind {
  RESTORE_WARNING = 1, /* error holds what is not as it was; restore goes on */
  RESTORE_FAILED = 2,  /* error holds why; the process ends */
  RESTORE_RUNNING = 3, /* the threads go on now; ns is filled */
};
struct restore_status {
  uint32_t kind;
  uint64_t ns; /* CLOCK_MONOTONIC */
  struct hwckpt_error error;
};

#endif
