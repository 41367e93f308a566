/* tier.c - what all kinds of tiers have in common: parts, and how fast they are
 * sent. */
#include "tier_kind.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SECOND UINT64_C(1000000000)
#define S3_PREFIX "s3://"
#define TIER_NAME_MAX 4096

struct tier {
  const struct tier_kind *kind;
  void *self;
  struct tier_pace pace;
  const struct seal_key *key; /* null: copies are not encrypted */
  char name[TIER_NAME_MAX];
};

uint64_t tier_now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * SECOND + (uint64_t)now.tv_nsec;
}

/* That it has to wait is no sign of a tier that hangs. */
void tier_pace_wait(struct tier_pace *pace, size_t length) {
  uint64_t now = tier_now_ns();
  pace->sent += length;
  if (!pace->rate)
    return;
  if (pace->free_ns > now) {
    uint64_t wait = pace->free_ns - now;
    const struct timespec span = {(time_t)(wait / SECOND),
                                  (long)(wait % SECOND)};
    pace->moved_ns = pace->free_ns;
    nanosleep(&span, NULL);
    now = pace->free_ns;
  }
  pace->free_ns =
      now + (uint64_t)((double)length / (double)pace->rate * (double)SECOND);
}

bool tier_needs_secrets(const char *name) {
  return !strncmp(name, S3_PREFIX, sizeof S3_PREFIX - 1);
}

/* The first says who it is, and is no secret by itself. */
static const char *const credentials[] = {
    "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"};
#define CREDENTIALS (sizeof credentials / sizeof *credentials)

bool tier_has_secrets(void) {
  bool found = false;
  for (size_t i = 1; i < CREDENTIALS; i++)
    found |= getenv(credentials[i]) != NULL;
  return found;
}

void tier_forget_secrets(void) {
  for (size_t i = 0; i < CREDENTIALS; i++)
    unsetenv(credentials[i]);
}

static int no_memory(const char *name, struct hwckpt_error *error) {
  return hwckpt_fail(error, HWCKPT_E_RESTORE_MEMORY, 0, name, "%s", "");
}

int tier_open(const char *name, bool create, const struct tier_limits *limits,
              struct tier **result, struct hwckpt_error *error) {
  struct tier *tier = calloc(1, sizeof *tier);
  *result = NULL;
  if (!tier)
    return no_memory(name, error);
  tier->pace.rate = limits ? limits->rate : 0;
  tier->pace.patience_ns =
      limits && limits->patience_ns ? limits->patience_ns : TIER_PATIENCE_NS;
  tier->kind = tier_needs_secrets(name) ? &tier_s3 : &tier_directory;
  snprintf(tier->name, sizeof tier->name, "%s", name);
  int failed = tier->kind->open(name, create, &tier->pace, &tier->self, error);
  if (failed)
    free(tier);
  else
    *result = tier;
  return failed;
}

void tier_close(struct tier *tier) {
  if (!tier)
    return;
  tier->kind->close(tier->self);
  free(tier);
}

const char *tier_name(const struct tier *tier) { return tier->name; }

void tier_set_key(struct tier *tier, const struct seal_key *key) {
  tier->key = key;
}

uint64_t tier_sent(const struct tier *tier) { return tier->pace.sent; }

/* What waits for its turn has it later. */
void tier_set_idle(struct tier *tier) {
  uint64_t now = tier_now_ns(), moved = tier->pace.moved_ns;
  while (moved < now &&
         !atomic_compare_exchange_weak(&tier->pace.moved_ns, &moved, now))
    ;
}

/* Something may move meanwhile. */
uint64_t tier_idle_ns(const struct tier *tier) {
  uint64_t moved = tier->pace.moved_ns, now = tier_now_ns();
  return now > moved ? now - moved : 0;
}

int tier_each(struct tier *tier, const char *application, tier_visit_fn *visit,
              void *context, struct hwckpt_error *error) {
  return tier->kind->each(tier->self, application, visit, context, error);
}

int tier_remove(struct tier *tier, const char *application, const char *file,
                struct hwckpt_error *error) {
  return tier->kind->remove(tier->self, application, file, error);
}

