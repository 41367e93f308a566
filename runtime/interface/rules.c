/* rules.c - see rules.h. */
#include "rules.h"

#include <errno.h>
#include <string.h>

static const struct event_kind *find_kind(struct part name) {
  for (const struct event_kind *const *kind = event_kinds; *kind; kind++)
    if (part_is(name, (*kind)->name))
      return *kind;
  return 0;
}

static int refuse(struct part text, struct part wrong, const char *expected,
                  struct hwckpt_error *error) {
  char shown[RULE_TEXT];
  hwckpt_format(shown, sizeof shown, "%.*s", (int)text.length, text.text);
  return hwckpt_fail(error, HWCKPT_E_RULE, 0, shown,
                     "at character %zu: '%.*s' is not %s",
                     (size_t)(wrong.text - text.text) + 1, (int)wrong.length,
                     wrong.text, expected);
}

/* Which kinds there are, for who wrote another. */
static int refuse_name(struct part text, struct part name,
                       struct hwckpt_error *error) {
  char known[RULE_TEXT];
  size_t used = 0;
  for (const struct event_kind *const *kind = event_kinds; *kind; kind++)
    used += hwckpt_format(known + used, sizeof known - used, "%s%s",
                          used ? ", " : "an event: ", (*kind)->name);
  return refuse(text, name, known, error);
}

/* Takes a modifier off the end of the arguments. */
static bool take_modifier(struct part *arguments, const char *name,
                          struct part *value) {
  size_t length = strlen(name), last = arguments->length;
  while (last > 0 && arguments->text[last - 1] != ',')
    last--;
  struct part field = {arguments->text + last, arguments->length - last};
  if (!part_begins(field, name))
    return false;
  *value = (struct part){field.text + length, field.length - length};
  arguments->length = last ? last - 1 : 0;
  return true;
}

/* A field at the end that looks like a modifier, and is none. A path may have
 * such. */
static bool is_strange(struct part arguments, struct part *field) {
  static const char *const names[] = {"spacing", "site", "then", 0};
  struct part rest = arguments;
  unsigned fields = 0;
  for (; rest.length; fields++)
    *field = part_split(&rest, ',');
  if (fields < 2 || part_begins(arguments, "/"))
    return false;
  struct part value = *field, name = part_split(&value, '=');
  return name.length < field->length || part_word(name, names) >= 0;
}

#define A_DURATION "a duration such as 500us, 20ms, 1.5s or 5m"

/* Not at events that have something wait for a checkpoint. */
static const char *set_then(struct rule *rule, struct part value) {
  if (!part_is(value, "rollback"))
    return "rollback";
  if (rule->kind == &kind_exit || rule->kind == &kind_before ||
      rule->kind == &kind_control)
    return "for an event that asks for a checkpoint and waits for it";
  rule->rolls_back = true;
  return 0;
}

static int take_modifiers(struct part text, struct part *arguments,
                          struct rule *rule, struct hwckpt_error *error) {
  for (;;) {
    struct part value;
    uint64_t *to;
    if (take_modifier(arguments, "then=", &value)) {
      const char *expected = set_then(rule, value);
      if (expected)
        return refuse(text, value, expected, error);
      continue;
    }
    if (take_modifier(arguments, "spacing=", &value))
      to = &rule->spacing_ns;
    else if (take_modifier(arguments, "site=", &value))
      to = &rule->site_ns;
    else
      return 0;
    if (*to) /* there was one behind it */
      return refuse(text, value, "the only one: it is there twice", error);
    if (!part_duration(value, to))
      return refuse(text, value, A_DURATION, error);
  }
}

int rules_parse(struct part text, struct rule *rule,
                struct hwckpt_error *error) {
  memset(rule, 0, sizeof *rule);
  if (!part_copy(text, rule->text, sizeof rule->text))
    return refuse(text, (struct part){text.text + RULE_TEXT - 1, 0},
                  "part of a rule of at most 255 characters", error);
  struct part name = {text.text, 0}, arguments;
  while (name.length < text.length && text.text[name.length] != '=' &&
         text.text[name.length] != ',')
    name.length++;
  rule->kind = find_kind(name);
  if (!rule->kind)
    return refuse_name(text, name, error);
  arguments = (struct part){text.text + name.length, text.length - name.length};
  if (arguments.length && *arguments.text == '=')
    arguments = (struct part){arguments.text + 1, arguments.length - 1};
  int failed = take_modifiers(text, &arguments, rule, error);
  if (failed)
    return failed;
  struct part strange;
  if (is_strange(arguments, &strange))
    return refuse(text, strange, "spacing=DUR, site=DUR or then=rollback",
                  error);
  const char *expected = rule->kind->parse(&arguments, rule);
  return expected ? refuse(text, arguments, expected, error) : 0;
}

int rules_refuse(const struct rule *rule, long number, const char *what,
                 struct hwckpt_error *error) {
  enum hwckpt_code code = HWCKPT_E_EVENT_FAILED;
  if (number == -ENOENT || number == -EOPNOTSUPP || number == -ENODEV)
    code = HWCKPT_E_EVENT_MISSING;
  if (number == -EACCES || number == -EPERM)
    code = HWCKPT_E_EVENT_RIGHT;
  return hwckpt_fail(error, code, (int)-number, rule->text, "%s", what);
}

#define MICROSECOND 1000u

size_t rules_pressure(const struct rule *rule, char *text, size_t size) {
  return hwckpt_format(text, size, "%s %llu %llu", rule->word ? "full" : "some",
                       (unsigned long long)(rule->value / MICROSECOND),
                       (unsigned long long)(rule->second / MICROSECOND));
}

const char *rules_pressure_refused(long number, const char *path) {
  return number == -EINVAL
             ? "the kernel takes windows of 500ms to 10s, without "
               "CAP_SYS_RESOURCE multiples of 2s"
             : path;
}

static bool is_known(const struct rules *rules, const struct rule *rule) {
  for (unsigned i = 0; i < rules->count; i++)
    if (strlen(rules->rule[i].text) == strlen(rule->text) &&
        memcmp(rules->rule[i].text, rule->text, strlen(rule->text)) == 0)
      return true;
  return false;
}

void rules_read(const char *lines, struct rules *rules,
                void (*wrong)(const struct hwckpt_error *error)) {
  static struct hwckpt_error error;
  static struct rule rule;
  struct part rest = part_of(lines);
  rules->count = 0;
  while (rest.length) {
    struct part line = part_split(&rest, '\n');
    if (!line.length)
      continue;
    if (rules_parse(line, &rule, &error) != 0) {
      wrong(&error);
    } else if (is_known(rules, &rule)) {
      continue;
    } else if (rules->count == RULES_MAX) {
      hwckpt_fail(&error, HWCKPT_E_RULE, 0, rule.text,
                  "there are %u rules before it, the most", RULES_MAX);
      wrong(&error);
    } else {
      rules->rule[rules->count++] = rule;
    }
  }
}
