// Watches that cannot be had, or not any more: it is said, and the program goes
// on with all others.
// RUN: %behaviour %s -o %t
// A fifth range: by pages, or not at all.
// RUN: %hwckpt run --name fifth --on watch=a --on watch=b --on watch=c --on watch=d --on watch=e,registers -- %t four 2>%t.said && FileCheck %s --check-prefix=FIFTH <%t.said
// FIFTH: HWCKPT-E262: {{.*}}: watch=e,registers{{$}}
// FIFTH-NOT: HWCKPT-E26
// RUN: %hwckpt run --name pages --on watch=a --on watch=b --on watch=c --on watch=d --on watch=e -- %t five 2>%t.said && not grep HWCKPT-E26 %t.said
// RUN: %hwckpt show pages | grep '^cause  *watch=e (8 bytes .*seen by the protection'
// Somebody else has them all, a debugger for example.
// RUN: %t taken %hwckpt run --name taken --on watch=a,registers --on watch=e -- %t last 2>%t.said && FileCheck %s --check-prefix=TAKEN <%t.said
// TAKEN: HWCKPT-E262: {{.*}}: watch=a,registers: perf_event_open (ENOSPC
// TAKEN-NOT: HWCKPT-E26
// RUN: %hwckpt show taken | grep '^cause  *watch=e (8 bytes .*seen by the protection'
// RUN: %t taken %hwckpt run --name asked -- %t asked && %hwckpt show asked | grep '^cause  *hwckpt_watch() (8 bytes .*seen by the protection'
// It is unmapped while it is watched.
// RUN: %hwckpt run --name gone -- %t gone 2>%t.said && FileCheck %s --check-prefix=GONE <%t.said && grep -c HWCKPT-E26 %t.said | FileCheck %s --check-prefix=ONCE
// GONE: HWCKPT-E261: {{.*}}: hwckpt_watch(0x{{[0-9a-f]*}}, 8192)
// ONCE: {{^}}1{{$}}
// RUN: %hwckpt run --name rule --on watch=whole --on watch=e -- %t gone-rule 2>%t.said && FileCheck %s --check-prefix=RULE <%t.said
// RULE: HWCKPT-E261: {{.*}}: watch=whole
// RUN: grep -c HWCKPT-E26 %t.said | FileCheck %s --check-prefix=ONCE
// It is moved: it is the program's there.
// RUN: %hwckpt run --name moved -- %t moved 2>%t.said && FileCheck %s --check-prefix=MOVED <%t.said
// MOVED: HWCKPT-E261: {{.*}}: hwckpt_watch(0x{{[0-9a-f]*}}, 8192)
#include "watched.h"
#include <hwckpt.h>

#include <fcntl.h>
#include <linux/hw_breakpoint.h>
#include <linux/perf_event.h>
#include <sys/mman.h>

long a, b, c, d;
long e __attribute__((aligned(4096)));
char whole[8192] __attribute__((aligned(4096)));

static void writes_to(long *words[], unsigned count) {
  for (unsigned i = 0; i < count; i++) {
    *hidden(words[i]) = 1;
    expect_event();
  }
}

// For this process and those that come after it, also in another program.
static void take_registers(void) {
  static long words[4];
  struct perf_event_attr attributes = {.size = sizeof attributes,
                                       .type = PERF_TYPE_BREAKPOINT,
                                       .bp_type = HW_BREAKPOINT_W,
                                       .bp_len = 8,
                                       .sample_period = 1,
                                       .exclude_kernel = 1,
                                       .exclude_hv = 1,
                                       .inherit = 1};
  for (int i = 0; i < 4; i++) {
    attributes.bp_addr = (unsigned long)&words[i];
    if (syscall(SYS_perf_event_open, &attributes, 0, -1, -1, 0) < 0)
      SKIP("no debug registers for perf events");
  }
}

// Until the runtime has said it, where what it says is a file.
static void await_said(const char *code) {
  char said[4096] = "";
  int fd = open("/proc/self/fd/2", O_RDONLY);
  CHECK(fd >= 0);
  for (double end = now() + 60; !strstr(said, code) && now() < end;)
    CHECK(pread(fd, said, sizeof said - 1, 0) >= 0);
  CHECK(strstr(said, code));
  close(fd);
}

