/* import.c - `hwckpt import`: takes in a checkpoint that `hwckpt export` wrote.
 *
 * The file is read twice: all of it is checked before anything is made in the
 * cache. What changes in between is found, since the second reading checks as
 * much; then the generation is given up, and nothing of it remains. */
#include "arguments.h"
#include "hold.h"
#include "inventory.h"
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

#define LEVEL 1 /* as the runtime's option level */

struct input {
  const char *path;
  int fd;
  const struct seal_key *key;
};

static int input_failed(const struct input *input, const char *doing,
                        struct hwckpt_error *error) {
  return hwckpt_fail(error, HWCKPT_E_EXPORT_FILE, errno, input->path, "%s",
                     doing);
}

static int read_input(void *context, void *data, size_t length, size_t *got,
                      struct hwckpt_error *error) {
  const struct input *input = context;
  ssize_t result;
  do
    result = read(input->fd, data, length);
  while (result < 0 && errno == EINTR);
  *got = result < 0 ? 0 : (size_t)result;
  return result < 0 ? input_failed(input, "read", error) : 0;
}

static int rewind_input(void *context, size_t i, struct stream_source *source,
                        struct hwckpt_error *error) {
  struct input *input = context;
  (void)i;
  *source = (struct stream_source){read_input, input, input->path, input->key};
  return input->fd < 0 || lseek(input->fd, 0, SEEK_SET) < 0
             ? input_failed(input, "it must be a file", error)
             : 0;
}

static void leave_input(void *context, size_t i) {
  (void)context;
  (void)i;
}

static int check(const struct input *input, char application[CACHE_NAME_MAX],
                 struct hwckpt_error *error) {
  struct stream_identity identity;
  struct stream_source source;
  int failed = rewind_input((void *)input, 0, &source, error);
  if (!failed)
    failed = copy_check(&source, &identity, error);
  if (!failed)
    memcpy(application, identity.application, CACHE_NAME_MAX);
  return failed;
}

/* The cache never mixes two programs: it must be new here, and stay so for who
 * else would make checkpoints of that name as long as *lock is open. */
static int make_application(struct cache *cache, const char *path,
                            const char *application, int *lock,
                            struct hwckpt_error *error) {
  struct inventory_generation *list = NULL;
  size_t count = 0;
  int failed = cache_use_application(cache, application, error);
  if (!failed)
    failed = hold_application(path, application, lock, error);
  if (!failed)
    failed = inventory_generations(cache, application, &list, &count, error);
  free(list);
  if (!failed && count)
    failed = hwckpt_fail(error, HWCKPT_E_APPLICATION_THERE, 0, application,
                         "%zu generations", count);
  return failed;
}

static int import_file(struct input *input, const char *path, const char *name,
                       struct hwckpt_error *error) {
  char application[CACHE_NAME_MAX] = "", escaped[4 * CACHE_NAME_MAX];
  const struct copy_sources sources = {rewind_input, leave_input, input, 1};
  struct cache_generation result;
  struct cache *cache;
  int lock = -1;
  int failed = check(input, application, error);
  if (failed)
    return failed;
  if (name)
    snprintf(application, sizeof application, "%s", name);
  failed = key_open_cache(path, true, &cache, error);
  if (failed)
    return failed;
  failed = make_application(cache, path, application, &lock, error);
  if (!failed)
    failed = copy_in(cache, application, &sources, LEVEL, &result, error);
  cache_close(cache);
  if (lock >= 0)
    close(lock);
  if (!failed)
    printf("%s/%" PRIu64 "\n",
           text_escape(escaped, sizeof escaped, application), result.number);
  return failed;
}

static int import(int argc, char **argv) {
  static const struct option rows[] = {
      {"cache", required_argument, NULL, OPTION_CACHE},
      {"name", required_argument, NULL, OPTION_NAME},
      KEY_OPTIONS,
      {0}};
  char path[CACHE_PATH_MAX];
  struct hwckpt_error error = {0};
  const char *cache_option = NULL, *name = NULL;
  struct key_request asked = {0};
  for (int result; (result = getopt_long(argc, argv, ":", rows, NULL)) != -1;)
    if (result == OPTION_CACHE)
      cache_option = optarg;
    else if (result == OPTION_NAME)
      name = optarg;
    else if (result == OPTION_KEY_FILE)
      asked.file = optarg;
    else if (result == OPTION_KEY_COMMAND)
      asked.command = optarg;
    else
      return arguments_refused(&command_import, result, argv);
  if (argc - optind != 1)
    return report_usage(&command_import, argv[argc - 1],
                        "one file is to be named");
  if (name && !selection_name_fits(name))
    return report_usage(&command_import, "--name", "'%s' is no usable name",
                        name);
  struct input input = {.path = argv[optind]};
  input.fd = open(input.path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  int failed = input.fd < 0 ? input_failed(&input, "open", &error) : 0;
  if (!failed)
    failed = key_take(&asked, true, &error);
  input.key = key_taken();
  if (!failed)
    failed = selection_cache_path(cache_option, getenv("HWCKPT_OPTIONS"), path,
                                  &error);
  if (!failed)
    failed = import_file(&input, path, name, &error);
  if (input.fd >= 0)
    close(input.fd);
  return failed ? report_error(&error) : EXIT_OK;
}

const struct command command_import = {
    .name = "import",
    .summary = "Take in a checkpoint that `hwckpt export` wrote",
    .help = "usage: hwckpt import [OPTIONS] FILE\n"
            "\n"
            "Checks all of FILE, puts the checkpoint in it into the cache, and "
            "prints its\n"
            "name, APP/NUMBER, for `hwckpt restore`. The cache is made when it "
            "is not\n"
            "there. An application that has checkpoints here is left alone.\n"
            "\n"
            "  --cache DIR    the cache\n"
            "  --key-file FILE, --key-command COMMAND\n"
            "                 the key it is encrypted with\n"
            "  --name NAME    as the application NAME, instead of its own "
            "name\n"
            "\n"
            "Restoring a checkpoint runs it: import only what you would "
            "execute.\n"
            "\n"
            "Exit status: 0; 125 when it was refused, 2 when the command line "
            "is wrong.\n",
    .run = import,
};
