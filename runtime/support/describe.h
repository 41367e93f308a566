/* describe.h - the records that describe the program as a whole: process, areas
 * and threads (records.proto). On the checkpoint thread. */
#ifndef HWCKPT_SUPPORT_DESCRIBE_H
#define HWCKPT_SUPPORT_DESCRIBE_H

#include "memory_map.h"
#include "quiesce.h"
#include "records.pb.h"
#include "stage.h"

/* What only prctl(PR_SET_MM) could change: before the stop. */
void describe_process(Process *process);
/* What has to be read while the program stands still. */
void describe_stopped(Process *process, const struct parked *threads,
                      unsigned count);
/* Notes what the program's file is, once, before the first checkpoint. */
void describe_remember_program(void);
/* Names and identifies the program's file, and its arguments; while it runs
 * again. */
void describe_program(Process *process);
/* Which start of the machine this is. */
void describe_boot(Process *process);
int describe_put_process(struct stage *stage, const Process *process,
                         struct hwckpt_error *error);
int describe_put_areas(struct stage *stage, const struct memory_map *map,
                       struct hwckpt_error *error);
int describe_put_threads(struct stage *stage, const struct parked *threads,
                         unsigned count, struct hwckpt_error *error);
int describe_put_statistics(struct stage *stage, const Statistics *statistics,
                            struct hwckpt_error *error);

#endif
