/* arguments.c - reading a command's options. */
#include "arguments.h"
#include "duration.h"
#include "event_checks.h"
#include "key.h"
#include "options_text.h"

#include "runtime/interface/rules.h"

#include <errno.h>
#include <stdio.h>
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

static void print_events(void) {
  for (const struct event_kind *const *kind = event_kinds; *kind; kind++)
    printf("%s\n    %s\n    costs: idle %s; each time %s\n    needs: %s\n",
           (*kind)->syntax, (*kind)->what, (*kind)->idle, (*kind)->each,
           (*kind)->needs);
  printf("Behind any: ,spacing=DUR (no sooner than this after the last "
         "checkpoint),\n,site=DUR (at the next annotated site, if one "
         "comes within that time)\nand ,then=rollback (back to the last "
         "checkpoint instead).\n");
}

int arguments_on(const char *value, char *options) {
  struct hwckpt_error error = {0};
  struct rule rule;
  if (!strcmp(value, "help")) {
    print_events();
    exit(0);
  }
  if (rules_parse(part_of(value), &rule, &error)) {
    report_error(&error);
    return EXIT_USAGE;
  }
  if (event_check(&rule, &error))
    return report_error(&error);
  return options_set(options, "on", value, &error) ? report_error(&error) : 0;
}

int arguments_restore_on(const char *value, char *options) {
  char rule[RULE_TEXT + 16];
  if (strlen(value) < RULE_TEXT && strcmp(value, "help") != 0) {
    snprintf(rule, sizeof rule, "%s,then=rollback", value);
    value = rule;
  }
  return arguments_on(value, options);
}

/* An option that is a duration, at least so long, and of the same name in the
 * options. */
static int take_duration(const struct command *command, const char *name,
                         uint64_t least_ns, const char *value, char *options) {
  struct hwckpt_error error = {0};
  uint64_t ns;
  if (!duration_parse(value, &ns) || ns < least_ns)
    return report_usage(command, name, "'%s' is no duration (20s, 5m, 24h)",
                        value);
  return options_set(options, name + 2, value, &error) ? report_error(&error)
                                                       : 0;
}

int arguments_mtbf(const struct command *command, const char *value,
                   char *options) {
  return take_duration(command, "--mtbf", 1, value, options);
}

int arguments_hang(const struct command *command, const char *value,
                   char *options) {
  return take_duration(command, "--hang", 0, value, options);
}

static bool is_failure(const char *text, size_t length) {
  static const char *const known[] = {"segv",  "bus",   "fpe", "ill",
                                      "abort", "check", "all", "handled"};
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if (strlen(known[i]) == length && !memcmp(known[i], text, length))
      return true;
  return false;
}

int arguments_rollback_on(const struct command *command, const char *value,
                          char *options) {
  struct hwckpt_error error = {0};
  char joined[64] = "";
  for (const char *word = value;;) {
    size_t length = strcspn(word, ",+"), had = strlen(joined);
    if (!is_failure(word, length) || had + length + 2 > sizeof joined)
      return report_usage(command, "--rollback-on",
                          "'%.*s' is no failure (segv, bus, fpe, ill, abort, "
                          "check, all, handled)",
                          (int)length, word);
    hwckpt_format(joined + had, sizeof joined - had, "%s%.*s", had ? "+" : "",
                  (int)length, word);
    if (!word[length])
      break;
    word += length + 1;
  }
  return options_set(options, "rollback_on", joined, &error)
             ? report_error(&error)
             : 0;
}

int arguments_rate(const struct command *command, const char *option,
                   const char *value, uint64_t *rate) {
  static const char units[] = "KMG";
  char *end;
  errno = 0;
  unsigned long long number = strtoull(value, &end, 10);
  const char *unit = *end ? strchr(units, *end) : NULL;
  unsigned shift = unit ? 10 * (unsigned)(unit - units + 1) : 0;
  if (*value < '0' || *value > '9' || errno || !number ||
      number > UINT64_MAX >> shift || (unit ? end[1] : *end))
    return report_usage(command, option,
                        "'%s' is no rate in bytes a second (500000, 200K, 10M)",
                        value);
  *rate = (uint64_t)number << shift;
  return 0;
}

int arguments_patience(const struct command *command, const char *option,
                       const char *value, uint64_t *ns) {
  const uint64_t longest = UINT64_MAX / 8; /* some multiples are waited */
  return duration_parse(value, ns) && *ns && *ns <= longest
             ? 0
             : report_usage(command, option,
                            "'%s' is no duration (30s, 5m, 1h)", value);
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
  struct option rows[ARGUMENT_FLAGS_MAX + 4] = {
      {"cache", required_argument, NULL, OPTION_CACHE}, KEY_OPTIONS};
  struct hwckpt_error error = {0};
  struct key_request key = {0};
  static const struct argument_flag none[] = {{0}};
  flags = flags ? flags : none;
  for (int i = 0; flags[i].name; i++)
    rows[i + 3] =
        (struct option){flags[i].name, no_argument, NULL, FIRST_FLAG + i};
  for (int result; (result = getopt_long(argc, argv, ":", rows, NULL)) != -1;)
    if (result == OPTION_CACHE)
      *cache = optarg;
    else if (result == OPTION_KEY_FILE)
      key.file = optarg;
    else if (result == OPTION_KEY_COMMAND)
      key.command = optarg;
    else if (result >= FIRST_FLAG)
      *flags[result - FIRST_FLAG].set = true;
    else
      return arguments_refused(command, result, argv);
  int status = arguments_which(command, argc, argv, which);
  return !status && key_take(&key, false, &error) ? report_error(&error)
                                                  : status;
}
