// inotify: the watches come back under their numbers and see what happens, of
// files and folders, also through a symbolic link; in the place of events that
// are not read comes the one that says that some were lost. What was renamed
// since is found by root only.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t
#include "behaviour.h"
#include <sys/inotify.h>
#include <sys/stat.h>
static char folder[] = "/tmp/hwckpt-test-inotify-XXXXXX", path[4096];
static const char *in(const char *name) {
  snprintf(path, sizeof path, "%s/%s", folder, name);
  return path;
}
static void make(const char *name) {
  int fd = open(in(name), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
  CHECK(fd >= 0 && write(fd, "x", 1) == 1 && close(fd) == 0);
}
static void event_is(int fd, int watch, uint32_t mask, const char *name) {
  char buffer[sizeof(struct inotify_event) + 256] __attribute__((aligned(8)));
  struct inotify_event *event = (void *)buffer;
  CHECK(read(fd, buffer, sizeof buffer) > 0);
  CHECK_EQUAL(event->wd, watch);
  CHECK(event->mask == mask && (!name || strcmp(event->name, name) == 0));
}
static void no_event(int fd) {
  char none[512];
  CHECK(read(fd, none, sizeof none) < 0 && errno == EAGAIN);
}
static void renamed(int fd) {
  char to[4096];
  make("other");
  int watch = inotify_add_watch(fd, in("other"), IN_MODIFY);
  strcpy(to, in("renamed"));
  CHECK(watch > 0 && rename(in("other"), to) == 0);
  CHECK_EQUAL(__builtin_ckpt_save(), getuid() == 0 ? 0 : -ENOTSUP);
  CHECK(inotify_rm_watch(fd, watch) == 0 && unlink(in("renamed")) == 0);
}
int main(void) {
  char target[4096];
  CHECK(mkdtemp(folder) && mkdir(in("below"), 0700) == 0);
  make("file");
  strcpy(target, in("file"));
  CHECK(symlink(target, in("link")) == 0);
  int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC), other = inotify_init();
  int removed = inotify_add_watch(fd, in("below"), IN_CREATE);
  int all = inotify_add_watch(fd, folder, IN_CREATE);
  CHECK(removed > 0 && all > removed && inotify_rm_watch(fd, removed) == 0);
  event_is(fd, removed, IN_IGNORED, NULL);
  int file = inotify_add_watch(fd, in("link"), IN_MODIFY);
  int below = inotify_add_watch(fd, in("below"), IN_CREATE | IN_DELETE);
  CHECK(file > all && below > file);
  CHECK(inotify_add_watch(other, folder, IN_CREATE) > 0);
  make("unread");
  event_is(fd, all, IN_CREATE, "unread");

  die_and_come_back();

  no_event(fd);
  CHECK(fcntl(fd, F_GETFD) == FD_CLOEXEC && fcntl(other, F_GETFD) == 0);
  CHECK_EQUAL(fcntl(other, F_GETFL) & O_NONBLOCK, 0);
  event_is(other, -1, IN_Q_OVERFLOW, NULL);
  make("after");
  event_is(other, 1, IN_CREATE, "after");
  event_is(fd, all, IN_CREATE, "after");
  make("file");
  event_is(fd, file, IN_MODIFY, NULL);
  CHECK(mkdir(in("below/it"), 0700) == 0);
  event_is(fd, below, IN_CREATE | IN_ISDIR, "it");
  CHECK(inotify_rm_watch(fd, file) == 0);
  event_is(fd, file, IN_IGNORED, NULL);
  renamed(fd);
  const char *names[] = {"below/it", "below", "file", "link",
                         "unread",   "after", ""};
  for (int i = 0; i < 7; i++)
    CHECK(remove(in(names[i])) == 0);
  return 0;
}
