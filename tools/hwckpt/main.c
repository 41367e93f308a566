/* main.c - the table of hwckpt's commands, and the help on them. */
#include "command.h"
#include "secrets.h"

#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#ifndef HWCKPT_VERSION
#error "the build defines HWCKPT_VERSION"
#endif

uint64_t tool_start_ns;

static int run_help(int argc, char **argv);
static int run_version(int argc, char **argv);

static const struct command command_help = {
    .name = "help",
    .summary = "Say how to use hwckpt, or one of its commands",
    .help = "usage: hwckpt help [COMMAND]\n",
    .run = run_help,
};

static const struct command command_version = {
    .name = "version",
    .summary = "Print the version",
    .help = "usage: hwckpt version\n",
    .run = run_version,
};

static const struct command *const commands[] = {
    &command_run,    &command_restore, &command_ckpt,   &command_rollback,
    &command_list,   &command_show,    &command_verify, &command_merge,
    &command_export, &command_import,  &command_flush,  &command_rekey,
    &command_sites,  &command_doctor,  &command_help,   &command_version,
};
#define COMMAND_COUNT (sizeof commands / sizeof *commands)

static const char introduction[] =
    "usage: hwckpt COMMAND [OPTIONS] [ARGUMENTS]\n"
    "\n"
    "Runs programs built with `clang -fhwckpt` so that they survive being "
    "killed:\n"
    "they leave checkpoints in a cache, and continue from the newest one.\n"
    "\n"
    "Commands:\n";

static const char conclusion[] =
    "\n"
    "`hwckpt help COMMAND` tells all of one. Those that use a cache take\n"
    "--cache DIR; the default is $HWCKPT_CACHE, else $XDG_STATE_HOME/hwckpt, "
    "else\n"
    "~/.local/state/hwckpt.\n"
    "\n"
    "Exit status: the program's own for run and restore; otherwise 0, 2 when "
    "the\n"
    "command line is not understood, 125 when hwckpt itself failed, 126 and "
    "127\n"
    "when run cannot execute or find the program. Errors carry a stable code,\n"
    "HWCKPT-E and a number; docs/errors.md lists them.\n";

static void print_overview(FILE *out) {
  fputs(introduction, out);
  for (size_t i = 0; i < COMMAND_COUNT; i++)
    fprintf(out, "  %-8s  %s\n", commands[i]->name, commands[i]->summary);
  fputs(conclusion, out);
}

static const struct command *find_command(const char *name) {
  for (size_t i = 0; i < COMMAND_COUNT; i++)
    if (!strcmp(commands[i]->name, name))
      return commands[i];
  return NULL;
}

#define WORD_MAX 24

/* Edits (insert, delete, replace, swap of neighbours) from one word to the
 * other: the restricted Damerau-Levenshtein distance. */
static unsigned distance(const char *from, const char *to) {
  size_t rows = strlen(from), columns = strlen(to);
  unsigned table[WORD_MAX + 1][WORD_MAX + 1];
  if (rows > WORD_MAX || columns > WORD_MAX)
    return WORD_MAX;
  for (size_t i = 0; i <= rows; i++)
    for (size_t j = 0; j <= columns; j++) {
      if (!i || !j) {
        table[i][j] = (unsigned)(i + j);
        continue;
      }
      unsigned best = table[i - 1][j - 1] + (from[i - 1] != to[j - 1]);
      if (table[i - 1][j] + 1 < best)
        best = table[i - 1][j] + 1;
      if (table[i][j - 1] + 1 < best)
        best = table[i][j - 1] + 1;
      if (i > 1 && j > 1 && from[i - 1] == to[j - 2] &&
          from[i - 2] == to[j - 1] && table[i - 2][j - 2] + 1 < best)
        best = table[i - 2][j - 2] + 1;
      table[i][j] = best;
    }
  return table[rows][columns];
}

