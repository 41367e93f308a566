/* survivors.c - see survivors.h. */
#include "survivors.h"
#include "options_text.h"
#include "proc_stat.h"
#include "process_id.h"
#include "selection.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define NAMED 16u /* the others are counted */
#define READINGS 50u
#define END_STEPS 1000u /* memory is given back, however much it is */
#define STEP_NS 20000000
#define END_S 2      /* for others to see that the first process is gone, */
#define LOOKS_MIN 5u /* however long it takes to look at all processes */

struct found {
  pid_t named[NAMED];
  size_t count;
  bool first; /* is one of them: none of the others will end */
};

/* ---- one process ---- */

static bool is_of_generations(const struct survivors_search *search, pid_t pid,
                              const struct proc_stat *stat) {
  for (size_t i = 0; i < search->count; i++)
    if (search->generations[i]->process.pid == pid &&
        process_id_is_program(pid, stat, &search->generations[i]->process))
      return true;
  return false;
}

/* HWCKPT_OPTIONS that it was begun with, to be freed; null: none, or not ours
 * to read. */
static char *options_of(pid_t pid) {
  static const char key[] = "HWCKPT_OPTIONS=";
  char path[64], *entry = NULL;
  size_t size = 0;
  snprintf(path, sizeof path, "/proc/%d/environ", proc_thread(pid));
  FILE *file = fopen(path, "re");
  bool is = false;
  while (file && !is && getdelim(&entry, &size, 0, file) > 0)
    is = !strncmp(entry, key, sizeof key - 1);
  if (file)
    fclose(file);
  if (is)
    return memmove(entry, entry + sizeof key - 1,
                   strlen(entry) + 2 - sizeof key);
  free(entry);
  return NULL;
}

/* The coordinator's number is another in each life, the first process's id is
 * not. */
static bool is_of_root(const struct survivors_search *search, pid_t pid) {
  char *options = options_of(pid);
  char cache[CACHE_PATH_MAX] = "", tree[32] = "", name[CACHE_NAME_MAX] = "";
  if (!options)
    return false;
  options_find(options, "cache", cache, sizeof cache);
  options_find(options, "tree", tree, sizeof tree);
  options_find(options, "application", name, sizeof name);
  free(options);
  const char *root = strchr(tree, '-');
  return root && atoi(root + 1) == search->generations[0]->process.pid &&
         !strcmp(cache, search->cache) &&
         (!*name || !strcmp(name, search->application));
}

/* Whether a `hwckpt` stands by for it: then it is another application's, as one
 * that was restored under a name of its own. */
static bool has_tool(pid_t pid) {
  struct proc_stat stat;
  while (pid > 1 && proc_stat(pid, &stat)) {
    if (!strcmp(stat.comm, "hwckpt"))
      return true;
    pid = stat.parent;
  }
  return false;
}

static bool descends(const struct survivors_search *search, pid_t pid) {
  struct proc_stat stat;
  while (pid > 1 && proc_stat(pid, &stat)) {
    if (is_of_generations(search, pid, &stat))
      return true;
    pid = stat.parent;
  }
  return false;
}

/* Who restores may itself have been started by the program. */
static void look_at(const struct survivors_search *search, pid_t pid,
                    struct found *found) {
  struct proc_stat stat;
  if (!proc_stat(pid, &stat) || proc_is_ending(pid, &stat) ||
      proc_descends(getpid(), pid))
    return;
  if (!descends(search, pid) && (!is_of_root(search, pid) || has_tool(pid)))
    return;
  found->first |= pid == search->generations[0]->process.pid;
  if (found->count < NAMED)
    found->named[found->count] = pid;
  found->count++;
}

/* ---- all of them ---- */

static void look(const struct survivors_search *search, struct found *found) {
  DIR *all = opendir("/proc");
  const struct dirent *entry;
  *found = (struct found){0};
  while (all && (entry = readdir(all)))
    if (isdigit((unsigned char)*entry->d_name))
      look_at(search, (pid_t)strtol(entry->d_name, NULL, 10), found);
  if (all)
    closedir(all);
}

