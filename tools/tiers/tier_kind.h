/* tier_kind.h - what a kind of tier supplies, in parts of one size.
 *
 * Functions get the kind's own state as `self` (made by open). Errors name the
 * place. */
#ifndef HWCKPT_TIERS_TIER_KIND_H
#define HWCKPT_TIERS_TIER_KIND_H

#include "tier.h"

/* Of one tier: what may be sent in a second, and how long nothing may move. */
struct tier_pace {
  uint64_t rate;          /* 0: any */
  uint64_t sent, free_ns; /* bytes; CLOCK_MONOTONIC from when more may be */
  uint64_t patience_ns;
  /* CLOCK_MONOTONIC: when something was read or written last; in the future
   * when something has to wait for its turn. */
  _Atomic uint64_t moved_ns;
};
uint64_t tier_now_ns(void); /* CLOCK_MONOTONIC */
/* Waits until so many bytes may be sent, and counts them. */
void tier_pace_wait(struct tier_pace *pace, size_t length);

struct tier_kind {
  size_t part; /* bytes that are put and got at once */
  int (*open)(const char *name, bool create, struct tier_pace *pace,
              void **self, struct hwckpt_error *error);
  void (*close)(void *self);
  int (*each)(void *self, const char *application, tier_visit_fn *visit,
              void *context, struct hwckpt_error *error);
  int (*remove)(void *self, const char *application, const char *file,
                struct hwckpt_error *error);
  int (*drop_begun)(void *self, const char *application, tier_stale_fn *stale,
                    void *context, struct hwckpt_error *error); /* or null */
  /* Parts come in their order, all but the last of the same size. put_end is
   * called in any case; with failed, what is there stays for the next time. */
  int (*put_begin)(void *self, const char *application, const char *file,
                   void **put, struct hwckpt_error *error);
  int (*put_part)(void *put, uint64_t offset, const void *data, size_t length,
                  struct hwckpt_error *error);
  int (*put_end)(void *put, uint64_t length, bool failed,
                 struct hwckpt_error *error);
  int (*get_begin)(void *self, const char *application, const char *file,
                   void **get, struct hwckpt_error *error);
  int (*get_part)(void *get, uint64_t offset, void *data, size_t length,
                  size_t *got, struct hwckpt_error *error);
  void (*get_end)(void *get);
};

extern const struct tier_kind tier_directory, tier_s3;

#endif
