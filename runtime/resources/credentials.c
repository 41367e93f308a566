/* credentials.c - users, groups, capabilities and the bits that govern those
 * (securebits), where the program changed them itself; those it was started
 * with are of who restores.
 *
 * The kernel keeps them for each thread; libc has all threads of a program
 * alike. Where threads may have changed them alone (credentials_apart.h), each
 * is looked at, and those that differ from the first have records of their
 * own. */
#include "../arch/sys.h"
#include "../support/live.h"
#include "../support/record_types.h"
#include "credentials_apart.h"
#include "info.h"
#include "resource.h"

#include <linux/capability.h>
#include <string.h>
#include <sys/prctl.h>

#define CAPABILITIES 64u
#define KEEP_CAPS (1u << 4) /* SECBIT_KEEP_CAPS: needs no right */
#define ROOM (sizeof((Credentials *)0)->groups / sizeof(uint32_t))

#define APART 128u

__attribute__((visibility("hidden"))) bool __hwckpt_credentials_apart;

static LIVE Credentials started;
static LIVE uint64_t lent; /* to inherit beyond those, since the restore */
/* To become; of now when there is nothing to change. */
static struct {
  bool told; /* the program changed them */
  bool differs;
  long dumpable; /* which changing users clears */
  Credentials credentials;
  Credentials apart[APART]; /* of threads, by what their ids are now */
  unsigned apart_count;
} wanted;

/* ---- reading ---- */

/* Numbers with blanks between them, to the end of the line; false: too many. */
static bool read_numbers(const char *p, uint32_t *numbers, pb_size_t room,
                         pb_size_t *count) {
  for (*count = 0; *p && *p != '\n';) {
    if (*p < '0' || *p > '9') {
      p++;
      continue;
    }
    uint32_t number = 0;
    for (; *p >= '0' && *p <= '9'; p++)
      number = number * 10 + (uint32_t)(*p - '0');
    if (*count == room)
      return false;
    numbers[(*count)++] = number;
  }
  return true;
}

/* A line of /proc/PID/status; false where there are more groups than fit. */
static bool read_line(const char *line, Credentials *to) {
  const struct {
    const char *key;
    uint64_t *set;
  } sets[] = {{"CapInh:", &to->inheritable},
              {"CapPrm:", &to->permitted},
              {"CapEff:", &to->effective},
              {"CapBnd:", &to->bounding},
              {"CapAmb:", &to->ambient}};
  for (size_t i = 0; i < sizeof(sets) / sizeof(*sets); i++)
    if (info_begins(line, sets[i].key))
      info_number(line, sets[i].key, 16, sets[i].set);
  if (info_begins(line, "Uid:"))
    return read_numbers(line + 4, to->user, 4, &to->user_count);
  if (info_begins(line, "Gid:"))
    return read_numbers(line + 4, to->group, 4, &to->group_count);
  if (info_begins(line, "Groups:"))
    return read_numbers(line + 7, to->groups, ROOM, &to->groups_count);
  return true;
}

static bool read_text(const char *text, Credentials *to) {
  bool whole = true;
  memset(to, 0, sizeof(*to));
  while (*text) {
    whole &= read_line(text, to);
    while (*text && *text != '\n')
      text++;
    text += *text == '\n';
  }
  return whole;
}

/* Whether all of them fit. */
static bool read_file(const char *path, Credentials *to) {
  struct info info;
  bool whole = true;
  memset(to, 0, sizeof(*to));
  if (info_open_path(&info, path) < 0)
    return false;
  for (const char *line; (line = info_line(&info));)
    whole &= read_line(line, to);
  info_close(&info);
  return whole;
}

static void read_own(Credentials *to) {
  read_file("/proc/self/status", to);
  long bits = SYS(prctl, PR_GET_SECUREBITS, 0, 0, 0, 0);
  to->secure_bits = bits > 0 ? (uint32_t)bits : 0;
}

static bool same_groups(const Credentials *a, const Credentials *b) {
  return a->groups_count == b->groups_count &&
         memcmp(a->groups, b->groups, sizeof(a->groups)) == 0;
}