static void gone(void) {
  int protection = PROT_READ | PROT_WRITE, flags = MAP_PRIVATE | MAP_ANONYMOUS;
  char *pages = mmap(0, 8192, protection, flags, -1, 0);
  long *word = mmap(0, 4096, protection, flags, -1, 0);
  CHECK(pages != MAP_FAILED && word != MAP_FAILED);
  CHECK_EQUAL(hwckpt_watch(pages, 8192), 0);
  CHECK_EQUAL(hwckpt_watch(word, 8), 0);
  CHECK_EQUAL(hwckpt_watch(&e, 8), 0);
  pages[5000] = 1;
  expect_event();
  *hidden(word) = 1;
  expect_event();
  CHECK_EQUAL(munmap(pages, 8192), 0);
  CHECK_EQUAL(munmap(word, 4096), 0);
  await_said("HWCKPT-E261");
  CHECK_EQUAL(hwckpt_save(), 0);
  writes = taken();
  *hidden(&e) = 1;
  expect_event();
  // What comes to be there: by pages not any more, by a register still.
  CHECK_EQUAL(hwckpt_unwatch(pages, 8192), -ENOENT);
  CHECK(mmap(pages, 8192, protection, flags | MAP_FIXED, -1, 0) == pages);
  CHECK(mmap(word, 4096, protection, flags | MAP_FIXED, -1, 0) == word);
  pages[5000] = 1;
  expect_nothing();
  *hidden(word) = 1;
  expect_event();
  CHECK_EQUAL(hwckpt_watch(pages, 8192), 0);
  pages[1] = 1;
  expect_event();
}

static void moved(void) {
  int protection = PROT_READ | PROT_WRITE, flags = MAP_PRIVATE | MAP_ANONYMOUS;
  char *pages = mmap(0, 8192, protection, flags, -1, 0);
  char *to = mmap(0, 8192, protection, flags, -1, 0);
  CHECK(pages != MAP_FAILED && to != MAP_FAILED);
  CHECK_EQUAL(hwckpt_watch(pages, 8192), 0);
  CHECK(mremap(pages, 8192, 8192, MREMAP_MAYMOVE | MREMAP_FIXED, to) == to);
  to[1] = to[5000] = 1;
  await_said("HWCKPT-E261");
  CHECK_EQUAL(hwckpt_save(), 0);
  writes = taken();
  to[1] = to[5000] = 2;
  expect_nothing();
}

static void gone_rule(void) {
  whole[5000] = 1;
  expect_event();
  CHECK_EQUAL(munmap(whole, sizeof whole), 0);
  await_said("HWCKPT-E261");
  CHECK_EQUAL(hwckpt_watch(&a, 8), 0); // all are looked at again
  CHECK_EQUAL(hwckpt_save(), 0);
  writes = taken();
  *hidden(&e) = 1;
  expect_event();
}

int main(int argc, char **argv) {
  long *words[] = {&a, &b, &c, &d, &e};
  CHECK(argc >= 2);
  if (!strcmp(argv[1], "taken")) {
    take_registers();
    execv(argv[2], argv + 2);
  }
  writes = taken();
  if (!strcmp(argv[1], "four")) {
    writes_to(words, 4);
    *hidden(&e) = 1;
    expect_nothing();
  } else if (!strcmp(argv[1], "five")) {
    writes_to(words, 5);
  } else if (!strcmp(argv[1], "last")) {
    *hidden(&a) = 1;
    expect_nothing();
    writes_to(words + 4, 1);
  } else if (!strcmp(argv[1], "asked")) {
    CHECK_EQUAL(hwckpt_watch(&e, sizeof e), 0);
    writes_to(words + 4, 1);
  } else if (!strcmp(argv[1], "gone")) {
    gone();
  } else if (!strcmp(argv[1], "moved")) {
    moved();
  } else {
    CHECK(!strcmp(argv[1], "gone-rule"));
    gone_rule();
  }
  return 0;
}
