/* history.c - see history.h. */
#include "history.h"

#include "runtime/cache/cache.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define FILE_NAME "history"
#define LINE_MAX_BYTES 128
/* Beyond this the older half goes. */
#define MOST_BYTES ((off_t)64 << 10)

static const char *const words[HISTORY_WHATS] = {
    "began", "restored", "ended", "stopped", "failed", "gave-up", "set-aside"};

const char *history_word(enum history_what what) { return words[what]; }

char *history_status(char *buffer, unsigned size, int status) {
  if (WIFSIGNALED(status))
    snprintf(buffer, size, "killed by signal %d (%s)", WTERMSIG(status),
             strsignal(WTERMSIG(status)));
  else
    snprintf(buffer, size, "exit status %d", WEXITSTATUS(status));
  return buffer;
}

static int open_directory(const char *cache, const char *application) {
  int directory = open(cache, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0)
    return -1;
  int found = openat(directory, application,
                     O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  close(directory);
  return found;
}

/* As any file of a cache: a regular one that nobody else may write. */
static bool is_ours(int fd) {
  struct stat status;
  return !fstat(fd, &status) && S_ISREG(status.st_mode) &&
         status.st_uid == geteuid() && !(status.st_mode & (S_IWGRP | S_IWOTH));
}

/* O_NONBLOCK: a fifo in its place is not waited for. */
static int open_file(const char *cache, const char *application, int flags) {
  int directory = open_directory(cache, application);
  if (directory < 0)
    return -1;
  int fd = cache_io_kernel.openat(
      directory, FILE_NAME,
      flags | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0600);
  close(directory);
  if (fd >= 0 && is_ours(fd))
    return fd;
  if (fd >= 0)
    close(fd);
  errno = fd < 0 ? -fd : EPERM;
  return -1;
}

/* Keeps the newer half, from the begin of a line, when it grew large. */
static void shorten(const char *cache, const char *application, int fd) {
  static char kept[MOST_BYTES];
  struct stat status;
  if (fstat(fd, &status) || status.st_size <= MOST_BYTES)
    return;
  ssize_t got = pread(fd, kept, sizeof kept / 2,
                      status.st_size - (off_t)(sizeof kept / 2));
  const char *line = got > 0 ? memchr(kept, '\n', (size_t)got) : NULL;
  int directory = line ? open_directory(cache, application) : -1;
  if (directory < 0)
    return;
  size_t length = (size_t)got - (size_t)(line + 1 - kept);
  unlinkat(directory, FILE_NAME ".new", 0); /* of one that was killed here */
  int other = cache_io_kernel.openat(
      directory, FILE_NAME ".new",
      O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (other >= 0) {
    if (write(other, line + 1, length) == (ssize_t)length && !fsync(other))
      renameat(directory, FILE_NAME ".new", directory, FILE_NAME);
    close(other);
  }
  close(directory);
}

int history_add(const char *cache, const char *application,
                const struct history_entry *entry, struct hwckpt_error *error) {
  char line[LINE_MAX_BYTES];
  int length = snprintf(line, sizeof line, "%" PRIu64 " %s %" PRIu64 " %d\n",
                        entry->realtime_ns, words[entry->what],
                        entry->generation, entry->status);
  int fd = open_file(cache, application, O_RDWR | O_CREAT | O_APPEND);
  int failed = 0;
  if (fd < 0 || write(fd, line, (size_t)length) != length || fsync(fd))
    failed = hwckpt_fail(error, HWCKPT_E_CACHE_IO, errno, application, "%s",
                         FILE_NAME);
  else
    shorten(cache, application, fd);
  if (fd >= 0)
    close(fd);
  return failed;
}

static bool parse(const char *line, struct history_entry *entry) {
  char word[16];
  if (sscanf(line, "%" SCNu64 " %15s %" SCNu64 " %d", &entry->realtime_ns, word,
             &entry->generation, &entry->status) != 4)
    return false;
  for (unsigned i = 0; i < HISTORY_WHATS; i++)
    if (!strcmp(word, words[i])) {
      entry->what = (enum history_what)i;
      return true;
    }
  return false;
}

void history_each(const char *cache, const char *application,
                  void (*visit)(const struct history_entry *, void *),
                  void *context) {
  char line[LINE_MAX_BYTES];
  struct history_entry entry;
  int fd = open_file(cache, application, O_RDONLY);
  FILE *file = fd < 0 ? NULL : fdopen(fd, "r");
  if (!file) {
    if (fd >= 0)
      close(fd);
    return;
  }
  while (fgets(line, sizeof line, file))
    if (strchr(line, '\n') && parse(line, &entry))
      visit(&entry, context);
  fclose(file);
}

static void take_last(const struct history_entry *entry, void *context) {
  *(struct history_entry *)context = *entry;
}

bool history_is_unfinished(const char *cache, const char *application) {
  struct history_entry last = {.what = HISTORY_ENDED};
  history_each(cache, application, take_last, &last);
  return last.what != HISTORY_ENDED;
}
