/* memory_settings.c - see memory_settings.h. */
#include "memory_settings.h"

#include "../arch/sys.h"
#include "private.h"
#include "quiesce.h"
#include "record_types.h"

#include "records.pb.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mempolicy.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

#define SETTINGS 65536u
#define QUICK_NS 1000000u
#define DONTFORK_BIT 1u /* memory_settings.def */

static const struct {
  uint32_t bit;
  char word[3];
} words[] = {
#define MEMORY_SETTING(bit, word, advice, what) {bit, word},
#include "memory_settings.def"
};

/* Comes back with the program. */
static struct {
  atomic_bool keep;  /* memory from children */
  atomic_bool since; /* something, since the settings were read last */
} advised;

int memory_settings_open(struct memory_settings *settings,
                         struct hwckpt_error *error) {
  settings->count = 0;
  settings->read_ns = 0;
  settings->list = private_map(SETTINGS * sizeof *settings->list);
  return settings->list ? 0
                        : hwckpt_fail(error, HWCKPT_E_CAPTURE_MEMORY, ENOMEM,
                                      "settings of memory", "");
}

static bool begins(const char *text, const char *with) {
  for (; *with; text++, with++)
    if (*text != *with)
      return false;
  return true;
}

/* Memory of devices and of the kernel has flags of its own. */
static uint32_t settings_of(const char *line) {
  uint32_t bits = 0;
  for (const char *p = line; *p; p++) {
    if (*p != ' ')
      continue;
    if (begins(p + 1, "io") || begins(p + 1, "pf") || begins(p + 1, "ht"))
      return 0;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
      if (begins(p + 1, words[i].word))
        bits |= words[i].bit;
  }
  return bits;
}

static const char *parse_hex(const char *p, uint64_t *value) {
  for (*value = 0;; p++) {
    unsigned digit = (unsigned char)*p - '0';
    if (digit > 9)
      digit = (unsigned char)*p - 'a' + 10u;
    if (digit > 15)
      return p;
    *value = *value << 4 | digit;
  }
}

struct reading {
  struct memory_settings *settings;
  uint64_t start, end;
};

/* One mapping has one policy. */
static void read_policy(struct memory_setting *setting) {
  int mode = MPOL_DEFAULT;
  if (SYS(get_mempolicy, &mode, setting->nodes, 8 * sizeof setting->nodes,
          setting->start, MPOL_F_ADDR) == 0)
    setting->policy = (uint32_t)mode;
}

/* But for what is the runtime's own, as after mlockall(2): it does not come
 * back. */
static void add(struct memory_settings *settings,
                const struct memory_setting *setting) {
  struct memory_setting left = *setting;
  uint64_t from, to;
  while (left.start < left.end && settings->count < SETTINGS) {
    if (!private_in(left.start, left.end, &from, &to))
      from = to = left.end;
    if (from > left.start) {
      settings->list[settings->count] = left;
      settings->list[settings->count++].end = from;
    }
    left.start = to;
  }
}

/* A mapping begins with its addresses, all other lines with a capital. */
static void take_line(struct reading *reading, const char *line) {
  struct memory_settings *settings = reading->settings;
  if (*line < 'A' || *line > 'Z') {
    const char *p = parse_hex(line, &reading->start);
    if (*p == '-')
      parse_hex(p + 1, &reading->end);
    return;
  }
  if (!begins(line, "VmFlags:") || settings->count == SETTINGS)
    return;
  struct memory_setting setting = {
      .start = reading->start,
      .end = reading->end,
      .settings = settings_of(line),
  };
  read_policy(&setting);
  if (setting.settings || setting.policy)
    add(settings, &setting);
}

/* Where the line ends, NULL if it is not all there. */
static char *line_end(char *line, const char *end) {
  for (; line < end; line++)
    if (*line == '\n')
      return line;
  return NULL;
}

static void read_all(struct memory_settings *settings, int fd) {
  static char text[65536];
  struct reading reading = {settings, 0, 0};
  size_t length = 0;
  long got;
  while ((got = SYS(read, fd, text + length, sizeof text - 1 - length)) > 0) {
    char *line = text, *end;
    length += (size_t)got;
    text[length] = 0;
    for (; (end = line_end(line, text + length)); line = end + 1) {
      *end = 0;
      take_line(&reading, line);
    }
    length -= (size_t)(line - text);
    memmove(text, line, length);
    if (length == sizeof text - 1)
      length = 0; /* no line is as long */
  }
}

/* Whether the memory that has settings is the same as when they were read: what
 * came in the place of something is not tracked, or was not then. */
static bool is_unchanged(const struct memory_settings *settings,
                         const struct dirty *dirty,
                         const struct memory_map *map) {
  bool unchanged = settings->newcomers == dirty->newcomers;
  size_t area = 0;
  for (size_t i = 0; i < settings->count && unchanged; i++) {
    const struct memory_setting *setting = &settings->list[i];
    while (area < map->count && map->areas[area].start < setting->start)
      area++;
    unchanged = area < map->count && map->areas[area].start == setting->start &&
                map->areas[area].end == setting->end &&
                dirty_knows(dirty, &map->areas[area]);
  }
  return unchanged;
}

void memory_settings_read(struct memory_settings *settings,
                          const struct dirty *dirty,
                          const struct memory_map *map, bool base) {
  bool changed = atomic_exchange(&advised.since, false);
  if (!base && !changed && settings->read_ns > QUICK_NS &&
      (!settings->count || (map && is_unchanged(settings, dirty, map))))
    return;
  uint64_t begin = quiesce_now_ns();
  long fd =
      SYS(openat, AT_FDCWD, "/proc/thread-self/smaps", O_RDONLY | O_CLOEXEC, 0);
  settings->count = 0;
  settings->newcomers = dirty->newcomers;
  if (fd < 0)
    return;
  read_all(settings, (int)fd);
  SYS(close, fd);
  settings->read_ns = quiesce_now_ns() - begin;
}

bool memory_settings_keep(const struct memory_settings *settings) {
  bool keep = advised.keep;
  for (size_t i = 0; i < settings->count; i++)
    keep |= settings->list[i].settings & DONTFORK_BIT;
  return keep;
}

void __hwckpt_memory_advised(int advice) {
  if (advice == MADV_DONTFORK)
    advised.keep = true;
  advised.since = true;
}

int memory_settings_put(const struct memory_settings *settings,
                        struct stage *stage, struct hwckpt_error *error) {
  int result = 0;
  for (size_t i = 0; i < settings->count && result == 0; i++) {
    const struct memory_setting *setting = &settings->list[i];
    MemorySetting message = {
        .start = setting->start,
        .end = setting->end,
        .settings = setting->settings,
        .policy = setting->policy,
        .nodes.size = setting->policy ? sizeof setting->nodes : 0,
    };
    memcpy(message.nodes.bytes, setting->nodes, sizeof setting->nodes);
    result = stage_message(stage, RECORD_MEMORY_SETTING, MemorySetting_fields,
                           &message, error);
  }
  return result;
}
