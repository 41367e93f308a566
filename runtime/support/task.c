/* task.c - /proc/self/task. Source: proc(5). */
#include "task.h"

#include "../arch/sys.h"
#include "../error.h"
#include "directory_entry.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

/* Flags of a task that the kernel made for itself (include/linux/sched.h). */
#define PF_IO_WORKER 0x00000010u
#define PF_USER_WORKER 0x00004000u

static int number(const char *text) {
  int value = 0;
  for (; *text >= '0' && *text <= '9'; text++)
    value = value * 10 + (*text - '0');
  return value;
}

static void each(const char *path, void (*visit)(int tid, void *context),
                 void *context) {
  char buffer[8192] __attribute__((aligned(8)));
  long fd = SYS(openat, AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
  if (fd < 0)
    return;
  long length;
  while ((length = SYS(getdents64, fd, buffer, sizeof buffer)) > 0)
    for (long at = 0; at < length;) {
      struct directory_entry *entry = (void *)(buffer + at);
      /* The kernel filled the buffer; the analyzer does not know the call. */
      at += entry->length; // NOLINT(clang-analyzer-core.uninitialized.Assign)
      if (entry->name[0] != '.')
        visit(number(entry->name), context);
    }
  SYS(close, fd);
}

void task_each(void (*visit)(int tid, void *context), void *context) {
  each("/proc/self/task", visit, context);
}

void task_each_of(int pid, void (*visit)(int tid, void *context),
                  void *context) {
  char path[32];
  hwckpt_format(path, sizeof path, "/proc/%d/task", pid);
  each(path, visit, context);
}

long task_read(int tid, const char *file, char *buffer, size_t size) {
  char path[64];
  hwckpt_format(path, sizeof path, "/proc/self/task/%d/%s", tid, file);
  long fd = SYS(openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
  if (fd < 0)
    return fd;
  long length = SYS(read, fd, buffer, size - 1);
  SYS(close, fd);
  if (length >= 0)
    buffer[length] = 0;
  return length;
}

unsigned task_count(void) {
  /* The analyzer does not know that the call fills it. */
  struct stat status = {0};
  if (SYS(newfstatat, AT_FDCWD, "/proc/self/task", &status, 0) < 0)
    return 0;
  return (unsigned)status.st_nlink - 2;
}

/* The fields of "stat" behind the name: state, then numbers. */
static const char *behind_name(const char *text) {
  const char *state = text;
  /* The name in parentheses may hold anything. */
  for (const char *p = text; *p; p++)
    if (*p == ')')
      state = p;
  return strlen(state) > 2 ? state + 2 : "";
}

bool task_never_stops(int tid) {
  char text[512];
  if (task_read(tid, "stat", text, sizeof text) < 0)
    return false; /* not there any more */
  const char *p = behind_name(text);
  if (*p == 'Z' || *p == 'X')
    return true;
  /* state ppid pgrp session tty_nr tpgid flags */
  for (int field = 0; field < 6; field++)
    while (*p && *p++ != ' ') {
    }
  return ((unsigned)number(p) & (PF_IO_WORKER | PF_USER_WORKER)) != 0;
}

int task_processor(int tid) {
  char text[512];
  if (task_read(tid, "stat", text, sizeof text) < 0)
    return -1;
  const char *p = behind_name(text);
  for (int field = 3; field < 39; field++)
    while (*p && *p++ != ' ') {
    }
  return *p ? number(p) : -1;
}