static bool same(const Credentials *a, const Credentials *b) {
  return memcmp(a->user, b->user, sizeof(a->user)) == 0 &&
         memcmp(a->group, b->group, sizeof(a->group)) == 0 &&
         same_groups(a, b) && a->inheritable == b->inheritable &&
         a->permitted == b->permitted && a->effective == b->effective &&
         a->bounding == b->bounding && a->ambient == b->ambient &&
         a->secure_bits == b->secure_bits;
}

/* The right to choose ids, which hwckpt has the restorer inherit, goes no
 * further to what the program executes, where that is more than it was started
 * with. Having it stays, for those who are not root in the namespace of the
 * program alone: one process of a tree that went on without it could not look
 * at another that has not gone on yet. */
static void begin(void) {
  const uint64_t right = 1ull << CAP_CHECKPOINT_RESTORE;
  const Credentials before = started;
  read_own(&started);
  uint64_t more = (started.ambient & ~before.ambient) |
                  (started.inheritable & ~before.inheritable);
  lent = before.user_count ? more & right : 0;
  started.ambient &= ~lent;
  started.inheritable &= ~lent | before.inheritable;
}

static int refuse(struct resource_sink *sink, struct hwckpt_error *error) {
  return resource_unsupported(sink, error, "credentials",
                              "more than %zu groups", ROOM);
}

/* Of threads that are not as the first. */
static int save_apart(struct resource_sink *sink, const Credentials *first,
                      struct hwckpt_error *error) {
  static Credentials own;
  unsigned count = 0;
  int result = 0;
  for (size_t i = 1; i < sink->thread_count && !result; i++) {
    const struct thread_fact *thread = &sink->threads[i];
    char path[64];
    hwckpt_format(path, sizeof(path), "/proc/self/task/%d/status",
                  (int)thread->tid);
    if (!read_file(path, &own))
      return refuse(sink, error);
    own.secure_bits = thread->secure_bits;
    own.tid = thread->tid;
    if (same(&own, first))
      continue;
    sink->other_credentials = true;
    if (count++ == APART)
      return resource_unsupported(sink, error, "credentials",
                                  "more than %u threads have their own", APART);
    result =
        resource_put(sink, RECORD_CREDENTIALS, Credentials_fields, &own, error);
  }
  return result;
}

static int save(struct resource_sink *sink, struct hwckpt_error *error) {
  static Credentials now;
  sink->other_credentials = false;
  if (!read_text(sink->status, &now))
    return refuse(sink, error);
  now.secure_bits = sink->threads[0].secure_bits;
  int result = __hwckpt_credentials_apart ? save_apart(sink, &now, error) : 0;
  if (result || same(&now, &started))
    return result;
  sink->other_credentials = true;
  return resource_put(sink, RECORD_CREDENTIALS, Credentials_fields, &now,
                      error);
}

/* ---- restoring ---- */

static void set_three(uint64_t effective, uint64_t permitted,
                      uint64_t inheritable) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct sets[2];
  for (unsigned i = 0; i < 2; i++)
    sets[i] = (struct __user_cap_data_struct){
        (uint32_t)(effective >> 32 * i), (uint32_t)(permitted >> 32 * i),
        (uint32_t)(inheritable >> 32 * i)};
  SYS(capset, &header, sets);
}

