/* export.c - `hwckpt export`: a checkpoint as one file that another machine can
 * take in.
 *
 * Invariant: the file is under its name when all of it is on disk, and not
 * before. */
#include "arguments.h"
#include "key.h"
#include "selection.h"
#include "text.h"

#include "tools/tiers/copy.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LEVEL 3 /* it is written once, and carried */

struct output {
  const char *path;
  char temporary[CACHE_PATH_MAX];
  int fd;
  uint64_t written;
  const struct seal_key *key;
};

static int output_failed(const struct output *output, const char *doing,
                         struct hwckpt_error *error) {
  return hwckpt_fail(error, HWCKPT_E_EXPORT_FILE, errno, output->path, "%s",
                     doing);
}

static int write_output(void *context, const void *data, size_t length,
                        struct hwckpt_error *error) {
  struct output *output = context;
  const char *from = data;
  while (length) {
    ssize_t put = write(output->fd, from, length);
    if (put < 0 && errno == EINTR)
      continue;
    if (put < 0)
      return output_failed(output, "write", error);
    from += put;
    length -= (size_t)put;
    output->written += (uint64_t)put;
  }
  return 0;
}

/* A checkpoint is a program's memory: for its user alone. */
static int open_output(struct output *output, struct hwckpt_error *error) {
  int length = snprintf(output->temporary, sizeof output->temporary,
                        "%s.%ld.tmp", output->path, (long)getpid());
  int fd = -ENAMETOOLONG;
  if (length < (int)sizeof output->temporary)
    fd = cache_io_kernel.openat(AT_FDCWD, output->temporary,
                                O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC |
                                    O_NOFOLLOW,
                                S_IRUSR | S_IWUSR);
  output->fd = fd;
  errno = fd < 0 ? -fd : errno;
  return fd < 0 ? output_failed(output, "create", error) : 0;
}

static int close_output(struct output *output, int failed,
                        struct hwckpt_error *error) {
  if (!failed && fsync(output->fd))
    failed = output_failed(output, "fsync", error);
  close(output->fd);
  if (!failed && rename(output->temporary, output->path))
    failed = output_failed(output, "rename", error);
  if (failed)
    unlink(output->temporary);
  return failed;
}

/* A pipe or a device is written to as it is. */
static bool is_special(const char *path) {
  struct stat status;
  return !stat(path, &status) && !S_ISREG(status.st_mode);
}

/* Also by the name that it has as /dev/stdout, which must not be replaced. */
static bool is_standard_output(const char *path) {
  struct stat status, own;
  return !strcmp(path, "-") ||
         (!stat(path, &status) && !fstat(STDOUT_FILENO, &own) &&
          status.st_dev == own.st_dev && status.st_ino == own.st_ino);
}

/* Writes to what is there, which is not ours to make or to remove. */
static int write_there(struct cache *cache, struct cache_reader *reader,
                       struct output *output, struct hwckpt_error *error) {
  output->fd = is_standard_output(output->path)
                   ? fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3)
                   : open(output->path, O_WRONLY | O_CLOEXEC);
  if (output->fd < 0)
    return output_failed(output, "open", error);
  const struct stream_sink sink = {write_output, output, output->key};
  int failed = copy_out(cache, reader, NULL, LEVEL, &sink, error);
  if (close(output->fd) && !failed)
    failed = output_failed(output, "close", error);
  return failed;
}

static int write_file(struct cache *cache, struct cache_reader *reader,
                      struct output *output, struct hwckpt_error *error) {
  const struct stream_sink sink = {write_output, output, output->key};
  if (is_standard_output(output->path) || is_special(output->path))
    return write_there(cache, reader, output, error);
  int failed = open_output(output, error);
  if (failed)
    return failed;
  failed = copy_out(cache, reader, NULL, LEVEL, &sink, error);
  return close_output(output, failed, error);
}

static int export_selected(const struct selection *selection, const char *path,
                           const struct seal_key *key,
                           struct hwckpt_error *error) {
  char name[4 * CACHE_NAME_MAX], size[32];
  struct output output = {.path = path, .key = key};
  struct cache_reader *reader;
  int failed = cache_reader_open(selection->cache, selection->application,
                                 selection->number, &reader, error);
  if (failed)
    return failed;
  failed = write_file(selection->cache, reader, &output, error);
  cache_reader_close(reader);
  if (!failed)
    report_note("%s/%" PRIu64 " is in %s, %s",
                text_escape(name, sizeof name, selection->application),
                selection->number,
                strcmp(path, "-") ? path : "the standard output",
                text_bytes(size, sizeof size, output.written));
  return failed;
}

static int export(int argc, char **argv) {
  static const struct option rows[] = {
      {"cache", required_argument, NULL, OPTION_CACHE}, KEY_OPTIONS, {0}};
  static struct selection selection;
  struct hwckpt_error error = {0};
  const char *cache_option = NULL;
  struct key_request asked = {0};
  for (int result; (result = getopt_long(argc, argv, ":", rows, NULL)) != -1;)
    if (result == OPTION_CACHE)
      cache_option = optarg;
    else if (result == OPTION_KEY_FILE)
      asked.file = optarg;
    else if (result == OPTION_KEY_COMMAND)
      asked.command = optarg;
    else
      return arguments_refused(&command_export, result, argv);
  if (argc - optind != 2)
    return report_usage(&command_export, argv[argc - 1],
                        "a checkpoint and a file are to be named");
  if (key_take(&asked, false, &error))
    return report_error(&error);
  int status = EXIT_OK;
  if (selection_open(&selection, cache_option, &error) ||
      selection_find(&selection, argv[optind], &error) ||
      export_selected(&selection, argv[optind + 1], key_taken(), &error))
    status = report_error(&error);
  selection_close(&selection);
  return status;
}

const struct command command_export = {
    .name = "export",
    .summary = "Write a checkpoint to one file, to be moved elsewhere",
    .help = "usage: hwckpt export [OPTIONS] APP|GENERATION FILE\n"
            "\n"
            "Writes the generation, with all it builds on, to FILE, which "
            "`hwckpt import`\n"
            "takes in, on another machine or here. The program and its files "
            "are not in\n"
            "it: they must be where they were when it is restored. The program "
            "may run.\n"
            "With - for FILE it is the standard output.\n"
            "\n"
            "  --cache DIR    the cache\n"
            "  --key-file FILE, --key-command COMMAND\n"
            "                 encrypt with this key; that of the cache, where "
            "it has one\n"
            "\n"
            "Exit status: 0; 125 when it could not be written, 2 when the "
            "command line is\n"
            "wrong.\n",
    .run = export,
};