static int tell(const struct survivors_search *search,
                const struct found *found, struct hwckpt_error *error) {
  char text[NAMED * 12 + 48];
  size_t length = (size_t)snprintf(text, sizeof text, "as process%s",
                                   found->count == 1 ? "" : "es");
  for (size_t i = 0; i < found->count && i < NAMED; i++)
    length += (size_t)snprintf(text + length, sizeof text - length, "%s %d",
                               i ? "," : "", found->named[i]);
  if (found->count > NAMED)
    snprintf(text + length, sizeof text - length, " and %zu more",
             found->count - NAMED);
  return hwckpt_fail(error, HWCKPT_E_STILL_RUNNING, 0, search->application,
                     "%s", text);
}

/* ---- whether there are any ---- */

static bool any_of_generations(const struct survivors_search *search) {
  struct proc_stat stat;
  for (size_t i = 0; i < search->count; i++) {
    pid_t pid = search->generations[i]->process.pid;
    if ((!kill(pid, 0) || errno != ESRCH) && proc_stat(pid, &stat) &&
        is_of_generations(search, pid, &stat))
      return true;
  }
  return false;
}

/* To be freed. */
static char *read_children(pid_t pid) {
  char path[64], *text = NULL;
  size_t size = 0;
  snprintf(path, sizeof path, "/proc/%d/task/%d/children", pid, pid);
  FILE *file = fopen(path, "re");
  if (file && getdelim(&text, &size, '\n', file) < 0) {
    free(text);
    text = NULL;
  }
  if (file)
    fclose(file);
  return text;
}

/* While some of them are reaped the kernel may pass over others: it is read
 * until nothing has changed. Null: it has none. */
static char *children_of(pid_t pid) {
  char *text = read_children(pid);
  for (unsigned i = 0; text && i < READINGS; i++) {
    char *again = read_children(pid);
    bool same = again && !strcmp(text, again);
    free(text);
    text = again;
    if (same)
      break;
  }
  return text;
}

static bool any_adopted_by(const struct survivors_search *search, pid_t pid) {
  char *children = children_of(pid), *rest;
  bool found = false;
  for (char *word = children ? strtok_r(children, " ", &rest) : NULL;
       word && !found; word = strtok_r(NULL, " ", &rest))
    found = is_of_root(search, (pid_t)strtol(word, NULL, 10));
  free(children);
  return found;
}

/* They were adopted by the first process of the system, or by a subreaper that
 * their `hwckpt` came of, as this one does most likely: to look at all takes as
 * long as to restore. */
static bool any(const struct survivors_search *search) {
  struct proc_stat stat;
  if (any_of_generations(search) || any_adopted_by(search, 1))
    return true;
  for (pid_t pid = getppid(); pid > 1 && proc_stat(pid, &stat);
       pid = stat.parent)
    if (any_adopted_by(search, pid))
      return true;
  return false;
}

/* What one that ends has born is adopted when its memory is gone. */
static void await_ends(const struct survivors_search *search) {
  const struct timespec step = {.tv_nsec = STEP_NS};
  struct proc_stat stat;
  for (size_t i = 0; i < search->count; i++) {
    pid_t pid = search->generations[i]->process.pid;
    for (unsigned j = 0; j < END_STEPS && (!kill(pid, 0) || errno != ESRCH) &&
                         proc_stat(pid, &stat) && stat.state != 'Z' &&
                         proc_is_ending(pid, &stat);
         j++)
      nanosleep(&step, NULL);
  }
}

static time_t seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec;
}

int survivors_check(const struct survivors_search *search,
                    struct hwckpt_error *error) {
  const struct timespec step = {.tv_nsec = STEP_NS};
  struct found found = {0};
  await_ends(search);
  if (any(search))
    look(search, &found);
  time_t end = seconds() + END_S;
  for (unsigned i = 0;
       found.count && !found.first && (i < LOOKS_MIN || seconds() <= end);
       i++) {
    nanosleep(&step, NULL);
    look(search, &found);
  }
  return found.count ? tell(search, &found, error) : 0;
}
