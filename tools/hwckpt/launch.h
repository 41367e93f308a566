/* launch.h - the process that becomes the restored program. */
#ifndef HWCKPT_LAUNCH_H
#define HWCKPT_LAUNCH_H

#include "restore.h"
#include "selection.h"

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

/* The program has ended, also before it could go on: returns when nothing is
 * left to be done on disk. */
void launch_finish(void);

#endif
