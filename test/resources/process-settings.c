// What prctl(2), membarrier(2) and files in /proc set for a process comes back:
// memory that is merged, not both written and executed, without huge pages but
// where asked for; registrations of barriers; what a core dump holds; how soon
// it is ended when memory is short, and how far down it may go again.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t
#include "behaviour.h"
#include <linux/capability.h>
#include <linux/membarrier.h>
#include <sys/mman.h>
#include <sys/prctl.h>
enum { SET_MDWE = 65, GET_MDWE, SET_MERGE, GET_MERGE };
static long number(const char *path, int base) {
  char text[32] = "";
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  CHECK(fd >= 0 && read(fd, text, sizeof text - 1) > 0 && close(fd) == 0);
  return strtol(text, NULL, base);
}
static int put(const char *path, const char *text) {
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  int result = fd < 0 ? fd : (int)write(fd, text, strlen(text));
  close(fd);
  return result;
}
static long barriers(void) {
  return syscall(SYS_membarrier, 1 << 9 /* GET_REGISTRATIONS */, 0, 0);
}
/* Whether it may be as it was without the right to anything. */
static int goes_back(long adjustment) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct none[2] = {{0}};
  char text[16];
  CHECK(syscall(SYS_capset, &header, none) == 0);
  snprintf(text, sizeof text, "%ld", adjustment);
  return put("/proc/self/oom_score_adj", text) > 0;
}
int main(void) {
  char text[16];
  long adjustment = number("/proc/self/oom_score_adj", 10);
  CHECK(put("/proc/self/coredump_filter", "0x7") > 0);
  long higher = adjustment < 900 ? adjustment + 100 : 1000;
  snprintf(text, sizeof text, "%ld", higher);
  if (getuid() == 0) { /* without the right: the lowest stays */
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct sets[2], less[2];
    CHECK(syscall(SYS_capget, &header, sets) == 0);
    memcpy(less, sets, sizeof less);
    less[0].effective &= ~(1u << CAP_SYS_RESOURCE);
    CHECK(syscall(SYS_capset, &header, less) == 0);
    CHECK(put("/proc/self/oom_score_adj", text) > 0);
    CHECK(syscall(SYS_capset, &header, sets) == 0);
  } else {
    CHECK(put("/proc/self/oom_score_adj", text) > 0);
  }
  int merges = prctl(SET_MERGE, 1, 0, 0, 0) == 0;
  int exceptions = prctl(PR_SET_THP_DISABLE, 1, 2, 0, 0) == 0;
  int denies = prctl(SET_MDWE, 1, 0, 0, 0) == 0;
  CHECK(syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0,
                0) == 0);
  long registered = barriers();

  die_and_come_back();
  for (int i = 0; i < 2; i++) {
    CHECK_EQUAL(number("/proc/self/coredump_filter", 16), 7);
    CHECK_EQUAL(number("/proc/self/oom_score_adj", 10), higher);
    CHECK(!merges || prctl(GET_MERGE, 0, 0, 0, 0) == 1);
    CHECK(!exceptions || prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0) == 3);
    CHECK(!denies || prctl(GET_MDWE, 0, 0, 0, 0) == 1);
    CHECK(!denies || mmap(NULL, 4096, PROT_WRITE | PROT_EXEC,
                          MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED);
    CHECK(syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) == 0);
    CHECK_EQUAL(barriers(), registered);
    CHECK_EQUAL(__builtin_ckpt_save(), 0); /* is as good as before */
  }
  CHECK(goes_back(adjustment));
  return 0;
}
