/* merge.c - `hwckpt merge`: makes the newest checkpoint of an application stand
 * alone, as a running program does by itself from time to time. */
#include "arguments.h"
#include "selection.h"
#include "text.h"

#include "runtime/cache/cache.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define LEVEL 1 /* as the runtime's option level */

/* A program takes the cache for each of its checkpoints, a restore reads. */
#define MOMENT_NS 2000000
#define PATIENCE 10000 /* moments */

/* Merges as soon as nobody else writes or reads. */
static int merge_in_turn(struct selection *selection,
                         struct cache_merge_result *result,
                         struct hwckpt_error *error) {
  const struct cache_merge_options options = {.level = LEVEL, .always = true};
  const struct timespec moment = {.tv_nsec = MOMENT_NS};
  for (unsigned tries = 0;; tries++) {
    int failed = cache_merge(selection->cache, selection->application, &options,
                             result, error);
    bool done = failed ? failed != -HWCKPT_E_CACHE_BUSY
                       : result->merged || result->generations <= 1;
    if (done || tries == PATIENCE)
      return failed;
    nanosleep(&moment, NULL);
  }
}

static int merge_selected(struct selection *selection,
                          struct hwckpt_error *error) {
  struct cache_merge_result result;
  char name[4 * CACHE_NAME_MAX];
  int failed = merge_in_turn(selection, &result, error);
  if (failed)
    return failed;
  text_escape(name, sizeof name, selection->application);
  if (result.merged)
    printf("%s/%" PRIu64 ": merged with the %u before it, %" PRIu64
           " pages copied\n",
           name, result.generation.number, result.generations - 1,
           result.copied_pages);
  else if (result.generations > 1)
    return hwckpt_fail(error, HWCKPT_E_CACHE_BUSY, 0, selection->application,
                       "a checkpoint of it is being read");
  else
    printf("%s: nothing to merge\n", name);
  return 0;
}

static int merge(int argc, char **argv) {
  static struct selection selection;
  struct hwckpt_error error = {0};
  const char *cache_option = NULL, *which;
  int status = arguments_of_cache(&command_merge, argc, argv, NULL,
                                  &cache_option, &which);
  if (status)
    return status;
  if (which && strchr(which, '/'))
    return report_usage(&command_merge, which,
                        "the newest checkpoint is merged; name the "
                        "application alone");
  if (selection_open(&selection, cache_option, &error) ||
      selection_find_application(&selection, which, &error) ||
      merge_selected(&selection, &error))
    status = report_error(&error);
  selection_close(&selection);
  return status;
}

const struct command command_merge = {
    .name = "merge",
    .summary = "Make the newest checkpoint independent of older ones",
    .help = "usage: hwckpt merge [OPTIONS] [APP]\n"
            "\n"
            "Merges the newest generation of APP with those that it builds on: "
            "it becomes\n"
            "a base, with the same number and content. A program does so by "
            "itself while\n"
            "it runs, when a restore would read too much; this is for a cache "
            "that is to\n"
            "be copied or kept. Older generations stay as they are. The "
            "program may run:\n"
            "its next checkpoint waits for the merge, and the merge for a "
            "checkpoint that\n"
            "is being written or read, some 20 seconds.\n"
            "\n"
            "  --cache DIR    the cache\n"
            "  --key-file FILE, --key-command COMMAND\n"
            "                 the key that it is encrypted with\n"
            "\n"
            "Exit status: 0; 125 when it could not be merged, 2 when the "
            "command line is\n"
            "wrong.\n",
    .run = merge,
};
