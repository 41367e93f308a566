/* each.h - `hwckpt run --each FILE`: many programs under one supervisor.
 *
 * FILE has a line for each program: what would stand behind `hwckpt run`, in
 * words as the shell has them (wordexp(3), without commands); `#` begins a
 * comment. Each is run by a `hwckpt run` of its own, with the options of the
 * command line before those of its line, and what is said of one names it.
 *
 * Invariant: they end with the supervisor; signals that come to it go to all.
 */
#ifndef HWCKPT_EACH_H
#define HWCKPT_EACH_H

/* `common` are arguments of `hwckpt run`, a null pointer at their end. Returns
 * the exit status: 0, that of the first program in FILE that ended with
 * another (128 and the signal that killed it), or after a report. */
int each_run(const char *file, char *const common[]);

#endif
