/* cow_child.c - see cow_child.h. What the child may not see is memory that the
 * program took from its children (MADV_DONTFORK: the child dies of it) or has
 * cleared for them (MADV_WIPEONFORK: it says so in smaps). */
#include "cow_child.h"

#include "../arch/sys.h"
#include "quiesce.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#define EXIT_FAILED 1

static _Noreturn void leave(int status) {
  for (;;)
    SYS(exit_group, status);
}

static unsigned hex_digit(char c) {
  if (c >= '0' && c <= '9')
    return (unsigned)(c - '0');
  return c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10 : 16;
}

static bool begins(const char *text, const char *with) {
  return memcmp(text, with, strlen(with)) == 0;
}

static bool holds_run(const struct runs *runs, uint64_t begin, uint64_t end) {
  for (size_t i = 0; i < runs->count; i++)
    if (runs->list[i].kind == DIRTY_PAGES && runs->list[i].begin < end &&
        runs->list[i].end > begin)
      return true;
  return false;
}

static uint64_t hex(const char **p) {
  uint64_t value = 0;
  for (unsigned digit; (digit = hex_digit(**p)) < 16; (*p)++)
    value = value << 4 | digit;
  return value;
}

struct wipes {
  const struct runs *runs;
  uint64_t begin, end; /* of the mapping that is told of */
  bool found;
};

/* A line of smaps: the head of a mapping, or its flags. */
static void read_line(struct wipes *wipes, const char *line) {
  const char *p = line;
  if (hex_digit(*p) < 16) {
    uint64_t begin = hex(&p);
    if (*p == '-') {
      p++;
      wipes->begin = begin;
      wipes->end = hex(&p);
      return;
    }
  }
  if (!begins(line, "VmFlags:"))
    return;
  for (p = line; *p && *p != '\n'; p++)
    if (begins(p, " wf"))
      wipes->found |= holds_run(wipes->runs, wipes->begin, wipes->end);
}

/* Whether a mapping that was cleared for us holds something to be copied. */
static bool is_wiped(const struct runs *runs) {
  static char text[65536 + 16]; /* words are compared beyond its end */
  struct wipes wipes = {.runs = runs};
  size_t held = 0;
  long fd =
      SYS(openat, AT_FDCWD, "/proc/thread-self/smaps", O_RDONLY | O_CLOEXEC, 0);
  if (fd < 0)
    return true;
  for (;;) {
    long got = SYS(read, fd, text + held, 65536 - held);
    if (got <= 0)
      return got < 0 || wipes.found;
    held += (size_t)got;
    text[held] = 0;
    size_t from = 0;
    for (size_t i = 0; i < held; i++)
      if (text[i] == '\n') {
        read_line(&wipes, text + from);
        from = i + 1;
      }
    held -= from;
    memmove(text, text + from, held);
  }
}

static _Noreturn void copy_all(struct capture *capture,
                               const struct memory_map *map,
                               const struct runs *runs, long parent) {
  static struct hwckpt_error error;
  /* At once: a lock of the cache must not outlive the program. */
  SYS(close_range, 0, ~0u, 0);
  SYS(prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  if (SYS(getppid) != parent)
    leave(EXIT_FAILED);
  SYS(prctl, PR_SET_NAME, "hwckpt-copy", 0, 0, 0);
  capture->error = &error;
  if (capture_reopen(capture) < 0)
    leave(EXIT_FAILED);
  struct rlimit64 no_core = {0};
  SYS(prlimit64, 0, RLIMIT_CORE, &no_core, 0);
  if (is_wiped(runs))
    leave(EXIT_FAILED);
  if (capture_runs(capture, map, runs) < 0)
    leave(EXIT_FAILED);
  ring_publish(capture->ring);
  leave(0);
}

long cow_child_start(const struct capture *capture,
                     const struct memory_map *map, const struct runs *runs) {
  struct capture own = *capture;
  struct ring ring = *capture->ring;
  own.ring = &ring;
  ring_publish(capture->ring);
  long parent = SYS(getpid);
  long pid = SYS(clone, 0, 0, 0, 0, 0);
  if (pid == 0)
    copy_all(&own, map, runs, parent);
  if (pid > 0)
    quiesce_calm((int)pid);
  return pid;
}

bool cow_child_wait(struct capture *capture, long pid) {
  int status = 0;
  long result = SYS(wait4, pid, &status, __WCLONE, 0);
  ring_adopt(capture->ring);
  return result == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}
