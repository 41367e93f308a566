/* arguments.c - reading a command's options. */
#include "arguments.h"
#include "duration.h"
#include "options_text.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

int arguments_refused(const struct command *command, int result, char **argv) {
  char letter[] = {'-', (char)optopt, 0};
  const char *option = optopt > 0 && optopt < 256 ? letter : argv[optind - 1];
  if (result == ':')
    return report_usage(command, option, "needs a value");
  if (optopt >= 256)
    return report_usage(command, option, "takes no value");
  return report_usage(command, option, "no such option");
}

int arguments_every(const struct command *command, const char *value,
                    char *options) {
  struct hwckpt_error error = {0};
  uint64_t ns;
  if (strcmp(value, "auto") != 0 && !duration_parse(value, &ns))
    return report_usage(
        command, "--every",
        "'%s' is no duration (500us, 20ms, 1s, 1.5s, 5m, 1h) and not auto",
        value);
  return options_set(options, "every", value, &error) ? report_error(&error)
                                                      : 0;
}

/* A signal's number or name, with or without SIG; 0: neither. */
static int signal_parse(const char *text) {
  char *end;
  long number = strtol(text, &end, 10);
  if (end != text && !*end)
    return number > 0 && number < NSIG ? (int)number : 0;
  text += strncmp(text, "SIG", 3) ? 0 : 3;
  for (int known = 1; known < NSIG; known++) {
    const char *name = sigabbrev_np(known);
    if (name && !strcmp(name, text))
      return known;
  }
  return 0;
}

int arguments_on(const struct command *command, const char *value,
                 char *options) {
  struct hwckpt_error error = {0};
  char number[16];
  bool exits = !strncmp(value, "exit=", 5);
  if (!strncmp(value, "every=", 6))
    return arguments_every(command, value + 6, options);
  if (!exits && strncmp(value, "signal=", 7) != 0)
    return report_usage(command, "--on",
                        "'%s' is no event (every=DUR, signal=SIG, exit=SIG)",
                        value);
  const char *name = strchr(value, '=') + 1;
  int signal = signal_parse(name);
  if (!signal || signal == SIGKILL || signal == SIGSTOP)
    return report_usage(command, "--on",
                        "'%s' is no signal that can be handled", name);
  hwckpt_format(number, sizeof number, "%d", signal);
  return options_set(options, exits ? "exit_signal" : "signal", number, &error)
             ? report_error(&error)
             : 0;
}

int arguments_mtbf(const struct command *command, const char *value,
                   char *options) {
  struct hwckpt_error error = {0};
  uint64_t ns;
  if (!duration_parse(value, &ns) || !ns)
    return report_usage(command, "--mtbf", "'%s' is no duration (20s, 5m, 24h)",
                        value);
  return options_set(options, "mtbf", value, &error) ? report_error(&error) : 0;
}

int arguments_options(const char *value, char *options) {
  struct hwckpt_error error = {0};
  if (options_check(value, &error)) {
    report_error(&error);
    return EXIT_USAGE;
  }
  return options_append(options, value, &error) ? report_error(&error) : 0;
}

int arguments_which(const struct command *command, int argc, char **argv,
                    const char **which) {
  if (argc - optind > 1)
    return report_usage(command, argv[optind + 1],
                        "one application or generation at a time");
  *which = optind < argc ? argv[optind] : NULL;
  return 0;
}

#define FIRST_FLAG 512

int arguments_of_cache(const struct command *command, int argc, char **argv,
                       const struct argument_flag *flags, const char **cache,
                       const char **which) {
  struct option rows[ARGUMENT_FLAGS_MAX + 2] = {
      {"cache", required_argument, NULL, OPTION_CACHE}};
  static const struct argument_flag none[] = {{0}};
  flags = flags ? flags : none;
  for (int i = 0; flags[i].name; i++)
    rows[i + 1] =
        (struct option){flags[i].name, no_argument, NULL, FIRST_FLAG + i};
  for (int result; (result = getopt_long(argc, argv, ":", rows, NULL)) != -1;)
    if (result == OPTION_CACHE)
      *cache = optarg;
    else if (result >= FIRST_FLAG)
      *flags[result - FIRST_FLAG].set = true;
    else
      return arguments_refused(command, result, argv);
  return arguments_which(command, argc, argv, which);
}
