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
  uint64_t newest_whole; /* of the application; 0: none */
};

/* The bytes of the file, that its records mean something, and, where what it
 * builds on may be damaged, all that a restore of it reads. */
static int find_damage(struct cache *cache, const char *application,
                       uint64_t number, bool with_chain,
                       struct hwckpt_error *error) {
  static struct generation generation;
  int damage = cache_verify(cache, application, number, error);
  if (!damage)
    damage =
        generation_open_any(cache, application, number, &generation, error);
  if (damage)
    return damage;
  bool is_delta = generation.info->parent != 0;
  generation_close(&generation);
  return with_chain && is_delta ? cache_check(cache, application, number, error)
                                : 0;
}

static void verify_one(struct cache *cache, const char *application,
                       uint64_t number, bool with_chain, struct tally *tally) {
  struct hwckpt_error error = {0};
  char escaped[4 * CACHE_NAME_MAX];
  int damage = find_damage(cache, application, number, with_chain, &error);
  printf("%s/%" PRIu64 ": ", text_escape(escaped, sizeof escaped, application),
         number);
  if (damage) {
    printf("damaged (HWCKPT-E%d)\n", -damage);
    report_error(&error);
    tally->damaged++;
  } else {
    printf("whole\n");
    tally->whole++;
    tally->newest_whole = number;
  }
}

/* Where one is damaged: which one a restore would take. */
static void say_whole(const char *name, const struct tally *tally) {
  char escaped[4 * CACHE_NAME_MAX];
  text_escape(escaped, sizeof escaped, name);
  if (tally->newest_whole)
    printf("%s: the newest whole one is %s/%" PRIu64 "\n", escaped, escaped,
           tally->newest_whole);
  else
    printf("%s: none is whole\n", escaped);
}

/* Ascending: what a generation builds on was looked at before it. */
static int verify_application(struct cache *cache, const char *name,
                              uint64_t only, struct tally *tally,
                              struct hwckpt_error *error) {
  struct inventory_generation *items;
  unsigned damaged = tally->damaged;
  size_t count;
  int failed = inventory_generations(cache, name, &items, &count, error);
  if (failed)
    return failed;
  tally->newest_whole = 0;
  for (size_t i = 0; i < count; i++)
    if (!only || items[i].info.number == only)
      verify_one(cache, name, items[i].info.number,
                 only || tally->damaged > damaged, tally);
  if (!only && tally->damaged > damaged)
    say_whole(name, tally);
  free(items);
  return 0;
}

struct parts {
  struct cache *cache;
  struct tally *tally;
  struct hwckpt_error *error;
};

static int verify_part(const char *name, void *context) {
  struct parts *parts = context;
  return verify_application(parts->cache, name, 0, parts->tally, parts->error);
}

/* With what the other processes of the program have written. */
static int verify_whole(struct cache *cache, const char *name, uint64_t only,
                        struct tally *tally, struct hwckpt_error *error) {
  struct parts parts = {cache, tally, error};
  int failed = verify_application(cache, name, only, tally, error);
  return failed ? failed
                : cache_each_part(cache, name, verify_part, &parts, error);
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
                  : verify_whole(selection->cache, selection->application, only,
                                 tally, error);
  }
  int failed =
      inventory_applications(selection->cache, &applications, &count, error);
  for (size_t i = 0; i < count && !failed; i++)
    failed =
        verify_whole(selection->cache, applications[i].name, 0, tally, error);
  free(applications);
  return failed;
}

static int verify(int argc, char **argv) {
  static struct selection selection;
  struct hwckpt_error error = {0};
  struct tally tally = {0};
  const char *cache_option = NULL, *which;
  int status = arguments_of_cache(&command_verify, argc, argv, NULL,
                                  &cache_option, &which);
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
            "something. Says of each whether it is whole, and so is what it "
            "has of those\n"
            "that it builds on; where one is not, which whole one is the "
            "newest.\n"
            "\n"
            "  --cache DIR    the cache\n"
            "  --key-file FILE, --key-command COMMAND\n"
            "                 the key that it is encrypted with\n"
            "\n"
            "Exit status: 0 when all are whole, 1 when one is damaged, 125 "
            "when the cache\n"
            "cannot be read, 2 when the command line is wrong.\n",
    .run = verify,
};
