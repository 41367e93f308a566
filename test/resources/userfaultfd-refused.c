// What of a userfaultfd cannot come back is refused by name: events, several of
// them, memory that is shared, asynchronous write protection, poisoned pages,
// another process that has it too.
// RUN: %behaviour -I%S/Inputs %s -o %t
// RUN: for kind in events several shared async poison forked; do HWCKPT_OPTIONS= %hwckpt run -- %t $kind 2>&1 || exit 1; done | FileCheck %s
// CHECK: E208{{.*}}userfaultfd{{.*}}descriptor 3: it tells of events
// CHECK: E208{{.*}}userfaultfd{{.*}}descriptor 3: it is not the only one
// CHECK: E208{{.*}}userfaultfd{{.*}}descriptor 3: memory that is shared
// CHECK: E208{{.*}}userfaultfd{{.*}}descriptor 3: asynchronous write
// CHECK: E208{{.*}}userfaultfd{{.*}}descriptor 3: poisoned pages
// CHECK: E208{{.*}}userfaultfd{{.*}}descriptor 3: another process may have it
#include "faults.h"
#include <sys/wait.h>

#ifndef UFFDIO_POISON
struct uffdio_poison {
  struct uffdio_range range;
  __u64 mode;
  __s64 updated;
};
#define UFFDIO_POISON _IOWR(UFFDIO, 0x08, struct uffdio_poison)
#endif

static void share(void) {
  char *shared = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  struct uffdio_register all = {
      {(unsigned long)shared, PAGE}, UFFDIO_REGISTER_MODE_MISSING, 0};
  CHECK_EQUAL(ioctl(faults, UFFDIO_REGISTER, &all), 0);
}

int main(int argc, char **argv) {
  CHECK_EQUAL(argc, 2);
  char kind = argv[1][0];
  begin(kind == 'e'   ? UFFD_FEATURE_EVENT_REMOVE
        : kind == 'a' ? 1ull << 15
                      : 0,
        kind == 'a' ? UFFDIO_REGISTER_MODE_WP : UFFDIO_REGISTER_MODE_MISSING);
  if (argv[1][1] == 'e')
    CHECK(open_faults(0) == 4);
  if (argv[1][1] == 'h')
    share();
  struct uffdio_poison poison = {{(unsigned long)memory, PAGE}, 0, 0};
  if (kind == 'p')
    CHECK_EQUAL(ioctl(faults, UFFDIO_POISON, &poison), 0);
  pid_t child = kind == 'f' ? fork() : -1;
  if (!child)
    for (;;)
      pause();
  CHECK_EQUAL(__builtin_ckpt_save(), -ENOTSUP);
  if (child > 0)
    CHECK(kill(child, SIGKILL) == 0 && waitpid(child, NULL, 0) == child);
  return 0;
}
