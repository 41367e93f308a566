// What files and directories were made, removed and renamed after the
// checkpoint is as it was then: a file that went is there again with its
// content and mode, one that is new is gone.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t
#include "behaviour.h"
#include <sys/stat.h>

static void put(const char *path, const char *text) {
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0640);
  CHECK(fd >= 0);
  CHECK_EQUAL(write(fd, text, strlen(text)), (ssize_t)strlen(text));
  CHECK_EQUAL(close(fd), 0);
}

static void expect(const char *path, const char *text) {
  char there[64] = "";
  int fd = open(path, O_RDONLY);
  if (fd < 0 || read(fd, there, sizeof there - 1) < 0 ||
      strcmp(there, text) != 0) {
    dprintf(2, "%s: '%s', not '%s' (errno %d)\n", path, there, text, errno);
    _exit(1);
  }
  close(fd);
}

static void expect_none(const char *path) {
  struct stat status;
  if (lstat(path, &status) == 0) {
    dprintf(2, "%s is there\n", path);
    _exit(1);
  }
}

static void change(void) {
  put("new", "n");
  CHECK_EQUAL(rename("new", "new-2"), 0);
  CHECK_EQUAL(mkdir("folder", 0700), 0);
  put("folder/inside", "i");
  CHECK_EQUAL(symlink("new-2", "link"), 0);
  CHECK_EQUAL(link("kept", "second"), 0);
  /* A name again and again, as of a journal. */
  CHECK_EQUAL(unlink("removed"), 0);
  put("removed", "another");
  CHECK_EQUAL(unlink("removed"), 0);
  put("removed", "yet another, longer");
  CHECK_EQUAL(rename("moved", "moved-2"), 0);
  put("moved-2", "written at its new place");
  /* The way of who replaces files whole. */
  put("replaced.tmp", "new content");
  CHECK_EQUAL(rename("replaced.tmp", "replaced"), 0);
  /* Two that change places. */
  CHECK_EQUAL(rename("a", "c"), 0);
  CHECK_EQUAL(rename("b", "a"), 0);
  CHECK_EQUAL(rename("c", "b"), 0);
  CHECK_EQUAL(unlink("old-folder/file"), 0);
  CHECK_EQUAL(rmdir("old-folder"), 0);
  CHECK_EQUAL(unlink("old-link"), 0);
  CHECK_EQUAL(truncate("kept", 1), 0);
  CHECK_EQUAL(rename("tree", "tree-2"), 0);
  put("tree-2/leaf", "changed");
  put("tree-2/leaf-2", "new");
}

int main(void) {
  struct stat status;
  put("removed", "removed");
  put("moved", "moved");
  put("replaced", "replaced");
  put("a", "a");
  put("b", "b");
  put("kept", "kept");
  CHECK_EQUAL(mkdir("old-folder", 0750), 0);
  put("old-folder/file", "file");
  CHECK_EQUAL(symlink("a", "old-link"), 0);
  CHECK_EQUAL(mkdir("tree", 0700), 0);
  put("tree/leaf", "leaf");
  CHECK_EQUAL(chmod("removed", 0604), 0);
  if (!came_back()) {
    change();
    die();
  }
  static const char *const none[] = {
      "new",     "new-2", "folder",       "link",   "second",
      "moved-2", "c",     "replaced.tmp", "tree-2", "tree/leaf-2"};
  for (unsigned i = 0; i < sizeof none / sizeof *none; i++)
    expect_none(none[i]);
  static const char *const same[] = {"removed", "moved", "replaced",
                                     "a",       "b",     "kept"};
  for (unsigned i = 0; i < sizeof same / sizeof *same; i++)
    expect(same[i], same[i]);
  expect("old-folder/file", "file");
  expect("tree/leaf", "leaf");
  expect("old-link", "a");
  CHECK_EQUAL(lstat("old-link", &status), 0);
  CHECK(S_ISLNK(status.st_mode));
  CHECK_EQUAL(stat("removed", &status), 0);
  CHECK_EQUAL(status.st_mode & 0777, 0604);
  CHECK_EQUAL(stat("old-folder", &status), 0);
  CHECK_EQUAL(status.st_mode & 0777, 0750);
  return 0;
}
