/* verify.c - `hwckpt verify`: reads and checks every byte of checkpoints. */
#include "arguments.h"
#include "generation.h"
#include "inventory.h"
#include "selection.h"
#include "text.h"

#include "tools/tiers/copy.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct tally {
  unsigned whole, damaged;
  uint64_t newest_whole; /* of the application; 0: none */
};

/* Parts' generations that were read and found whole, of one application. */
struct known {
  struct known_part {
    char name[CACHE_NAME_MAX];
    uint64_t number;
  } *list;
  size_t count, room;
};

struct verifying {
  struct cache *cache;
  struct tally *tally;
  struct known known;
  struct hwckpt_error *error;
};

/* One that has no place is read again. */
static void know(struct known *known, const char *name, uint64_t number) {
  if (known->count == known->room) {
    size_t room = known->room ? 2 * known->room : 64;
    void *list = reallocarray(known->list, room, sizeof *known->list);
    if (!list)
      return;
    known->list = list;
    known->room = room;
  }
  struct known_part *part = &known->list[known->count++];
  memcpy(part->name, name, strlen(name) + 1);
  part->number = number;
}

static int by_part(const void *one, const void *other) {
  const struct known_part *a = one, *b = other;
  int order = strcmp(a->name, b->name);
  return order ? order : (a->number > b->number) - (a->number < b->number);
}

/* The bytes of the file, that its records mean something, and, where what it
 * builds on may be damaged, all that a restore of it reads. */
static int find_own_damage(struct cache *cache, const char *application,
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

static bool is_part(const char *application) {
  return strchr(application, '/') != NULL;
}

static int check_part(const char *part, uint64_t number, void *context,
                      struct hwckpt_error *error) {
  const struct verifying *verifying = context;
  const struct known *known = &verifying->known;
  struct known_part wanted = {.number = number};
  memcpy(wanted.name, part, strlen(part) + 1);
  if (known->count &&
      bsearch(&wanted, known->list, known->count, sizeof *known->list, by_part))
    return 0;
  return find_own_damage(verifying->cache, part, number, true, error);
}

/* Of a part: its own. */
static int find_damage(struct verifying *verifying, const char *application,
                       uint64_t number, bool with_chain,
                       struct hwckpt_error *error) {
  int damage =
      find_own_damage(verifying->cache, application, number, with_chain, error);
  if (damage || is_part(application))
    return damage;
  return copy_check_parts(verifying->cache, application, number, check_part,
                          verifying, error);
}

static void verify_one(struct verifying *verifying, const char *application,
                       uint64_t number, bool with_chain) {
  struct tally *tally = verifying->tally;
  struct hwckpt_error error = {0};
  char escaped[4 * CACHE_NAME_MAX];
  int damage = find_damage(verifying, application, number, with_chain, &error);
  printf("%s/%" PRIu64 ": ", text_escape(escaped, sizeof escaped, application),
         number);
  if (damage) {
    printf("damaged (HWCKPT-E%d)\n", -damage);
    report_error(&error);
    tally->damaged++;
    return;
  }
  printf("whole\n");
  tally->whole++;
  tally->newest_whole = number;
  if (is_part(application))
    know(&verifying->known, application, number);
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
static int verify_application(struct verifying *verifying, const char *name,
                              uint64_t only) {
  struct tally *tally = verifying->tally;
  struct inventory_generation *items;
  unsigned damaged = tally->damaged;
  size_t count;
  int failed = inventory_generations(verifying->cache, name, &items, &count,
                                     verifying->error);
  if (failed)
    return failed;
  tally->newest_whole = 0;
  for (size_t i = 0; i < count; i++)
    if (!only || items[i].info.number == only)
      verify_one(verifying, name, items[i].info.number,
                 only || tally->damaged > damaged);
  if (!only && tally->damaged > damaged)
    say_whole(name, tally);
  free(items);
  return 0;
}

static int verify_part(const char *name, void *context) {
  return verify_application(context, name, 0);
}

/* Damage that makes no checkpoint unreadable. */
static bool damaged_besides;

static void warn(const struct hwckpt_error *error) {
  report_warning(error);
  damaged_besides = true;
}

/* What the other processes of the program have written comes first: each is
 * read once, however many generations name it. */
static int verify_whole(struct cache *cache, const char *name, uint64_t only,
                        struct tally *tally, struct hwckpt_error *error) {
  struct verifying verifying = {.cache = cache, .tally = tally, .error = error};
  int failed =
      only ? 0 : cache_each_part(cache, name, verify_part, &verifying, error);
  if (verifying.known.count)
    qsort(verifying.known.list, verifying.known.count,
          sizeof *verifying.known.list, by_part);
  if (!failed)
    failed = verify_application(&verifying, name, only);
  free(verifying.known.list);
  return failed;
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
  int failed = selection_open(&selection, cache_option, &error);
  if (!failed) {
    cache_set_warn(selection.cache, warn);
    failed = verify_all(&selection, which, &tally, &error);
  }
  if (failed)
    status = report_error(&error);
  else
    status = tally.damaged || damaged_besides ? EXIT_DAMAGED : EXIT_OK;
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
            "that it builds on, and that its other processes have written; "
            "where one is not,\n"
            "which whole one is the newest.\n"
            "\n"
            "  --cache DIR    the cache\n"
            "  --key-file FILE, --key-command COMMAND\n"
            "                 the key that it is encrypted with\n"
            "\n"
            "Exit status: 0 when all are whole, 1 when one is damaged, or the "
            "first bytes of\n"
            "a segment (HWCKPT-E144), 125 when the cache cannot be read, 2 "
            "when the command\n"
            "line is wrong.\n",
    .run = verify,
};
