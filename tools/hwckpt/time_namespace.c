/* time_namespace.c - see time_namespace.h. */
#include "time_namespace.h"
#include "command.h"
#include "secrets.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif
#define SECOND ((uint64_t)1000000000)

static struct clock {
  const char *name; /* in /proc/PID/timens_offsets */
  clockid_t id;
  uint64_t ahead_ns; /* at the checkpoint, of now */
} clocks[] = {{"monotonic", CLOCK_MONOTONIC, 0},
              {"boottime", CLOCK_BOOTTIME, 0}};
#define CLOCKS (sizeof clocks / sizeof *clocks)

static uint64_t now_ns(clockid_t id) {
  struct timespec now = {0};
  clock_gettime(id, &now);
  return (uint64_t)now.tv_sec * SECOND + (uint64_t)now.tv_nsec;
}

void time_namespace_plan(const Process *then) {
  const uint64_t at[CLOCKS] = {then->monotonic_ns, then->boottime_ns};
  for (size_t i = 0; i < CLOCKS; i++) {
    uint64_t now = now_ns(clocks[i].id);
    clocks[i].ahead_ns = at[i] > now ? at[i] - now : 0;
  }
}

uint64_t time_namespace_ahead_ns(void) { return clocks[0].ahead_ns; }

/* The namespace that we are in has offsets too, which the new one begins with;
 * they count from the machine's clock. */
static int set_offsets(void) {
  char name[32], text[256];
  int64_t second;
  long nanosecond;
  size_t length = 0;
  FILE *file = fopen("/proc/self/timens_offsets", "re");
  if (!file)
    return errno;
  while (length < sizeof text &&
         fscanf(file, "%31s %" SCNd64 " %ld", name, &second, &nanosecond) == 3)
    for (size_t i = 0; i < CLOCKS; i++) {
      if (strcmp(name, clocks[i].name) != 0)
        continue;
      uint64_t sum = (uint64_t)nanosecond + clocks[i].ahead_ns % SECOND;
      second += (int64_t)(clocks[i].ahead_ns / SECOND + sum / SECOND);
      length += (size_t)snprintf(text + length, sizeof text - length,
                                 "%s %" PRId64 " %" PRIu64 "\n", name, second,
                                 sum % SECOND);
    }
  fclose(file);
  bool kept = secrets_open_proc();
  int fd = open("/proc/self/timens_offsets", O_WRONLY | O_CLOEXEC);
  secrets_close_proc(kept);
  if (fd < 0)
    return errno;
  ssize_t written = write(fd, text, length);
  int failed = written == (ssize_t)length ? 0 : errno;
  close(fd);
  return failed;
}

int time_namespace_enter(void) {
  bool wanted = false;
  for (size_t i = 0; i < CLOCKS; i++)
    wanted |= clocks[i].ahead_ns > 0;
  if (!wanted)
    return -1;
  int own = open("/proc/self/ns/time", O_RDONLY | O_CLOEXEC);
  int failed = own < 0 ? errno : unshare(CLONE_NEWTIME) ? errno : 0;
  if (!failed && (failed = set_offsets()))
    setns(own, CLONE_NEWTIME);
  if (!failed)
    return own;
  report_note("CLOCK_MONOTONIC runs backwards in the program: %s",
              strerror(failed));
  clocks[0].ahead_ns = 0;
  if (own >= 0)
    close(own);
  return -1;
}

void time_namespace_leave(int own) {
  if (own < 0)
    return;
  setns(own, CLONE_NEWTIME);
  close(own);
}
