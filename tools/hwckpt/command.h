/* command.h - what every command of hwckpt shares: its row in the table, the
 * exit statuses, and how errors and notes are printed.
 *
 * Exit statuses follow env(1), timeout(1) and container tools, so that a
 * failure of the tool cannot be taken for the program's own status.
 */
#ifndef HWCKPT_COMMAND_H
#define HWCKPT_COMMAND_H

#include "runtime/error.h"

#include <stdbool.h>
#include <stdint.h>

enum exit_status {
  EXIT_OK = 0,
  EXIT_DAMAGED = 1,          /* verify: it found damage */
  EXIT_USAGE = 2,            /* the command line is not understood */
  EXIT_TOOL = 125,           /* the tool itself failed */
  EXIT_NOT_EXECUTABLE = 126, /* run: the program cannot be executed */
  EXIT_NOT_FOUND = 127,      /* run: the program is not there */
};

struct command {
  const char *name;
  const char *summary; /* one line, for `hwckpt help` */
  const char *help;    /* the whole text, beginning with its usage */
  /* argv[0] is the command's name. Returns the exit status. */
  int (*run)(int argc, char **argv);
};

extern const struct command command_run, command_restore, command_list,
    command_show, command_ckpt, command_rollback, command_verify, command_merge,
    command_sites, command_doctor, command_export, command_import,
    command_flush, command_rekey;

/* Prints the error to stderr, control characters escaped; returns the exit
 * status it means. */
int report_error(const struct hwckpt_error *error);

/* As report_error, for what is not as it should be but does not end the work.
 */
void report_warning(const struct hwckpt_error *error);

/* Prints "hwckpt: ..." and a newline to stderr, control characters escaped. */
void report_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Reports E501 about object, names the command's help; returns EXIT_USAGE. */
int report_usage(const struct command *command, const char *object,
                 const char *format, ...) __attribute__((format(printf, 3, 4)));

/* CLOCK_MONOTONIC when the tool began, nanoseconds. */
extern uint64_t tool_start_ns;

#endif
