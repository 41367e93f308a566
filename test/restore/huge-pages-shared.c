// Shared memory of huge pages comes back as that: anonymous, mapped once more,
// and of a file in memory, mapped twice, in part, open, with what is mapped
// nowhere.
// System V's is refused.
// RUN: %behaviour %s -o %t
// RUN: %S/Inputs/with-huge-pages 12 %restored_by_all -- %t
#include "behaviour.h"
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/wait.h>
enum { HUGE = 2 << 20 };
static char *map(size_t size, int flags, int fd, off_t offset) {
  char *memory =
      mmap(NULL, size, PROT_READ | PROT_WRITE, flags | MAP_SHARED, fd, offset);
  if (memory == MAP_FAILED)
    SKIP("no huge pages");
  return memory;
}
static long page_size(const void *at) {
  char line[4096], begin[32];
  long value = -1;
  int here = 0;
  FILE *maps = fopen("/proc/self/smaps", "r");
  snprintf(begin, sizeof begin, "%lx-", (unsigned long)at);
  while (maps && value < 0 && fgets(line, sizeof line, maps)) {
    here |= strncmp(line, begin, strlen(begin)) == 0;
    if (here && strncmp(line, "KernelPageSize:", 15) == 0)
      value = atol(line + 15);
  }
  CHECK(maps && fclose(maps) == 0);
  return value * 1024;
}
/* As root: others need more than that. */
static void is_refused(void) {
  int id = shmget(IPC_PRIVATE, HUGE, IPC_CREAT | SHM_HUGETLB | 0600);
  if (id < 0)
    return;
  void *at = shmat(id, NULL, 0);
  CHECK(shmctl(id, IPC_RMID, NULL) == 0 && at != (void *)-1);
  CHECK_EQUAL(__builtin_ckpt_save(), -ENOTSUP);
  CHECK(shmdt(at) == 0);
}
int main(void) {
  is_refused();
  char *memory = map(3 * HUGE, MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
  memset(memory, 'a', HUGE);
  memory[3 * HUGE - 1] = 'z';
  int fd = memfd_create("large", MFD_HUGETLB | MFD_CLOEXEC);
  CHECK(fd >= 0 && ftruncate(fd, 4 * HUGE) == 0);
  char *both = map(2 * HUGE, 0, fd, HUGE), *again = map(HUGE, 0, fd, 2 * HUGE);
  char *rest = map(HUGE, 0, fd, 3 * HUGE);
  strcpy(both + HUGE + 5000, "both");
  strcpy(rest + 70000, "rest");
  CHECK(munmap(rest, HUGE) == 0);
  CHECK(mprotect(both, HUGE, PROT_READ) == 0);
  CHECK(came_back() == 0);
  memory[HUGE] = 'w';

  die_and_come_back();

  for (int i = 0; i < 2; i++) {
    CHECK_EQUAL(page_size(memory), HUGE);
    CHECK_EQUAL(page_size(again), HUGE);
    for (int k = 0; k < HUGE; k += 512)
      CHECK_EQUAL(memory[k], 'a');
    CHECK(memory[HUGE] == 'w' && memory[3 * HUGE - 1] == 'z');
    CHECK(!memory[2 * HUGE] && !both[0] && both[HUGE + 5000] == 'b');
    strcpy(again + 5000, i ? "same" : "both");
    CHECK(strcmp(both + HUGE + 5000, again + 5000) == 0);
    rest = map(HUGE, 0, fd, 3 * HUGE);
    CHECK(strcmp(rest + 70000, "rest") == 0 && munmap(rest, HUGE) == 0);
    CHECK(came_back() == 0); /* as good as before */
  }
  int status;
  pid_t child = fork();
  if (child == 0) {
    memory[7] = 'c';
    _exit(0);
  }
  CHECK(waitpid(child, &status, 0) == child && status == 0);
  CHECK_EQUAL(memory[7], 'c');
  return 0;
}
