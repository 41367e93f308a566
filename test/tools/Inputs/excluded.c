/* excluded.c FILE - memory of each kind that is excluded from checkpoints and
 * holds a secret, with a mark beside it that is not; saved with a thread, and
 * described as a region; in a child too, which has a secret of its own. Changes
 * FILE between its checkpoints, then kills all; continued it looks at what it
 * has. */
#include <hwckpt.h>
#include <hwckptintrin.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAGE = 4096, SIZE = 4 * PAGE, KINDS = 4, HOLES = 16, HOLE = 64 << 10 };

#define SECRET "QMVHI." /* PLUGH-, each letter one more */
#define MARK "YZ[[Z."   /* XYZZY- */

/* Built where it is to be: no copy of it is elsewhere. */
static void put(volatile char *at, size_t length, const char *shifted,
                char kind) {
  for (size_t i = 0; i < length; i++)
    at[i] = i % 8 == 6 ? kind : i % 8 == 7 ? ' ' : (char)(shifted[i % 8] - 1);
}

static int is_zero(const volatile char *at, size_t length) {
  for (size_t i = 0; i < length; i++)
    if (at[i])
      return 0;
  return 1;
}

static int holds(const volatile char *at, size_t length, const char *shifted,
                 char kind) {
  for (size_t i = 0; i < length; i++)
    if (at[i] != (i % 8 == 6   ? kind
                  : i % 8 == 7 ? ' '
                               : (char)(shifted[i % 8] - 1)))
      return 0;
  return 1;
}

#define CHECK(condition)                                                       \
  ((condition) ? (void)0                                                       \
               : (printf("line %d: " #condition "\n", __LINE__),               \
                  fflush(stdout), exit(1)))

static const char kinds[KINDS] = {'a', 's', 'm', 'd'};
static char *areas[KINDS], *holes[HOLES];
static volatile char region[SIZE];
[[hwckpt::exclude]] static volatile char variable[SIZE];

/* One page of it is not excluded. */
static char *area(int flags, int fd, char kind) {
  char *at = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, flags, fd, 0);
  CHECK(at != MAP_FAILED);
  put(at, PAGE, MARK, kind);
  CHECK(hwckpt_exclude(at + PAGE, SIZE - PAGE) == 0);
  put(at + PAGE, SIZE - PAGE, SECRET, kind);
  return at;
}

static int nameless(int fd) {
  CHECK(fd >= 0 && ftruncate(fd, SIZE) == 0);
  return fd;
}

/* The copies of the thread's stack and region are made where the program's
 * memory is. */
static void go_back(void) {
  volatile char local[SIZE], plain[64];
  put(plain, sizeof plain, MARK, 't');
  CHECK(hwckpt_exclude((void *)local, sizeof local) == 0);
  put(local, sizeof local, SECRET, 't');
  int times = hwckpt_thread_save("set");
  CHECK(times >= 0 && holds(local, sizeof local, SECRET, 't'));
  CHECK(holds(region, sizeof region, SECRET, 'r'));
  CHECK(__builtin_ckpt_save() == 0);
  if (times == 0) {
    memset((void *)local, 0, sizeof local);
    memset((void *)region, 0, sizeof region);
    hwckpt_thread_load();
    CHECK(0);
  }
  CHECK(hwckpt_thread_save(NULL) == 0); /* other things are in its place */
  CHECK(__builtin_ckpt_save() == 0);
  hwckpt_thread_drop();
  memset((void *)local, 0, sizeof local);
  CHECK(hwckpt_include((void *)local, sizeof local) == 0);
}

static void child(int ready, int end, int other_end) {
  char byte;
  close(other_end); /* so that it ends with the first */
  put(variable, sizeof variable, SECRET, 'c');
  if (write(ready, "", 1) != 1 || read(end, &byte, 1) != 1)
    _exit(1);
  _exit(is_zero(variable, sizeof variable) &&
                holds(areas[0], PAGE, MARK, 'a') &&
                is_zero(areas[0] + PAGE, SIZE - PAGE)
            ? 42
            : 2);
}

int main(int argc, char **argv) {
  char deleted[] = "deletedXXXXXX", byte;
  int ready[2], end[2], status, file = open(argv[argc - 1], O_RDWR);
  areas[0] = area(MAP_PRIVATE | MAP_ANONYMOUS, -1, 'a');
  areas[1] = area(MAP_SHARED | MAP_ANONYMOUS, -1, 's');
  areas[2] = area(MAP_SHARED, nameless(memfd_create("m", 0)), 'm');
  areas[3] = area(MAP_SHARED, nameless(mkstemp(deleted)), 'd');
  unlink(deleted);
  put(variable, sizeof variable, SECRET, 'v');
  CHECK(hwckpt_exclude((void *)region, sizeof region) == 0);
  put(region, sizeof region, SECRET, 'r');
  CHECK(hwckpt_region("set", "region", (void *)region, sizeof region,
                      HWCKPT_UINT8) == 0);
  CHECK(hwckpt_region_save("set") == -EINVAL);
  CHECK(hwckpt_region("other", "mark", areas[0], PAGE, HWCKPT_UINT8) == 0);
  CHECK(hwckpt_region_save("other") == 1);
  go_back();
  for (int i = 0; i < HOLES; i++) {
    holes[i] = mmap(NULL, HOLE, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    put(holes[i], HOLE, MARK, 'h');
  }
  CHECK(file >= 0 && pipe(ready) == 0 && pipe(end) == 0);
  pid_t other = fork();
  if (!other)
    child(ready[1], end[0], end[1]);
  CHECK(read(ready[0], &byte, 1) == 1);
  int back = __builtin_ckpt_save();
  if (back == 0) {
    CHECK(pwrite(file, "new", 3, 0) == 3);
    put(areas[0] + PAGE, PAGE, SECRET, 'A');
    back = __builtin_ckpt_save();
  }
  if (back == 0) {
    CHECK(pwrite(file, "newest", 6, 0) == 6);
    kill(other, SIGKILL);
    kill(getpid(), SIGKILL);
  }
  CHECK(back > 0);
  for (int i = 0; i < KINDS; i++) {
    CHECK(holds(areas[i], PAGE, MARK, kinds[i]));
    CHECK(is_zero(areas[i] + PAGE, SIZE - PAGE));
    put(areas[i] + PAGE, PAGE, SECRET, kinds[i]);
  }
  for (int i = 0; i < HOLES; i++)
    CHECK(holds(holes[i], HOLE, MARK, 'h'));
  CHECK(is_zero(region, sizeof region) && is_zero(variable, sizeof variable));
  CHECK(__builtin_ckpt_save() >= 0);
  CHECK(write(end[1], "", 1) == 1 && waitpid(other, &status, 0) == other);
  printf("child %d\n", WEXITSTATUS(status));
  return 0;
}
