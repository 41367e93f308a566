/* Texts that people write: options as of HWCKPT_OPTIONS, rules, durations. What
 * is taken can be found in the text again, also after it was put into another.
 */
#include "tools/hwckpt/duration.h"
#include "tools/hwckpt/options_text.h"

#include "runtime/interface/rules.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void wrong(const struct hwckpt_error *error) {
  if (!error->code)
    abort();
}

static void as_options(const char *text) {
  struct hwckpt_error error = {0};
  char value[256], merged[OPTIONS_TEXT_MAX] = "every=1s", found[256];
  int failed = options_check(text, &error);
  if (failed && (failed != -(int)error.code || !error.object[0]))
    abort();
  bool has = options_find(text, "on", value, sizeof value);
  if (failed || options_append(merged, text, NULL))
    return;
  /* What was right stays so behind another one. */
  if (options_check(merged, NULL) ||
      options_find(merged, "on", found, sizeof found) != has ||
      (has && strcmp(value, found) != 0))
    abort();
}

static void as_value(const char *text) {
  char options[OPTIONS_TEXT_MAX] = "", found[OPTIONS_TEXT_MAX];
  if (options_set(options, "cache", text, NULL) == 0 &&
      (!options_find(options, "cache", found, sizeof found) ||
       strcmp(found, text) != 0))
    abort();
}

static void as_rule(const char *text) {
  static struct rules rules;
  struct hwckpt_error error = {0};
  struct rule rule, again;
  char pressure[128];
  int failed = rules_parse(part_of(text), &rule, &error);
  if (failed && failed != -(int)error.code)
    abort();
  if (!failed) {
    if (!rule.kind || strlen(rule.text) >= RULE_TEXT ||
        strlen(rule.name) >= RULE_TEXT ||
        rules_parse(part_of(rule.text), &again, NULL) ||
        again.kind != rule.kind || again.value != rule.value)
      abort();
    if (rule.kind == &kind_pressure)
      rules_pressure(&rule, pressure, sizeof pressure);
  }
  memset(&rules, 0, sizeof rules);
  rules_read(text, &rules, wrong);
  if (rules.count > RULES_MAX)
    abort();
}

static void as_parts(const char *text) {
  uint64_t number, ns;
  if (duration_parse(text, &ns) && part_duration(part_of(text), &number) &&
      number != ns)
    abort(); /* tool and runtime understand the same */
  part_count(part_of(text), &number);
  part_bytes(part_of(text), &number);
  part_signal(part_of(text), &number);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  char *text = malloc(size + 1);
  if (!text)
    return 0;
  if (size)
    memcpy(text, data, size);
  text[size] = 0;
  as_options(text);
  as_value(text);
  as_rule(text);
  as_parts(text);
  free(text);
  return 0;
}
