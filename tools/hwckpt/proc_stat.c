/* proc_stat.c - what the kernel tells of a process in /proc/PID. */
#include "proc_stat.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool read_file(pid_t pid, const char *name, char *buffer, size_t size) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return false;
  ssize_t length = read(fd, buffer, size - 1);
  close(fd);
  buffer[length > 0 ? length : 0] = 0;
  return length > 0;
}

/* Of that thread alone; *threads: how many its process has. */
static bool read_stat(pid_t pid, struct proc_stat *stat, uint64_t *threads) {
  char text[2048];
  *stat = (struct proc_stat){0};
  *threads = 1;
  if (!read_file(pid, "stat", text, sizeof text))
    return false;
  /* The name may hold anything, parentheses too: the last one ends it. */
  char *begin = strchr(text, '('), *end = strrchr(text, ')');
  if (!begin || !end || end < begin)
    return false;
  *end = 0;
  snprintf(stat->comm, sizeof stat->comm, "%s", begin + 1);
  unsigned field = 3; /* numbered as in proc(5) */
  for (char *rest, *word = strtok_r(end + 1, " \n", &rest); word;
       word = strtok_r(NULL, " \n", &rest), field++) {
    uint64_t value = strtoull(word, NULL, 10);
    switch (field) {
    case 3:
      stat->state = *word;
      break;
    case 4:
      stat->parent = (pid_t)value;
      break;
    case 5:
      stat->group = (pid_t)value;
      break;
    case 6:
      stat->session = (pid_t)value;
      break;
    case 9:
      stat->flags = (unsigned)value;
      break;
    case 20:
      *threads = value;
      break;
    case 26:
      stat->start_code = value;
      break;
    case 28:
      stat->start_stack = value;
      break;
    case 48:
      stat->arg_start = value;
      break;
    case 50:
      stat->env_start = value;
      break;
    }
  }
  return stat->state != 0;
}

/* Threads of the runtime have tables of descriptors of their own. */
static bool is_of_program(pid_t tid) {
  struct proc_stat stat;
  uint64_t threads;
  return read_stat(tid, &stat, &threads) && !strchr("ZXx", stat.state) &&
         !(stat.flags & PROC_FLAG_EXITING) &&
         strncmp(stat.comm, "hwckpt", 6) != 0;
}

pid_t proc_thread(pid_t pid) {
  struct proc_stat stat;
  uint64_t threads;
  char path[64];
  pid_t found = pid;
  if (!read_stat(pid, &stat, &threads) || stat.state != 'Z' || threads < 2)
    return pid;
  snprintf(path, sizeof path, "/proc/%d/task", pid);
  DIR *tasks = opendir(path);
  const struct dirent *entry;
  while (tasks && found == pid && (entry = readdir(tasks))) {
    pid_t tid = (pid_t)strtol(entry->d_name, NULL, 10);
    if (isdigit((unsigned char)*entry->d_name) && tid != pid &&
        is_of_program(tid))
      found = tid;
  }
  if (tasks)
    closedir(tasks);
  return found;
}

pid_t proc_find_thread(pid_t pid, bool (*is)(const struct proc_stat *stat)) {
  struct proc_stat stat;
  uint64_t threads;
  char path[64];
  pid_t found = 0;
  snprintf(path, sizeof path, "/proc/%d/task", pid);
  DIR *tasks = opendir(path);
  if (!tasks)
    return -1;
  const struct dirent *entry;
  while (!found && (entry = readdir(tasks))) {
    pid_t tid = (pid_t)strtol(entry->d_name, NULL, 10);
    if (isdigit((unsigned char)*entry->d_name) &&
        read_stat(tid, &stat, &threads) && is(&stat))
      found = tid;
  }
  closedir(tasks);
  return found;
}

bool proc_stat(pid_t pid, struct proc_stat *stat) {
  struct proc_stat other;
  uint64_t threads;
  if (!read_stat(pid, stat, &threads))
    return false;
  pid_t thread = stat->state == 'Z' && threads > 1 ? proc_thread(pid) : pid;
  if (thread == pid || !read_stat(thread, &other, &threads))
    return true;
  memcpy(other.comm, stat->comm, sizeof other.comm);
  *stat = other;
  return true;
}

/* The value behind a key of /proc/PID/status, in the base given. */
static bool status_value(const char *status, const char *key, int base,
                         uint64_t *value) {
  const char *at = strstr(status, key);
  if (!at)
    return false;
  *value = strtoull(at + strlen(key), NULL, base);
  return true;
}

bool proc_is_ending(pid_t pid, const struct proc_stat *stat) {
  if (strchr("ZXx", stat->state) || stat->flags & PROC_FLAG_EXITING)
    return true;
  char status[4096];
  uint64_t own = 0, shared = 0;
  if (!read_file(pid, "status", status, sizeof status))
    return true;
  status_value(status, "\nSigPnd:", 16, &own);
  status_value(status, "\nShdPnd:", 16, &shared);
  return (own | shared) & (1ull << (SIGKILL - 1));
}

pid_t proc_of_thread(pid_t tid) {
  char status[4096];
  uint64_t process = 0;
  if (!read_file(tid, "status", status, sizeof status) ||
      !status_value(status, "\nTgid:", 10, &process))
    return 0;
  return (pid_t)process;
}

bool proc_descends(pid_t pid, pid_t ancestor) {
  struct proc_stat stat;
  while (pid > 1 && pid != ancestor) {
    if (!proc_stat(pid, &stat))
      return false;
    pid = stat.parent;
  }
  return pid == ancestor;
}

bool proc_find_group(pid_t pid, char *name, size_t size) {
  DIR *all = opendir("/proc");
  bool found = false;
  if (!all)
    return false;
  for (struct dirent *entry; !found && (entry = readdir(all));) {
    struct proc_stat stat;
    if (!isdigit((unsigned char)entry->d_name[0]) ||
        !proc_stat((pid_t)strtol(entry->d_name, NULL, 10), &stat))
      continue;
    found = stat.group == pid || stat.session == pid;
    if (found)
      snprintf(name, size, "%s (pid %s)", stat.comm, entry->d_name);
  }
  closedir(all);
  return found;
}
