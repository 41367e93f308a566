/* verify.c - `hwckpt verify`: reads and checks every byte of checkpoints. */
#include "arguments.h"
#include "generation.h"
#include "inventory.h"
#include "selection.h"
#include "text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct tally {
  unsigned whole, damaged;
};

/* The bytes of the file, and that its records mean something. */
static void verify_one(struct cache *cache, const char *application,
                       uint64_t number, struct tally *tally) {
  static struct generation generation;
  struct hwckpt_error error = {0};
  char escaped[4 * CACHE_NAME_MAX];
  int damage = cache_verify(cache, application, number, &error);
  if (!damage)
    damage = generation_open(cache, application, number, &generation, &error);
  if (!damage)
    generation_close(&generation);
  printf("%s/%" PRIu64 ": ", text_escape(escaped, sizeof escaped, application),
         number);
  if (damage) {
    printf("damaged (HWCKPT-E%d)\n", -damage);
    report_error(&error);
    tally->damaged++;
  } else {
    printf("whole\n");
    tally->whole++;
  }
}

static int verify_application(struct cache *cache, const char *name,
                              uint64_t only, struct tally *tally,
                              struct hwckpt_error *error) {
  struct inventory_generation *items;
  size_t count;
  int failed = inventory_generations(cache, name, &items, &count, error);
  if (failed)
    return failed;
  for (size_t i = 0; i < count; i++)
    if (!only || items[i].info.number == only)
      verify_one(cache, name, items[i].info.number, tally);
  free(items);
  return 0;
}

static int verify_all(struct selection *selection, const char *which,
                      struct tally *tally, struct hwckpt_error *error) {
  struct cache_application *applications;
  size_t count;
  if (which) {
    int failed = selection_find_application(selection, which, error);
    uint64_t only = selection->number;
    if (!failed)
      failed = selection_find(selection, which, error);
    return failed ? failed
                  : verify_application(selection->cache, selection->application,
                                       only, tally, error);
  }
  int failed =
      inventory_applications(selection->cache, &applications, &count, error);
  for (size_t i = 0; i < count && !failed; i++)
    failed = verify_application(selection->cache, applications[i].name, 0,
                                tally, error);
  free(applications);
  return failed;
}

static int verify(int argc, char **argv) {
  static const struct option rows[] = {
      {"cache", required_argument, NULL, OPTION_CACHE},
      {0},
  };
  static struct selection selection;
  struct hwckpt_error error = {0};
  struct tally tally = {0};
  const char *cache_option = NULL, *which;
  for (int result; (result = getopt_long(argc, argv, ":", rows, NULL)) != -1;)
    switch (result) {
    case OPTION_CACHE:
      cache_option = optarg;
      break;
    default:
      return arguments_refused(&command_verify, result, argv);
    }
  int status = arguments_which(&command_verify, argc, argv, &which);
  if (status)
    return status;
  if (selection_open(&selection, cache_option, &error) ||
      verify_all(&selection, which, &tally, &error))
    status = report_error(&error);
  else
    status = tally.damaged ? EXIT_DAMAGED : EXIT_OK;
  selection_close(&selection);
  return status;
}

const struct command command_verify = {
    .name = "verify",
    .summary = "Check every byte of the checkpoints in a cache",
    .help = "usage: hwckpt verify [OPTIONS] [APP|GENERATION]\n"
            "\n"
            "Reads every byte of the generations in the cache, of APP's, or of "
            "the one\n"
            "named, checks it against its checksum, and checks that the "
            "records mean\n"
            "something. Says of each whether it is whole.\n"
            "\n"
            "  --cache DIR    the cache\n"
            "\n"
            "Exit status: 0 when all are whole, 1 when one is damaged, 125 "
            "when the cache\n"
            "cannot be read, 2 when the command line is wrong.\n",
    .run = verify,
};
