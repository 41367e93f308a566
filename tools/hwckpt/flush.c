/* flush.c - `hwckpt flush`: copies a checkpoint to a tier. */
#include "arguments.h"
#include "key.h"
#include "selection.h"
#include "text.h"

#include "tools/tiers/copies.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static int flush_selected(struct selection *selection, const char *place,
                          const struct tier_limits *limits,
                          const struct seal_key *key,
                          struct hwckpt_error *error) {
  char name[4 * CACHE_NAME_MAX], size[32], builds_on[32] = "";
  struct copies_result result;
  struct tier *tier;
  int failed = tier_open(place, true, limits, &tier, error);
  if (failed)
    return failed;
  tier_set_key(tier, key);
  failed = copies_send(tier, selection->cache, selection->application,
                       selection->number, &result, error);
  text_escape(name, sizeof name, selection->application);
  if (!failed && !result.sent)
    printf("%s/%" PRIu64 ": there already\n", name, result.number);
  else if (!failed) {
    if (result.parent)
      snprintf(builds_on, sizeof builds_on, ", what is new since %" PRIu64,
               result.parent);
    printf("%s/%" PRIu64 ": %s sent%s\n", name, result.number,
           text_bytes(size, sizeof size, tier_sent(tier)), builds_on);
  }
  if (!failed && result.newest > result.number)
    report_note("%s has %s/%" PRIu64
                ", which a restore takes from there unless another is named",
                place, name, result.newest);
  tier_close(tier);
  return failed;
}

static int flush(int argc, char **argv) {
  static const struct option rows[] = {
      {"cache", required_argument, NULL, OPTION_CACHE},
      {"rate", required_argument, NULL, OPTION_SPILL_RATE},
      {"timeout", required_argument, NULL, OPTION_SPILL_TIMEOUT},
      KEY_OPTIONS,
      {0}};
  static struct selection selection;
  struct hwckpt_error error = {0};
  const char *cache_option = NULL;
  struct tier_limits limits = {0};
  struct key_request asked = {0};
  int status = EXIT_OK;
  for (int result; (result = getopt_long(argc, argv, ":", rows, NULL)) != -1;)
    if (result == OPTION_CACHE)
      cache_option = optarg;
    else if (result == OPTION_KEY_FILE)
      asked.file = optarg;
    else if (result == OPTION_KEY_COMMAND)
      asked.command = optarg;
    else if (result != OPTION_SPILL_RATE && result != OPTION_SPILL_TIMEOUT)
      return arguments_refused(&command_flush, result, argv);
    else if ((status = result == OPTION_SPILL_RATE
                           ? arguments_rate(&command_flush, "--rate", optarg,
                                            &limits.rate)
                           : arguments_patience(&command_flush, "--timeout",
                                                optarg, &limits.patience_ns)))
      return status;
  if (argc - optind != 2)
    return report_usage(&command_flush, argv[argc - 1],
                        "a checkpoint and a tier are to be named");
  if (key_take(&asked, false, &error))
    return report_error(&error);
  if (selection_open(&selection, cache_option, &error) ||
      selection_find(&selection, argv[optind], &error) ||
      flush_selected(&selection, argv[optind + 1], &limits, key_taken(),
                     &error))
    status = report_error(&error);
  selection_close(&selection);
  return status;
}

const struct command command_flush = {
    .name = "flush",
    .summary = "Copy a checkpoint to a tier beyond the cache",
    .help =
        "usage: hwckpt flush [OPTIONS] APP|GENERATION TIER\n"
        "\n"
        "Copies the generation to TIER, a directory or s3://BUCKET[/PREFIX]: "
        "only what\n"
        "is new since one that TIER has and that it builds on. What was cut "
        "off before\n"
        "is gone on with. `hwckpt restore --from TIER` takes it from there. "
        "The program\n"
        "may run; `hwckpt run --spill TIER` does this by itself.\n"
        "\n"
        "  --cache DIR    the cache\n"
        "  --key-file FILE, --key-command COMMAND\n"
        "                 encrypt with this key; that of the cache, where it "
        "has one\n"
        "  --rate BYTES   send no more in a second: 500000, 200K, 10M, 1G\n"
        "  --timeout DUR  give up a try when an object storage takes and gives "
        "no byte\n"
        "                 for so long (30s), a request after twice that\n"
        "\n"
        "For s3:// credentials, region and endpoint are taken from where the "
        "AWS tools\n"
        "take them: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or "
        "~/.aws/credentials;\n"
        "AWS_REGION; AWS_ENDPOINT_URL.\n"
        "\n"
        "Exit status: 0; 125 when it could not be copied, 2 when the command "
        "line is\n"
        "wrong.\n",
    .run = flush,
};
