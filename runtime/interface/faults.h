/* faults.h - rolling back when the program fails: at the signals of a failure,
 * abort() or a failed hwckpt_check(), where the option rollback_on says so.
 *
 * A failure that comes again and again at the same checkpoint is none that
 * rolling back helps against: after so many (option rollback_retries) the
 * signal does what it would have done. Invariant: what counts them is LIVE, a
 * rollback leaves it alone.
 */
#ifndef HWCKPT_INTERFACE_FAULTS_H
#define HWCKPT_INTERFACE_FAULTS_H

#include "../sanitizer/face.h"
#include "../support/handlers.h"

#include <stdbool.h>

/* At the start of the program: installs handlers for what the options want. A
 * list that is not understood was refused before. */
void faults_start(const struct hwckpt_options *options);
/* In the restored program: nothing was rolled back yet. */
void faults_restored(const struct hwckpt_options *options);

/* Writes to protected pages (watch_pages.h) come to that handler too. */
void faults_catch_writes(void);

/* In the handler of a signal: rolls back, if that is wanted and not in vain;
 * returns when it is not, or failed. */
void faults_signal(int number, const siginfo_t *info, void *context);

/* Whether failures take threads back alone. */
bool faults_take_threads(void);

/* A check failed. True: the caller is to be rolled back, and says so below when
 * it was not. False: as below already. */
bool faults_check(const char *condition, const char *file, int line);
/* Ends the program as abort() does. */
_Noreturn void faults_check_failed(const char *condition, const char *file,
                                   int line);

/* ---- on the checkpoint thread ---- */

/* The program was rolled back to the generation: counts it. What had failed, or
 * null when the program had asked for it. Valid until the next. */
const char *faults_rolled_back(const char *application, uint64_t generation);

#endif
