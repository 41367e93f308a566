/* running.c - see running.h. */
#include "running.h"
#include "elf_file.h"
#include "options_text.h"
#include "proc_stat.h"

#include "runtime/cache/cache.h"
#include "runtime/interface/ask_abi.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FOUND_MAX 64
#define ROOT_MAX 32

static FILE *open_of(pid_t pid, const char *name) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/%s", proc_thread(pid), name);
  return fopen(path, "re");
}

static bool handles_signal(pid_t pid) {
  char line[256];
  uint64_t caught = 0;
  FILE *file = open_of(pid, "status");
  if (!file)
    return false;
  while (fgets(line, sizeof line, file))
    if (!strncmp(line, "SigCgt:", 7))
      caught = strtoull(line + 7, NULL, 16);
  fclose(file);
  return caught >> (ASK_SIGNAL - 1) & 1;
}

static bool file_has_runtime(const char *path) {
  struct elf_file elf;
  if (elf_open(&elf, path))
    return false;
  bool has = elf_has_runtime(&elf);
  elf_close(&elf);
  return has;
}

/* The runtime is in the program or preloaded; of a restored program the kernel
 * may not know the file, but its memory does. */
static bool memory_has_runtime(pid_t pid) {
  char line[PATH_MAX + 128], looked_at[PATH_MAX] = "", permissions[8];
  FILE *file = open_of(pid, "maps");
  bool has = false;
  if (!file)
    return false;
  while (!has && fgets(line, sizeof line, file)) {
    char *path = strchr(line, '/');
    line[strcspn(line, "\n")] = 0;
    if (!path || sscanf(line, "%*s %7s", permissions) != 1 ||
        permissions[2] != 'x' || !strcmp(path, looked_at))
      continue;
    snprintf(looked_at, sizeof looked_at, "%s", path);
    const char *base = strrchr(path, '/') + 1;
    has = !strncmp(base, "hwckpt-preload.so", 17) || file_has_runtime(path);
  }
  fclose(file);
  return has;
}

bool running_has_runtime(pid_t pid) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/exe", proc_thread(pid));
  return handles_signal(pid) &&
         (file_has_runtime(path) || memory_has_runtime(pid));
}

/* HWCKPT_OPTIONS that it was started with, to be freed; null: none, or not ours
 * to read. */
static char *options_of(pid_t pid) {
  static const char key[] = "HWCKPT_OPTIONS=";
  char *entry = NULL;
  size_t size = 0;
  FILE *file = open_of(pid, "environ");
  bool is = false;
  while (file && !is && getdelim(&entry, &size, 0, file) > 0)
    is = !strncmp(entry, key, sizeof key - 1);
  if (file)
    fclose(file);
  char *options = is ? strdup(entry + sizeof key - 1) : NULL;
  free(entry);
  return options;
}

static bool is_application(pid_t pid, const char *name) {
  char *options = options_of(pid), found[CACHE_NAME_MAX] = "";
  options_find(options, "application", found, sizeof found);
  free(options);
  return !strcmp(found, name);
}

static bool is_file(pid_t pid, const char *name) {
  char path[64], target[PATH_MAX];
  snprintf(path, sizeof path, "/proc/%d/exe", proc_thread(pid));
  ssize_t length = readlink(path, target, sizeof target - 1);
  target[length > 0 ? length : 0] = 0;
  const char *slash = strrchr(target, '/');
  return slash && !strcmp(slash + 1, name);
}

static size_t find_all(const char *name, pid_t found[FOUND_MAX]) {
  size_t count = 0;
  DIR *proc = opendir("/proc");
  const struct dirent *entry;
  while (proc && (entry = readdir(proc)) && count < FOUND_MAX) {
    pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
    if (isdigit((unsigned char)*entry->d_name) &&
        (is_application(pid, name) || is_file(pid, name)) &&
        running_has_runtime(pid))
      found[count++] = pid;
  }
  if (proc)
    closedir(proc);
  return count;
}

/* The first process of the program that it was started in, as `hwckpt run` or
 * `hwckpt restore` says it; "": none. */
static void root_of(pid_t pid, char root[ROOT_MAX]) {
  char *options = options_of(pid), tree[ROOT_MAX] = "";
  options_find(options, "tree", tree, sizeof tree);
  free(options);
  const char *number = strchr(tree, '-');
  snprintf(root, ROOT_MAX, "%s", number ? number + 1 : "");
}

/* The `hwckpt` that stands by for it, 0: none. */
static pid_t tool_of(pid_t pid) {
  struct proc_stat stat;
  while (pid > 1 && proc_stat(pid, &stat)) {
    if (!strcmp(stat.comm, "hwckpt"))
      return pid;
    pid = stat.parent;
  }
  return 0;
}

/* Two of one program, neither of which descends from the other: an orphan is a
 * child of the tool. */
static bool is_same_program(pid_t one, pid_t other) {
  char root[ROOT_MAX], other_root[ROOT_MAX];
  pid_t tool = tool_of(one);
  if (!tool || tool != tool_of(other))
    return false;
  root_of(one, root);
  root_of(other, other_root);
  return *root && !strcmp(root, other_root);
}

/* Of a program and the children that it forked, the program is meant; of its
 * first process and orphans any: who is asked, all take part. */
static size_t drop_children(pid_t *found, size_t count) {
  bool drop[FOUND_MAX] = {false};
  size_t left = 0;
  for (size_t i = 0; i < count; i++)
    for (size_t j = 0; j < count; j++)
      drop[i] |= i != j && proc_descends(found[i], found[j]);
  for (size_t i = 0; i < count; i++)
    for (size_t j = 0; j < i && !drop[i]; j++)
      drop[i] = !drop[j] && is_same_program(found[i], found[j]);
  for (size_t i = 0; i < count; i++)
    if (!drop[i])
      found[left++] = found[i];
  return left;
}

int running_find(const char *name, pid_t *pid, struct hwckpt_error *error) {
  pid_t found[FOUND_MAX];
  size_t count = drop_children(found, find_all(name, found));
  if (count == 1) {
    *pid = found[0];
    return 0;
  }
  if (!count)
    return hwckpt_fail(error, HWCKPT_E_NO_PROCESS, 0, name, "%s", "");
  return hwckpt_fail(error, HWCKPT_E_NO_PROCESS, 0, name,
                     "%zu programs have the name, processes %d and %d are two",
                     count, found[0], found[1]);
}
