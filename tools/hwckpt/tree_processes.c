/* tree_processes.c - see tree_processes.h. */
#include "tree_processes.h"
#include "proc_stat.h"

#include "runtime/interface/ask_abi.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct listing {
  struct tree_process *list;
  size_t count, room;
  bool failed;
};

static bool read_whole(const char *path, char *text, size_t size) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return false;
  ssize_t length = read(fd, text, size - 1);
  close(fd);
  text[length > 0 ? length : 0] = 0;
  return length > 0;
}

/* The last number of a line of /proc/PID/status: that of the innermost
 * namespace. */
static pid_t last_number(const char *status, const char *key) {
  const char *at = strstr(status, key);
  pid_t last = 0;
  if (!at)
    return 0;
  at += strlen(key);
  while (*at && *at != '\n') {
    char *end;
    last = (pid_t)strtol(at, &end, 10);
    if (end == at)
      break;
    at = end;
  }
  return last;
}

static uint64_t signals_of(const char *status, const char *key) {
  const char *at = strstr(status, key);
  return at ? strtoull(at + strlen(key), NULL, 16) : 0;
}

static bool look_at_status(struct tree_process *process) {
  char path[64], text[4096];
  snprintf(path, sizeof path, "/proc/%d/status", process->pid);
  if (!read_whole(path, text, sizeof text))
    return false;
  process->inner = last_number(text, "\nNSpid:");
  process->inner_group = last_number(text, "\nNSpgid:");
  process->inner_session = last_number(text, "\nNSsid:");
  process->handles = signals_of(text, "\nSigCgt:") >> (ASK_SIGNAL - 1) & 1;
  process->tracer = last_number(text, "\nTracerPid:");
  process->stops = signals_of(text, "\nShdPnd:") >> (SIGSTOP - 1) & 1;
  return true;
}

/* The first thread has ended, others go on. */
static void look_at_others(struct tree_process *process) {
  struct proc_stat stat;
  process->thread = proc_thread(process->pid);
  bool stopped = process->thread != process->pid &&
                 proc_stat(process->thread, &stat) && stat.state == 'T';
  process->state = stopped ? 'T' : 'S';
}

static bool look_at_stat(struct tree_process *process) {
  char path[64], text[2048];
  uint64_t threads = 1;
  snprintf(path, sizeof path, "/proc/%d/stat", process->pid);
  if (!read_whole(path, text, sizeof text))
    return false;
  char *begin = strchr(text, '('), *end = strrchr(text, ')');
  if (!begin || !end || end < begin)
    return false;
  *end = 0;
  snprintf(process->comm, sizeof process->comm, "%s", begin + 1);
  unsigned field = 3; /* numbered as in proc(5) */
  for (char *rest, *word = strtok_r(end + 1, " \n", &rest); word;
       word = strtok_r(NULL, " \n", &rest), field++) {
    uint64_t value = strtoull(word, NULL, 10);
    if (field == 3)
      process->state = *word;
    else if (field == 20)
      threads = value;
    else if (field == 38)
      process->exit_signal = (uint32_t)value;
    else if (field == 52)
      process->wait_status = (uint32_t)value;
  }
  process->thread = process->pid;
  if (process->state == 'Z' && threads > 1)
    look_at_others(process);
  return true;
}

bool tree_process_look(struct tree_process *process) {
  return look_at_stat(process) && look_at_status(process);
}

static void add(struct listing *listing, pid_t pid, pid_t parent,
                pid_t inner_parent) {
  if (listing->count == listing->room) {
    size_t room = listing->room ? 2 * listing->room : 64;
    struct tree_process *grown =
        realloc(listing->list, room * sizeof *listing->list);
    if (!grown) {
      listing->failed = true;
      return;
    }
    listing->list = grown;
    listing->room = room;
  }
  struct tree_process *process = &listing->list[listing->count];
  *process = (struct tree_process){
      .pid = pid, .parent = parent, .inner_parent = inner_parent};
  listing->count += tree_process_look(process);
}

static bool is_one_of(pid_t pid, const pid_t *pids, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (pids[i] == pid)
      return true;
  return false;
}

static bool is_listed(const struct listing *listing, pid_t pid) {
  for (size_t i = 0; i < listing->count; i++)
    if (listing->list[i].pid == pid)
      return true;
  return false;
}

/* Adds every child of a thread. */
static void add_of_thread(struct listing *listing, pid_t pid, pid_t tid,
                          pid_t parent, pid_t inner_parent,
                          const pid_t *without, size_t without_count) {
  char path[96];
  int child;
  snprintf(path, sizeof path, "/proc/%d/task/%d/children", pid, tid);
  FILE *file = fopen(path, "re");
  while (file && fscanf(file, "%d", &child) == 1)
    if (!is_one_of(child, without, without_count))
      add(listing, child, parent, inner_parent);
  if (file)
    fclose(file);
}

static void add_children(struct listing *listing, pid_t pid, pid_t parent,
                         pid_t inner_parent, const pid_t *without,
                         size_t without_count) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/task", pid);
  DIR *tasks = opendir(path);
  const struct dirent *entry;
  while (tasks && (entry = readdir(tasks)))
    if (isdigit((unsigned char)*entry->d_name))
      add_of_thread(listing, pid, (pid_t)strtol(entry->d_name, NULL, 10),
                    parent, inner_parent, without, without_count);
  if (tasks)
    closedir(tasks);
}

struct reapers {
  const pid_t *others, *without;
  size_t other_count, without_count;
};

/* Processes that reap for us are not of the program, what they have is. */
static void add_adopted(struct listing *listing,
                        const struct reapers *reapers) {
  add_children(listing, getpid(), 0, 0, reapers->without,
               reapers->without_count);
  for (size_t i = 0; i < reapers->other_count; i++)
    add_children(listing, reapers->others[i], 0, 0, reapers->without,
                 reapers->without_count);
}

static void add_descendants(struct listing *listing, size_t from) {
  for (size_t i = from; i < listing->count; i++) {
    const struct tree_process parent = listing->list[i];
    if (parent.state != 'Z')
      add_children(listing, parent.pid, parent.pid, parent.inner, NULL, 0);
  }
}

/* One whose parent ends while we look may have come to us when we had looked at
 * our own children already. */
static bool add_missed(struct listing *listing, const struct reapers *reapers) {
  struct listing adopted = {0};
  size_t before = listing->count;
  add_adopted(&adopted, reapers);
  for (size_t i = 0; i < adopted.count; i++)
    if (!is_listed(listing, adopted.list[i].pid))
      add(listing, adopted.list[i].pid, 0, 0);
  listing->failed |= adopted.failed;
  free(adopted.list);
  add_descendants(listing, before);
  return listing->count > before;
}

bool tree_processes(pid_t root, const pid_t *others, size_t other_count,
                    struct tree_process **list, size_t *count) {
  struct listing listing = {0};
  pid_t without[other_count + 1];
  memcpy(without, others, other_count * sizeof *without);
  without[other_count] = root;
  const struct reapers reapers = {others, without, other_count,
                                  other_count + 1};
  add(&listing, root, 0, 0);
  add_adopted(&listing, &reapers);
  add_descendants(&listing, 0);
  while (add_missed(&listing, &reapers))
    ;
  *list = listing.list;
  *count = listing.count;
  return !listing.failed;
}
