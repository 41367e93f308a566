// An inotify watch of a file that was removed, and is open: it sees what
// happens to the file, and that it goes. So does one of a file that was renamed
// since it was watched, for who may not ask for paths too.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t
#include "behaviour.h"
#include <sys/inotify.h>
static int fd;
static void event_is(int watch, uint32_t mask) {
  struct inotify_event event;
  CHECK_EQUAL(read(fd, &event, sizeof event), (long)sizeof event);
  CHECK_EQUAL(event.wd, watch);
  CHECK_EQUAL(event.mask, mask);
}
static void no_event(void) {
  struct inotify_event event;
  CHECK(read(fd, &event, sizeof event) < 0 && errno == EAGAIN);
}
int main(void) {
  fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  int removed = open("removed", O_RDWR | O_CREAT | O_EXCL, 0600);
  int renamed = open("renamed", O_RDWR | O_CREAT | O_EXCL, 0600);
  CHECK(fd >= 0 && removed > fd && renamed > fd);
  int first = inotify_add_watch(fd, "removed", IN_MODIFY | IN_DELETE_SELF);
  int second = inotify_add_watch(fd, "renamed", IN_MODIFY);
  CHECK(first > 0 && second > first && unlink("removed") == 0);
  CHECK_EQUAL(rename("renamed", "other"), 0);
  if (!came_back()) {
    no_event();
    CHECK_EQUAL(write(removed, "x", 1), 1);
    event_is(first, IN_MODIFY);
    die();
  }
  no_event();
  CHECK_EQUAL(fcntl(fd, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
  CHECK_EQUAL(write(removed, "x", 1), 1);
  event_is(first, IN_MODIFY);
  CHECK_EQUAL(write(renamed, "x", 1), 1);
  event_is(second, IN_MODIFY);
  CHECK_EQUAL(close(removed), 0);
  event_is(first, IN_DELETE_SELF);
  event_is(first, IN_IGNORED);
  no_event();
  /* Rolled back in place as well. */
  removed = open("again", O_RDWR | O_CREAT | O_EXCL, 0600);
  first = inotify_add_watch(fd, "again", IN_MODIFY);
  CHECK(first > second && unlink("again") == 0);
  CHECK(__builtin_ckpt_save() >= 0);
  if (first_time("rolls back"))
    roll_back();
  CHECK_EQUAL(write(removed, "x", 1), 1);
  event_is(first, IN_MODIFY);
  no_event();
  CHECK(unlink("other") == 0 && unlink("rolls back") == 0);
  return 0;
}