int tier_drop_begun(struct tier *tier, const char *application,
                    tier_stale_fn *stale, void *context,
                    struct hwckpt_error *error) {
  return tier->kind->drop_begun
             ? tier->kind->drop_begun(tier->self, application, stale, context,
                                      error)
             : 0;
}

/* ---- putting ---- */

struct putting {
  const struct tier_kind *kind;
  struct tier_pace *pace;
  void *put;
  unsigned char *part;
  size_t used;
  uint64_t offset; /* of the part */
};

static int put_part(struct putting *putting, struct hwckpt_error *error) {
  int failed = putting->kind->put_part(putting->put, putting->offset,
                                       putting->part, putting->used, error);
  putting->offset += putting->used;
  putting->used = 0;
  return failed;
}

static int put_bytes(void *context, const void *data, size_t length,
                     struct hwckpt_error *error) {
  struct putting *putting = context;
  const unsigned char *from = data;
  int failed = 0;
  putting->pace->moved_ns = tier_now_ns();
  while (length && !failed) {
    size_t part = putting->kind->part - putting->used;
    part = part < length ? part : length;
    memcpy(putting->part + putting->used, from, part);
    putting->used += part;
    from += part;
    length -= part;
    if (putting->used == putting->kind->part)
      failed = put_part(putting, error);
  }
  return failed;
}

int tier_put(struct tier *tier, const char *application, const char *file,
             int (*write)(const struct stream_sink *sink, void *context,
                          struct hwckpt_error *error),
             void *context, struct hwckpt_error *error) {
  struct putting putting = {.kind = tier->kind,
                            .pace = &tier->pace,
                            .part = malloc(tier->kind->part)};
  const struct stream_sink sink = {put_bytes, &putting, tier->key};
  if (!putting.part)
    return no_memory(tier->name, error);
  int failed =
      tier->kind->put_begin(tier->self, application, file, &putting.put, error);
  if (!failed) {
    failed = write(&sink, context, error);
    if (!failed && putting.used)
      failed = put_part(&putting, error);
    int ended = tier->kind->put_end(putting.put, putting.offset, failed != 0,
                                    failed ? NULL : error);
    failed = failed ? failed : ended;
  }
  free(putting.part);
  return failed;
}

/* ---- getting ---- */

struct getting {
  const struct tier_kind *kind;
  void *get;
  uint64_t offset;   /* behind the part */
  size_t used, have; /* of the part */
  bool ended;
  char name[TIER_NAME_MAX + CACHE_NAME_MAX + TIER_FILE_MAX];
  unsigned char part[];
};

static int get_bytes(void *context, void *data, size_t length, size_t *got,
                     struct hwckpt_error *error) {
  struct getting *getting = context;
  *got = 0;
  if (getting->used == getting->have && !getting->ended) {
    int failed =
        getting->kind->get_part(getting->get, getting->offset, getting->part,
                                getting->kind->part, &getting->have, error);
    if (failed)
      return failed;
    getting->used = 0;
    getting->offset += getting->have;
    getting->ended = getting->have < getting->kind->part;
  }
  *got = getting->have - getting->used;
  *got = *got < length ? *got : length;
  memcpy(data, getting->part + getting->used, *got);
  getting->used += *got;
  return 0;
}

int tier_get(struct tier *tier, const char *application, const char *file,
             struct stream_source *source, struct hwckpt_error *error) {
  struct getting *getting = malloc(sizeof *getting + tier->kind->part);
  if (!getting)
    return no_memory(tier->name, error);
  memset(getting, 0, sizeof *getting);
  getting->kind = tier->kind;
  snprintf(getting->name, sizeof getting->name, "%s/%s/%s", tier->name,
           application, file);
  int failed = tier->kind->get_begin(tier->self, application, file,
                                     &getting->get, error);
  if (failed)
    free(getting);
  else
    *source =
        (struct stream_source){get_bytes, getting, getting->name, tier->key};
  return failed;
}

void tier_leave(struct stream_source *source) {
  struct getting *getting = source->context;
  getting->kind->get_end(getting->get);
  free(getting);
}
