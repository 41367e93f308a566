/* options_text.c - texts of HWCKPT_OPTIONS: finding, checking, merging. */
#include "options_text.h"
#include "duration.h"

#include "runtime/interface/rules.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char separators[] = " ,:\n\t\r"; /* sanitizer_flag_parser.cpp's */

struct setting {
  const char *name, *value;
  size_t name_length, value_length;
};

enum step { STEP_END, STEP_SETTING, STEP_MALFORMED };

/* Reads the next setting at *text and moves on. On STEP_MALFORMED, *text is
 * where the mistake begins. */
static enum step next_setting(const char **text, struct setting *setting) {
  const char *at = *text + strspn(*text, separators);
  *text = at;
  if (!*at)
    return STEP_END;
  size_t length = strcspn(at, " ,:\n\t\r=");
  if (!length || at[length] != '=')
    return STEP_MALFORMED;
  setting->name = at;
  setting->name_length = length;
  at += length + 1;
  if (*at == '\'' || *at == '"') {
    const char *end = strchr(at + 1, *at);
    if (!end)
      return STEP_MALFORMED;
    setting->value = at + 1;
    setting->value_length = (size_t)(end - at - 1);
    at = end + 1;
  } else {
    setting->value = at;
    setting->value_length = strcspn(at, separators);
    at += setting->value_length;
  }
  *text = at;
  return STEP_SETTING;
}

bool options_find(const char *text, const char *name, char *value,
                  size_t size) {
  bool found = false;
  struct setting setting;
  if (!text)
    return false;
  while (next_setting(&text, &setting) == STEP_SETTING)
    if (setting.name_length == strlen(name) &&
        !memcmp(setting.name, name, setting.name_length) &&
        setting.value_length < size) {
      memcpy(value, setting.value, setting.value_length);
      value[setting.value_length] = 0;
      found = true;
    }
  return found;
}

static bool is_FLAG(const char *value) {
  static const char *const words[] = {"0", "1", "no", "yes", "false", "true"};
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    if (!strcmp(value, words[i]))
      return true;
  return false;
}

static bool is_NUMBER(const char *value) {
  char *end;
  errno = 0;
  (void)strtoll(value, &end, 0);
  return end != value && !*end && !errno;
}

static bool is_LEVEL(const char *value) {
  return !strcmp(value, "auto") || is_NUMBER(value);
}

static bool is_DURATION(const char *value) {
  uint64_t ns;
  return duration_parse(value, &ns);
}

static bool is_BYTES(const char *value) {
  static const char units[] = "KMGT";
  char *end;
  errno = 0;
  unsigned long long bytes = strtoull(value, &end, 10);
  const char *unit = *end ? strchr(units, *end) : NULL;
  if (*value < '0' || *value > '9' || errno || (*end && (!unit || end[1])))
    return false;
  unsigned shift = unit ? 10 * (unsigned)(unit - units + 1) : 0;
  return bytes <= UINT64_MAX >> shift;
}

static bool is_STRING(const char *value) {
  (void)value;
  return true;
}

static bool is_LIST(const char *value) {
  (void)value;
  return true;
}

static const struct {
  const char *name, *kind;
  bool (*fits)(const char *);
} known[] = {
#define HWCKPT_OPTION(kind, name, initial, description)                        \
  {#name, #kind, is_##kind},
#include "runtime/interface/options.def"
#undef HWCKPT_OPTION
};

static const char *what_fits(const char *kind) {
  return !strcmp(kind, "DURATION") ? "a duration such as 500us, 20ms, 1.5s, 5m"
         : !strcmp(kind, "BYTES")  ? "a number of bytes such as 64K, 500M, 10G"
         : !strcmp(kind, "NUMBER") ? "a whole number"
         : !strcmp(kind, "LEVEL")  ? "a whole number or auto"
                                   : "0 or 1";
}

static int check_setting(const struct setting *setting,
                         struct hwckpt_error *error) {
  char name[64], value[4096];
  if (setting->name_length >= sizeof name ||
      setting->value_length >= sizeof value)
    return hwckpt_fail(error, HWCKPT_E_OPTION, 0, "HWCKPT_OPTIONS",
                       "'%.*s' is too long", 40, setting->name);
  memcpy(name, setting->name, setting->name_length);
  name[setting->name_length] = 0;
  memcpy(value, setting->value, setting->value_length);
  value[setting->value_length] = 0;
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if (!strcmp(name, known[i].name) && !known[i].fits(value))
      return hwckpt_fail(error, HWCKPT_E_OPTION, 0, name, "'%.*s' is not %s",
                         200, value, what_fits(known[i].kind));
  struct rule rule;
  return !strcmp(name, "on") && *value
             ? rules_parse(part_of(value), &rule, error)
             : 0;
}

int options_check(const char *text, struct hwckpt_error *error) {
  struct setting setting;
  enum step step;
  while ((step = next_setting(&text, &setting)) == STEP_SETTING) {
    int failed = check_setting(&setting, error);
    if (failed)
      return failed;
  }
  if (step == STEP_MALFORMED)
    return hwckpt_fail(error, HWCKPT_E_OPTION, 0, "HWCKPT_OPTIONS",
                       "'%.*s' is not name=value", 200, text);
  return 0;
}

int options_append(char *text, const char *more, struct hwckpt_error *error) {
  if (!more || !*more)
    return 0;
  size_t length = strlen(text), more_length = strlen(more);
  if (length + 1 + more_length >= OPTIONS_TEXT_MAX)
    return hwckpt_fail(error, HWCKPT_E_OPTION, 0, "HWCKPT_OPTIONS",
                       "longer than %d bytes", OPTIONS_TEXT_MAX - 1);
  if (length)
    text[length++] = ':';
  memcpy(text + length, more, more_length + 1);
  return 0;
}

int options_set(char *text, const char *name, const char *value,
                struct hwckpt_error *error) {
  char setting[OPTIONS_TEXT_MAX];
  const char *quote = "";
  if (strpbrk(value, separators) || *value == '\'' || *value == '"')
    quote = !strchr(value, '"') ? "\"" : !strchr(value, '\'') ? "'" : NULL;
  if (!quote)
    return hwckpt_fail(error, HWCKPT_E_OPTION, 0, name,
                       "holds both kinds of quotation marks: %.*s", 300, value);
  if (strlen(name) + strlen(value) + 4 > sizeof setting)
    return hwckpt_fail(error, HWCKPT_E_OPTION, 0, name, "value is too long");
  hwckpt_format(setting, sizeof setting, "%s=%s%s%s", name, quote, value,
                quote);
  return options_append(text, setting, error);
}
