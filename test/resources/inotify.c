// inotify: the watches come back under their numbers and see what happens; with
// events that are not read there is no checkpoint.
// RUN: rm -rf %t.d && mkdir %t.d && %behaviour %s -o %t && %restored -- %t %t.d
#include "behaviour.h"
#include <sys/inotify.h>
#include <sys/stat.h>
static char path[4096];
static const char *in(const char *folder, const char *name) {
  snprintf(path, sizeof path, "%s/%s", folder, name);
  return path;
}
static void make(const char *folder, const char *name) {
  int fd = open(in(folder, name), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
  CHECK(fd >= 0 && write(fd, "x", 1) == 1 && close(fd) == 0);
}
static void event_is(int fd, int watch, uint32_t mask, const char *name) {
  char buffer[sizeof(struct inotify_event) + 256] __attribute__((aligned(8)));
  struct inotify_event *event = (void *)buffer;
  CHECK(read(fd, buffer, sizeof buffer) > 0);
  CHECK_EQUAL(event->wd, watch);
  CHECK(event->mask == mask && (!name || strcmp(event->name, name) == 0));
}
int main(int argc, char **argv) {
  CHECK(argc == 2);
  if (getuid() != 0)
    SKIP("what is watched is told to root only");
  const char *folder = argv[1];
  CHECK(mkdir(in(folder, "below"), 0700) == 0);
  make(folder, "file");
  int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  int removed = inotify_add_watch(fd, in(folder, "below"), IN_CREATE);
  int all = inotify_add_watch(fd, folder, IN_CREATE);
  CHECK(removed > 0 && all > removed && inotify_rm_watch(fd, removed) == 0);
  event_is(fd, removed, IN_IGNORED, NULL);
  int file = inotify_add_watch(fd, in(folder, "file"), IN_MODIFY);
  int below = inotify_add_watch(fd, in(folder, "below"), IN_CREATE | IN_DELETE);
  CHECK(file > all && below > file);
  make(folder, "unread");
  CHECK_EQUAL(__builtin_ckpt_save(), -ENOTSUP);
  event_is(fd, all, IN_CREATE, "unread");

  die_and_come_back();

  char none[64];
  CHECK(read(fd, none, sizeof none) < 0 && errno == EAGAIN);
  CHECK(fcntl(fd, F_GETFD) == FD_CLOEXEC);
  make(folder, "after");
  event_is(fd, all, IN_CREATE, "after");
  make(folder, "file");
  event_is(fd, file, IN_MODIFY, NULL);
  CHECK(mkdir(in(folder, "below/it"), 0700) == 0);
  event_is(fd, below, IN_CREATE | IN_ISDIR, "it");
  CHECK(inotify_rm_watch(fd, file) == 0);
  event_is(fd, file, IN_IGNORED, NULL);
  return 0;
}
