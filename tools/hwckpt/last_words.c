/* last_words.c - what is said when a program was killed: how to go on.
 *
 * A program makes up its application's name itself when none is given (several
 * may run below one `hwckpt run`), so the name is found by looking whose newest
 * generation, written since the start, has the process id. */
#include "last_words.h"
#include "advice.h"
#include "command.h"
#include "generation.h"
#include "key.h"
#include "supervised.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

uint64_t realtime_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

struct search {
  const struct deceased *deceased;
  struct cache *cache;
  struct generation *generation; /* room to open one */
  struct cache_application found;
};

static bool is_of_process(struct search *search,
                          const struct cache_application *application) {
  if (generation_open(search->cache, application->name, application->newest,
                      search->generation, NULL))
    return false;
  bool same = search->generation->process.pid == search->deceased->pid;
  generation_close(search->generation);
  return same;
}

static int visit(const struct cache_application *application, void *context) {
  struct search *search = context;
  const struct deceased *deceased = search->deceased;
  if (!application->newest)
    return 0;
  bool matches = deceased->application
                     ? !strcmp(application->name, deceased->application)
                     : application->newest_ns >= deceased->since_ns &&
                           is_of_process(search, application);
  if (matches)
    search->found = *application;
  return matches;
}

void last_words(const struct deceased *deceased, int status) {
  if (!WIFSIGNALED(status) || supervised())
    return;
  struct search search = {.deceased = deceased,
                          .generation = malloc(sizeof *search.generation)};
  if (!search.generation ||
      key_open_cache(deceased->cache, false, &search.cache, NULL)) {
    free(search.generation);
    return;
  }
  uint64_t now = realtime_ns();
  cache_each_application(search.cache, visit, &search, NULL);
  cache_close(search.cache);
  free(search.generation);
  const struct cache_application *found = &search.found;
  if (!found->newest)
    return;
  char ago[32], advice[ADVICE_MAX];
  text_duration(ago, sizeof ago,
                now > found->newest_ns ? now - found->newest_ns : 0);
  const char *name = strrchr(deceased->program, '/');
  report_note(
      "%s was killed by signal %d; generation %s/%llu, %s before: %s",
      name ? name + 1 : deceased->program, WTERMSIG(status), found->name,
      (unsigned long long)found->newest, ago,
      advice_restore(advice, sizeof advice, deceased->cache, found->name));
}
