// Each of thousands of files without a name comes back with what was in it, and
// none is looked for among all others: that took minutes. Some are open a
// second time.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t
#include "behaviour.h"
#include <sys/mman.h>
#include <sys/resource.h>

enum { FILES = 10000, SECOND = 100 };

static int files[FILES], more[SECOND];

static int open_again(int fd) {
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  return open(path, O_RDONLY);
}

static int content(int fd) {
  int found = -1;
  CHECK_EQUAL(pread(fd, &found, sizeof found, 0), sizeof found);
  return found;
}

int main(void) {
  struct rlimit limit;
  int count = FILES, taken = FILES + SECOND + 64;
  CHECK_EQUAL(getrlimit(RLIMIT_NOFILE, &limit), 0);
  if (limit.rlim_max < (rlim_t)taken)
    count = (int)limit.rlim_max - SECOND - 64;
  limit.rlim_cur = limit.rlim_max < (rlim_t)taken ? limit.rlim_max : taken;
  CHECK_EQUAL(setrlimit(RLIMIT_NOFILE, &limit), 0);
  for (int i = 0; i < count; i++) {
    files[i] = memfd_create("one of many", 0);
    CHECK(files[i] >= 0);
    CHECK_EQUAL(write(files[i], &i, sizeof i), sizeof i);
  }
  for (int i = 0; i < SECOND; i++)
    CHECK((more[i] = open_again(files[i])) >= 0);
  die_and_come_back();
  for (int i = 0; i < count; i++) {
    CHECK_EQUAL(content(files[i]), i);
    CHECK_EQUAL(lseek(files[i], 0, SEEK_CUR), sizeof i);
  }
  for (int i = 0; i < SECOND; i++) {
    int changed = ~i;
    CHECK_EQUAL(pwrite(files[i], &changed, sizeof changed, 0), sizeof changed);
    CHECK_EQUAL(content(more[i]), changed);
  }
  return 0;
}
