/* tier.h - a place beyond the cache where copies of generations lie: a
 * directory, or a bucket of an object storage.
 *
 * It holds files, each a stream (stream.h), of applications. A file is there
 * when all of it is, and not before. Putting one that was begun and cut off
 * goes on where that ended, for a stream of the same generation has the same
 * bytes: what is there already is compared and not sent again.
 */
#ifndef HWCKPT_TIERS_TIER_H
#define HWCKPT_TIERS_TIER_H

#include "stream.h"

#define TIER_FILE_MAX 96 /* bytes of a file's name, with NUL */

struct tier;

#define TIER_PATIENCE_NS UINT64_C(30000000000)
struct tier_limits {
  uint64_t rate; /* bytes a second that may be sent, 0: any */
  /* How long an object storage may move no byte; a third of it until there is a
   * connection; of one request in all twice as long. 0: TIER_PATIENCE_NS. */
  uint64_t patience_ns;
};

/* `name` is the path of a directory, or s3://BUCKET[/PREFIX]. limits: null for
 * none. With create, a directory that is not there is made. */
int tier_open(const char *name, bool create, const struct tier_limits *limits,
              struct tier **tier, struct hwckpt_error *error);
void tier_close(struct tier *tier);
const char *tier_name(const struct tier *tier);

/* From now on copies are encrypted, and only such are read. The key must live
 * as long; null: neither. */
void tier_set_key(struct tier *tier, const struct seal_key *key);

/* Whether name is of an object storage: what it takes are secrets. */
bool tier_needs_secrets(const char *name);

/* Whether such are in the environment. */
bool tier_has_secrets(void);

/* Takes them out of it, for a process that has no need of them. */
void tier_forget_secrets(void);

/* Calls visit for each file of the application, or of all (null), until it
 * returns non-zero, which is then returned. */
typedef int tier_visit_fn(const char *application, const char *file,
                          uint64_t size, void *context);
int tier_each(struct tier *tier, const char *application, tier_visit_fn *visit,
              void *context, struct hwckpt_error *error);

/* Makes a file of what `write` writes to the sink. */
int tier_put(struct tier *tier, const char *application, const char *file,
             int (*write)(const struct stream_sink *sink, void *context,
                          struct hwckpt_error *error),
             void *context, struct hwckpt_error *error);

/* Reads a file; the source is valid until tier_leave(). */
int tier_get(struct tier *tier, const char *application, const char *file,
             struct stream_source *source, struct hwckpt_error *error);
void tier_leave(struct stream_source *source);

/* Removes a file; one that is not there is none. */
int tier_remove(struct tier *tier, const char *application, const char *file,
                struct hwckpt_error *error);

/* Removes what was begun of files for which `stale` is true, and will not be
 * gone on with; not what somebody is writing, nor in an object storage, where
 * that is a rule of the bucket. */
typedef bool tier_stale_fn(const char *file, void *context);
int tier_drop_begun(struct tier *tier, const char *application,
                    tier_stale_fn *stale, void *context,
                    struct hwckpt_error *error);

/* Bytes that were sent through this handle. */
uint64_t tier_sent(const struct tier *tier);

/* For how long nothing was read or written, counted from tier_set_idle() on; by
 * any thread. */
void tier_set_idle(struct tier *tier);
uint64_t tier_idle_ns(const struct tier *tier);

#endif