static int unknown_command(const char *name) {
  char near[128] = "";
  size_t length = strlen(name);
  for (size_t i = 0; i < COMMAND_COUNT; i++) {
    const char *known = commands[i]->name;
    bool begins = length >= 2 && !strncmp(known, name, length);
    if (!begins && distance(name, known) > (length > 4 ? 2 : 1))
      continue;
    size_t used = strlen(near);
    snprintf(near + used, sizeof near - used, "%s`%s`", used ? " or " : "",
             known);
  }
  return *near ? report_usage(NULL, name, "no such command; did you mean %s?",
                              near)
               : report_usage(NULL, name, "no such command");
}

static int run_help(int argc, char **argv) {
  if (argc < 2) {
    print_overview(stdout);
    return EXIT_OK;
  }
  if (argc > 2)
    return report_usage(&command_help, argv[2], "one command at a time");
  const struct command *command = find_command(argv[1]);
  if (!command)
    return unknown_command(argv[1]);
  fputs(command->help, stdout);
  return EXIT_OK;
}

static int run_version(int argc, char **argv) {
  if (argc > 1)
    return report_usage(&command_version, argv[1], "takes no arguments");
  puts("hwckpt " HWCKPT_VERSION);
  return EXIT_OK;
}

/* `hwckpt run --help` is for hwckpt, `hwckpt run prog --help` is for prog: only
 * what stands before the first argument that is no option counts. */
static bool asks_for_help(int argc, char **argv) {
  for (int i = 1; i < argc && argv[i][0] == '-' && strcmp(argv[i], "--") != 0;
       i++)
    if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h"))
      return true;
  return false;
}

/* Where 0, 1 or 2 is closed, a pipe of ours must not take its place. Closed
 * again on execution: the program finds them as they were. */
static void hold_standard_descriptors(void) {
  int fd;
  do
    fd = open("/dev/null", O_RDWR | O_CLOEXEC);
  while (fd >= 0 && fd <= 2);
  if (fd > 2)
    close(fd);
}

/* It would run programs and commands of its caller with rights of others. */
static int check_rights(void) {
  struct hwckpt_error error = {0};
  if (getuid() == geteuid() && getgid() == getegid())
    return 0;
  hwckpt_fail(&error, HWCKPT_E_TOOL_RIGHTS, 0, "hwckpt",
              "user %u and group %u, called by user %u and group %u",
              (unsigned)geteuid(), (unsigned)getegid(), (unsigned)getuid(),
              (unsigned)getgid());
  return report_error(&error);
}

int main(int argc, char **argv) {
  struct timespec now;
  secrets_keep_environment(); /* before anything can fail */
  clock_gettime(CLOCK_MONOTONIC, &now);
  tool_start_ns = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;

  /* Where it executed itself it would be called exe. */
  prctl(PR_SET_NAME, "hwckpt");
  hold_standard_descriptors();
  int refused = check_rights();
  if (refused)
    return refused;
  if (argc < 2) {
    print_overview(stderr);
    return EXIT_USAGE;
  }
  const char *name = argv[1];
  if (!strcmp(name, "--help") || !strcmp(name, "-h"))
    name = "help";
  else if (!strcmp(name, "--version") || !strcmp(name, "-V"))
    name = "version";
  else if (*name == '-')
    return report_usage(NULL, name, "no such option");
  const struct command *command = find_command(name);
  if (!command)
    return unknown_command(name);
  if (asks_for_help(argc - 1, argv + 1)) {
    fputs(command->help, stdout);
    return EXIT_OK;
  }
  opterr = 0; /* the commands speak for themselves */
  int status = command->run(argc - 1, argv + 1);
  if (fflush(stdout) || ferror(stdout)) {
    struct hwckpt_error error = {0};
    hwckpt_fail(&error, HWCKPT_E_CACHE_IO, 0, "standard output",
                "not all could be written");
    return status ? status : report_error(&error);
  }
  return status;
}
