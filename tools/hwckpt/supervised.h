/* supervised.h - what `hwckpt run` and `hwckpt restore` tell the `hwckpt run
 * --restart` whose child they are (restart.c).
 *
 * Over a socket, because an exit status does not tell whether it is the tool's
 * or the program's. Who is supervised does not hold the application: its
 * supervisor does. */
#ifndef HWCKPT_SUPERVISED_H
#define HWCKPT_SUPERVISED_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Sent once the program runs. */
struct supervised_report {
  uint64_t generation; /* it goes on from; 0: it has begun */
  pid_t program;       /* its first process, as those outside know it */
};

/* From the command line (--supervised, hidden): the socket's descriptor; false:
 * it is none. */
bool supervised_by(const char *descriptor);
bool supervised(void);
void supervised_runs(uint64_t generation, pid_t program);
/* Before the tool executes itself again. */
void supervised_pass_on(void);

#endif
