/* spill.c - copying checkpoints to a tier while the program runs. */
#include "spill.h"
#include "command.h"
#include "key.h"
#include "text.h"
#include "tools/tiers/copies.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#define SECOND UINT64_C(1000000000)
#define LOOK_MS 100 /* whether something moves */
#define IDLE_MOST 4 /* times the patience, at the end */

struct spill {
  pthread_t thread;
  struct tier *tier;
  struct cache *cache; /* of the thread alone */
  char application[CACHE_NAME_MAX];
  int renamed; /* inotify: a generation was committed */
  int end;     /* eventfd: the program has ended */
  int done;    /* eventfd: and so has the thread */
  uint64_t patience_ns;
  int said;  /* code of the last error that was reported */
  bool told; /* of a newer copy that the tier has */
};

/* Of another program of that name, of before or of now: it is for the user to
 * say which is wanted. */
static void tell_newer(struct spill *spill,
                       const struct copies_result *result) {
  char name[4 * CACHE_NAME_MAX];
  if (result->newest > result->number && !spill->told) {
    spill->told = true;
    report_note("%s has %s/%" PRIu64 ", beyond what this run has: a restore "
                "takes that from there unless another is named",
                tier_name(spill->tier),
                text_escape(name, sizeof name, spill->application),
                result->newest);
  }
}

/* A generation that is not there yet, or not any more, is no failure. False:
 * the tier does not answer. */
static bool send_newest(struct spill *spill) {
  struct hwckpt_error error = {0};
  struct copies_result result;
  int failed = copies_send(spill->tier, spill->cache, spill->application, 0,
                           &result, &error);
  if (!failed)
    tell_newer(spill, &result);
  if (!failed)
    spill->said = 0;
  else if (error.code != HWCKPT_E_CACHE_EMPTY &&
           error.code != HWCKPT_E_NO_GENERATION && failed != spill->said) {
    report_warning(&error);
    spill->said = failed;
  }
  return failed != -HWCKPT_E_S3_UNREACHABLE;
}

/* What happened until now is dealt with at once. */
static void forget_events(int fd) {
  char events[4096];
  while (read(fd, events, sizeof events) > 0)
    ;
}

/* Raises an event. */
static bool tell(int fd) {
  const uint64_t one = 1;
  return write(fd, &one, sizeof one) == sizeof one;
}

/* Once the program has ended, a tier that did not answer since is not asked for
 * a newer checkpoint too. */
static void *work(void *context) {
  struct spill *spill = context;
  struct pollfd watched[] = {{.fd = spill->end, .events = POLLIN},
                             {.fd = spill->renamed, .events = POLLIN}};
  bool answers;
  do {
    poll(watched, 2, -1);
    forget_events(spill->renamed);
    answers = send_newest(spill);
  } while (!watched[0].revents && (answers || poll(watched, 1, 0) <= 0));
  tell(spill->done);
  return NULL;
}

static void free_spill(struct spill *spill) {
  if (spill->cache)
    cache_close(spill->cache);
  tier_close(spill->tier);
  if (spill->renamed >= 0)
    close(spill->renamed);
  if (spill->end >= 0)
    close(spill->end);
  if (spill->done >= 0)
    close(spill->done);
  free(spill);
}

static int watch(struct spill *spill, const struct spill_request *request,
                 struct hwckpt_error *error) {
  char path[4096 + CACHE_NAME_MAX];
  snprintf(path, sizeof path, "%s/%s", request->cache, request->application);
  spill->renamed = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
  spill->end = eventfd(0, EFD_CLOEXEC);
  spill->done = eventfd(0, EFD_CLOEXEC);
  if (spill->renamed < 0 || spill->end < 0 || spill->done < 0 ||
      inotify_add_watch(spill->renamed, path, IN_MOVED_TO) < 0)
    return hwckpt_fail(error, HWCKPT_E_CACHE_IO, errno, path,
                       "it cannot be watched");
  return 0;
}

/* Signals are for the thread that stands by. */
static int start(struct spill *spill, struct hwckpt_error *error) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int number = pthread_create(&spill->thread, NULL, work, spill);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return number ? hwckpt_fail(error, HWCKPT_E_RESTORE_MEMORY, number,
                              "a thread for --spill", "%s", "")
                : 0;
}

int spill_begin(const struct spill_request *request, struct spill **result,
                struct hwckpt_error *error) {
  *result = NULL;
  if (!request->tier)
    return 0;
  struct spill *spill = calloc(1, sizeof *spill);
  if (!spill)
    return hwckpt_fail(error, HWCKPT_E_RESTORE_MEMORY, 0, request->tier, "%s",
                       "");
  spill->renamed = spill->end = spill->done = -1;
  spill->patience_ns = request->limits.patience_ns ? request->limits.patience_ns
                                                   : TIER_PATIENCE_NS;
  hwckpt_format(spill->application, sizeof spill->application, "%s",
                request->application);
  int failed =
      tier_open(request->tier, true, &request->limits, &spill->tier, error);
  if (!failed)
    tier_set_key(spill->tier, request->key);
  if (!failed)
    failed = key_open_cache(request->cache, false, &spill->cache, error);
  if (!failed)
    failed = watch(spill, request, error);
  if (!failed)
    failed = start(spill, error);
  if (failed)
    free_spill(spill);
  else
    *result = spill;
  return failed;
}

/* Whether it is done, in the end; false: nothing moves any more. A storage that
 * does not answer gives up by itself before. */
static bool wait_until_done(struct spill *spill) {
  struct pollfd watched = {.fd = spill->done, .events = POLLIN};
  bool done;
  tier_set_idle(spill->tier);
  do
    done = poll(&watched, 1, LOOK_MS) > 0;
  while (!done && tier_idle_ns(spill->tier) < IDLE_MOST * spill->patience_ns);
  return done;
}

/* What hangs in the kernel ends with the process. */
void spill_end(struct spill *spill) {
  struct hwckpt_error error = {0};
  if (!spill || !tell(spill->end))
    return;
  if (wait_until_done(spill)) {
    pthread_join(spill->thread, NULL);
    free_spill(spill);
    return;
  }
  hwckpt_fail(&error, HWCKPT_E_TIER_IO, 0, tier_name(spill->tier),
              "nothing moved for %" PRIu64 " s, so it is not waited for",
              IDLE_MOST * spill->patience_ns / SECOND);
  report_warning(&error);
}
