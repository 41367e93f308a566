/* arguments.h - reading a command's options. getopt_long(3) does the reading;
 * here are the rows that several commands share and the words for what it
 * refuses. */
#ifndef HWCKPT_ARGUMENTS_H
#define HWCKPT_ARGUMENTS_H

#include "command.h"

#include <getopt.h>

/* Values of long options without a letter. */
enum option_value {
  OPTION_CACHE = 256,
  OPTION_EVERY,
  OPTION_MTBF,
  OPTION_ON,
  OPTION_RESTORE_ON,
  OPTION_EACH,
  OPTION_NAME,
  OPTION_PID,
  OPTION_FORCE,
  OPTION_JSON,
  OPTION_ROLLBACK_ON,
  OPTION_SPILL,
  OPTION_SPILL_RATE,
  OPTION_SPILL_TIMEOUT,
  OPTION_FROM,
  OPTION_KEY_FILE,
  OPTION_KEY_COMMAND,
  OPTION_RESTART,
  OPTION_ANEW,
  OPTION_HANG,
  OPTION_SUPERVISED, /* hidden: supervised.h */
};

/* Reports what getopt_long() returned '?' or ':' for. */
int arguments_refused(const struct command *command, int result, char **argv);

/* Checks a --every and appends it to the HWCKPT_OPTIONS text; 0, or the exit
 * status after a report. */
int arguments_every(const struct command *command, const char *value,
                    char *options);
/* The same with --on: a rule (rules.h). "help" prints what there is, and ends.
 */
int arguments_on(const char *value, char *options);
/* The same of an event at which the program goes back. */
int arguments_restore_on(const char *value, char *options);
/* The same with --mtbf. */
int arguments_mtbf(const struct command *command, const char *value,
                   char *options);

/* The same with --hang. */
int arguments_hang(const struct command *command, const char *value,
                   char *options);

/* The same with --rollback-on: failures, joined by ',' or '+'. */
int arguments_rollback_on(const struct command *command, const char *value,
                          char *options);

/* Reads bytes a second: 500000, 200K, 10M, 1G. */
int arguments_rate(const struct command *command, const char *option,
                   const char *value, uint64_t *rate);

/* Reads how long a tier may do nothing: 30s, 5m. */
int arguments_patience(const struct command *command, const char *option,
                       const char *value, uint64_t *ns);

/* Checks an -o and appends it; 0, or the exit status after a report. */
int arguments_options(const char *value, char *options);

/* The one [APP|GENERATION] that may stand behind the options, null: none.
 * Returns 0, or the exit status after a report. */
int arguments_which(const struct command *command, int argc, char **argv,
                    const char **which);

/* A long option without a value. */
struct argument_flag {
  const char *name;
  bool *set;
};
#define ARGUMENT_FLAGS_MAX 4

/* Reads all options of a command that has --cache, the key's, which is taken,
 * these flags (up to one
 * without a name; may be null) and arguments_which(). *cache stays as it is
 * when it is not given. */
int arguments_of_cache(const struct command *command, int argc, char **argv,
                       const struct argument_flag *flags, const char **cache,
                       const char **which);

#endif
