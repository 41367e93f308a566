// Children of root that have become another user, as servers' workers do, one
// behind a root directory of its own: they are part of the checkpoint, come
// back as that user, and what they changed in files is taken back.
// RUN: %behaviour %s -o %t && rm -rf %t.folder && mkdir %t.folder
// RUN: cd %t.folder && %restored -- %t
#include "behaviour.h"

#include <grp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>

enum { NOBODY = 65534, WORKERS = 3, BLOCK = 4096 };

static int file;   /* of each, opened by root */
static int shared; /* each changes a block of it, in its own log */

static void put(const char *name, const char *text) {
  int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  CHECK(fd >= 0 && write(fd, text, strlen(text)) == (long)strlen(text));
  CHECK(close(fd) == 0);
}

static void is_in(int fd, const char *text) {
  char got[64] = "";
  CHECK_EQUAL(pread(fd, got, sizeof got - 1, 0), strlen(text));
  CHECK(strcmp(got, text) == 0);
}

/* Each has names of its own: those of the first are in a folder, the second
 * has that as its root. */
static const char *name_of(int number, const char *what) {
  static char name[64];
  snprintf(name, sizeof name, "%s/%s%d", number == 1 ? "" : "folder", what,
           number);
  return name;
}

static void is_as_it_was(int number) {
  gid_t groups[2];
  CHECK_EQUAL(getuid(), NOBODY);
  CHECK_EQUAL(geteuid(), NOBODY);
  CHECK_EQUAL(getegid(), NOBODY);
  CHECK_EQUAL(getgroups(2, groups), 0);
  CHECK(setuid(0) < 0 && access("/proc", F_OK) == (number == 1 ? -1 : 0));
  CHECK(open(number == 1 ? "/of-root" : "folder/of-root", O_RDONLY) < 0 &&
        errno == EACCES);
  int fd = open(name_of(number, "kept"), O_RDONLY);
  CHECK(fd >= 0);
  is_in(fd, "kept");
  is_in(file, "as it was");
  for (int i = 0; i < WORKERS; i++) {
    char got[4] = "";
    CHECK_EQUAL(pread(shared, got, 3, i * BLOCK), 3);
    CHECK(strcmp(got, "old") == 0);
  }
  CHECK(close(fd) == 0 && access(name_of(number, "made"), F_OK) < 0);
}

/* Logs of several processes tell their order by what changes give a file
 * (Linux 6.13); before it is chance. */
static int has_fine_times(void) {
  struct utsname name;
  int major = 0, minor = 0;
  CHECK_EQUAL(uname(&name), 0);
  sscanf(name.release, "%d.%d", &major, &minor);
  return major > 6 || (major == 6 && minor >= 13);
}

static void change(int number) {
  CHECK_EQUAL(pwrite(file, "changed", 7, 0), 7);
  if (has_fine_times())
    CHECK_EQUAL(pwrite(shared, "new", 3, number * BLOCK), 3);
  put(name_of(number, "kept"), "changed");
  put(name_of(number, "made"), "made");
}

static _Noreturn void be_worker(int number, int master) {
  char word = 'r';
  if (number == 1)
    CHECK(chroot("folder") == 0 && chdir("/") == 0);
  if (number == 2)
    CHECK(initgroups("nobody", NOBODY) == 0 &&
          setresgid(NOBODY, NOBODY, NOBODY) == 0 && setgroups(0, NULL) == 0 &&
          setresuid(NOBODY, NOBODY, NOBODY) == 0);
  else
    CHECK(setgroups(0, NULL) == 0 && setgid(NOBODY) == 0 &&
          setuid(NOBODY) == 0);
  put(name_of(number, "kept"), "kept");
  do {
    if (word == 'c')
      change(number);
    else
      is_as_it_was(number);
    CHECK_EQUAL(write(master, &word, 1), 1);
  } while (read(master, &word, 1) == 1);
  _exit(7);
}

static void all_do(const int *workers, char word) {
  for (int i = 0; i < WORKERS; i++)
    if (word != 'r')
      CHECK_EQUAL(write(workers[i], &word, 1), 1);
  for (int i = 0; i < WORKERS; i++) {
    char answer;
    CHECK_EQUAL(read(workers[i], &answer, 1), 1);
    CHECK_EQUAL(answer, word);
  }
}

int main(void) {
  static const char *const names[WORKERS] = {"one", "two", "three"};
  int workers[WORKERS], status;
  if (geteuid() != 0)
    SKIP("needs the right to change the user");
  CHECK(chmod(".", 0755) == 0 && mkdir("folder", 0700) == 0 &&
        chmod("folder", 0777) == 0);
  put("folder/of-root", "secret");
  shared = open("shared", O_RDWR | O_CREAT | O_TRUNC, 0600);
  for (int i = 0; i < WORKERS; i++)
    CHECK_EQUAL(pwrite(shared, "old", 3, i * BLOCK), 3);
  for (int i = 0; i < WORKERS; i++) {
    int ends[2];
    put(names[i], "as it was");
    file = open(names[i], O_RDWR);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
    workers[i] = ends[0];
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (!pid) {
      for (int j = 0; j <= i; j++)
        close(workers[j]);
      be_worker(i, ends[1]);
    }
    close(ends[1]);
    close(file);
  }
  all_do(workers, 'r');
  if (!came_back()) {
    all_do(workers, 'c');
    die();
  }
  all_do(workers, 'l'); /* look */
  CHECK_EQUAL(came_back(), 0);
  all_do(workers, 'l');
  for (int i = 0; i < WORKERS; i++)
    close(workers[i]);
  for (int i = 0; i < WORKERS; i++)
    CHECK(wait(&status) > 0 && WEXITSTATUS(status) == 7);
  return 0;
}
