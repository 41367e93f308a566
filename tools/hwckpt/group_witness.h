/* group_witness.h - tells signals to the tool from signals to its whole group.
 *
 * What a shell sends to a job (`kill %1`, SIGHUP when it ends) all of the job's
 * processes get, the program as well; what is sent to the tool alone only the
 * tool, which passes it on. The sender tells no difference. So another process
 * of the group does nothing but have what is sent to it pending.
 *
 * Invariant: it is younger than the tool. The kernel goes through a group from
 * the youngest on: what the tool has got from a signal to the group, the
 * witness has got already.
 */
#ifndef HWCKPT_GROUP_WITNESS_H
#define HWCKPT_GROUP_WITNESS_H

#include <stdbool.h>
#include <sys/types.h>

#define GROUP_WITNESS_NAME "hwckpt-group" /* /proc/PID/comm */

/* Makes it, once; its process id. 0: there is none, and no signal is known to
 * be one to the group. It ends with the tool. */
pid_t group_witness_begin(void);

/* Whether that signal, which the tool got, is one to the group. To be called
 * for each that came, that none is left over for a later one. */
bool group_witness_got(int number);

/* Ends it: the tool is about to be another program. */
void group_witness_end(void);

#endif