/* The bits may forbid to raise ambient ones, and need CAP_SETPCAP. */
static void set_capabilities(const Credentials *to) {
  const uint64_t right = 1ull << CAP_SETPCAP;
  set_three(to->permitted | right, to->permitted | right, to->inheritable);
  SYS(prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  for (unsigned i = 0; i < CAPABILITIES; i++)
    if (to->ambient >> i & 1)
      SYS(prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, i, 0, 0);
  if (SYS(prctl, PR_SET_SECUREBITS, to->secure_bits, 0, 0, 0) < 0)
    SYS(prctl, PR_SET_KEEPCAPS, (to->secure_bits & KEEP_CAPS) != 0, 0, 0, 0);
  set_three(to->effective, to->permitted, to->inheritable);
}

/* What the calling thread is to become; null: what it is. */
static const Credentials *wanted_here(void) {
  int tid = wanted.apart_count ? (int)SYS(gettid) : 0;
  for (unsigned i = 0; i < wanted.apart_count; i++)
    if (wanted.apart[i].tid == tid)
      return &wanted.apart[i];
  return wanted.differs ? &wanted.credentials : 0;
}

/* Of the calling thread, where nothing else is to change. */
static void give_back(void) {
  if (!lent)
    return;
  SYS(prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_LOWER, CAP_CHECKPOINT_RESTORE, 0,
      0);
  set_three(started.effective, started.permitted, started.inheritable);
}

/* While capabilities are there that allow it. */
void resources_become(void) {
  const Credentials *to = wanted_here();
  int parent_death = 0; /* cleared as well */
  if (!to) {
    give_back();
    return;
  }
  SYS(prctl, PR_GET_PDEATHSIG, &parent_death, 0, 0, 0);
  for (unsigned i = 0; i < CAPABILITIES; i++)
    if (!(to->bounding >> i & 1))
      SYS(prctl, PR_CAPBSET_DROP, i, 0, 0, 0);
  SYS(setgroups, to->groups_count, to->groups);
  SYS(setresgid, to->group[0], to->group[1], to->group[2]);
  SYS(setfsgid, to->group[3]);
  SYS(prctl, PR_SET_KEEPCAPS, 1, 0, 0, 0);
  SYS(setresuid, to->user[0], to->user[1], to->user[2]);
  SYS(setfsuid, to->user[3]);
  SYS(prctl, PR_SET_KEEPCAPS, 0, 0, 0, 0);
  set_capabilities(to);
  SYS(prctl, PR_SET_DUMPABLE, wanted.dumpable, 0, 0, 0);
  SYS(prctl, PR_SET_PDEATHSIG, parent_death, 0, 0, 0);
}

/* Whether resources_become() will be as wanted: what has no right to that has
 * less than the program had, and says so. */
static bool may_become(const Credentials *now, const Credentials *to) {
  uint64_t needed = 0;
  if (memcmp(now->user, to->user, sizeof(now->user)) != 0)
    needed |= 1ull << CAP_SETUID;
  if (memcmp(now->group, to->group, sizeof(now->group)) != 0 ||
      !same_groups(now, to))
    needed |= 1ull << CAP_SETGID;
  if (now->bounding != to->bounding ||
      (now->secure_bits ^ to->secure_bits) & ~KEEP_CAPS)
    needed |= 1ull << CAP_SETPCAP;
  needed |= to->permitted; /* none can be won back */
  return (now->permitted & needed) == needed &&
         (now->bounding & to->bounding) == to->bounding;
}

static void check_right(struct resource_source *source, const Credentials *now,
                        const Credentials *to) {
  if (!may_become(now, to))
    resource_not_set(source, 0, "credentials", "user %u, group %u", to->user[1],
                     to->group[1]);
}

/* Those of all, or of one thread. */
static int want(struct resource_source *source,
                const struct resource_record *record, const Credentials *now,
                struct hwckpt_error *error) {
  static Credentials to;
  memset(&to, 0, sizeof(to));
  int result = resource_get(record, Credentials_fields, &to, error);
  if (result)
    return result;
  if (!to.tid) {
    wanted.told = true;
    wanted.credentials = to;
    wanted.differs = !same(now, &to);
    if (wanted.differs)
      check_right(source, now, &to);
    return 0;
  }
  int tid = resource_tid(source, to.tid, error);
  if (tid < 0)
    return tid;
  if (wanted.apart_count == APART)
    return hwckpt_fail(error, HWCKPT_E_RECORD, 0, "credentials",
                       "of more than %u threads", APART);
  check_right(source, now, &to);
  to.tid = tid;
  wanted.apart[wanted.apart_count++] = to;
  return 0;
}

static int finish(struct resource_source *source, struct hwckpt_error *error) {
  static Credentials now;
  int result = 0;
  wanted.told = wanted.differs = false;
  wanted.apart_count = 0;
  if (source->rolls_back) {
    lent = 0;
    return 0;
  }
  read_own(&now);
  wanted.dumpable = SYS(prctl, PR_GET_DUMPABLE, 0, 0, 0, 0);
  for (size_t at = (size_t)-1;
       !result && resource_next(source, RECORD_CREDENTIALS, &at);)
    result = want(source, &source->records[at], &now, error);
  if (wanted.told)
    lent = 0;
  return result;
}

const struct resource_kind hwckpt_resource_credentials = {
    .name = "credentials",
    .begin = begin,
    .save = save,
    .finish = finish,
};
