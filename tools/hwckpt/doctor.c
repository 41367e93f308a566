/* doctor.c - `hwckpt doctor`: what this machine gives checkpoints, which ways
 * the runtime therefore takes, and why.
 *
 * Invariant: each fact is found by trying it in this process or a child of it;
 * nothing on the machine is changed. */
#include "arguments.h"
#include "command.h"
#include "hook_costs.h"
#include "secrets.h"
#include "selection.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/hw_breakpoint.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

/* One finding: 0 or an errno; `text` tells more. */
struct finding {
  const char *name;
  int (*look)(char text[128]);
  const char *with, *without; /* what that means */
};

/* ---- written pages; the structures as in runtime/support/page_scan.h and
 * write_protect.c ---- */

static int look_for_tracking(char text[128]) {
  struct {
    uint64_t api, features, ioctls;
  } api = {0xAA, 1ull << 13 | 1ull << 15, 0};
  snprintf(text, 128, "userfaultfd, asynchronous write protection");
  long fd = syscall(SYS_userfaultfd, 1 | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0)
    return errno;
  int result = ioctl((int)fd, _IOWR(0xAA, 0x3F, api), &api) ? errno : 0;
  close((int)fd);
  return result;
}

static int open_pagemap(void) {
  bool kept = secrets_open_proc();
  int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
  secrets_close_proc(kept);
  return fd;
}

static int look_for_scan(char text[128]) {
  struct {
    uint64_t size, flags, start, end, walk_end, vec, vec_len, max_pages;
    uint64_t inverted, mask, anyof, result;
  } scan = {.size = sizeof scan};
  uint64_t region[3];
  scan.start = (uint64_t)&scan & ~4095ull;
  scan.end = scan.start + 4096;
  scan.vec = (uint64_t)region;
  scan.vec_len = 1;
  scan.result = 8; /* PAGE_IS_PRESENT */
  snprintf(text, 128, "PAGEMAP_SCAN");
  int fd = open_pagemap();
  if (fd < 0)
    return errno;
  int result = ioctl(fd, _IOWR('f', 16, scan), &scan) < 0 ? errno : 0;
  close(fd);
  return result;
}

/* A page that was just written has the bit, where the kernel keeps it. */
static int look_for_soft_dirty(char text[128]) {
  uint64_t entry = 0;
  snprintf(text, 128, "soft-dirty bits");
  volatile char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED)
    return errno;
  *page = 1;
  int fd = open_pagemap();
  int result = fd < 0 ? errno : 0;
  if (!result && pread(fd, &entry, sizeof entry,
                       (off_t)((uintptr_t)page / 4096 * 8)) != sizeof entry)
    result = EIO;
  if (fd >= 0)
    close(fd);
  munmap((void *)(uintptr_t)page, 4096);
  return result ? result : entry >> 55 & 1 ? 0 : ENOTSUP;
}

/* What the runtime does with libc's code, which policies may forbid. */
static int look_for_protection(char text[128]) {
  uintptr_t page = (uintptr_t)(void *)getppid & ~(uintptr_t)4095;
  int code = PROT_READ | PROT_EXEC;
  snprintf(text, 128, "code of libc can be changed");
  if (mprotect((void *)page, 4096, code | PROT_WRITE))
    return errno;
  return mprotect((void *)page, 4096, code) ? errno : 0;
}

/* ---- capture ---- */

static int look_for_reading(char text[128]) {
  char from = 1, to = 0;
  struct iovec local = {&to, 1}, remote = {&from, 1};
  snprintf(text, 128, "process_vm_readv of the program's own memory");
  return process_vm_readv(getpid(), &local, 1, &remote, 1, 0) == 1 ? 0 : errno;
}

static int look_for_children(char text[128]) {
  long pid = syscall(SYS_clone, 0, 0, 0, 0, 0);
  snprintf(text, 128, "a child without an exit signal");
  if (pid == 0)
    _exit(0);
  if (pid < 0)
    return errno;
  while (waitpid((pid_t)pid, NULL, __WCLONE) < 0 && errno == EINTR)
    ;
  return 0;
}

static int look_for_huge_pages(char text[128]) {
  char words[100] = "";
  int fd =
      open("/sys/kernel/mm/transparent_hugepage/enabled", O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return errno;
  ssize_t length = read(fd, words, sizeof words - 1);
  close(fd);
  words[length > 0 ? length : 0] = 0;
  words[strcspn(words, "\n")] = 0;
  snprintf(text, 128, "%s", words);
  return strstr(words, "[never]") ? ENOTSUP : 0;
}

/* ---- events; as in runtime/interface/breakpoints.c ---- */

static int look_for_breakpoints(char text[128]) {
  static long watched;
  struct perf_event_attr attributes = {
      .size = sizeof attributes,
      .type = PERF_TYPE_BREAKPOINT,
      .bp_type = HW_BREAKPOINT_W,
      .bp_addr = (uint64_t)&watched,
      .bp_len = sizeof watched,
      .sample_period = 1,
      .exclude_kernel = 1,
      .exclude_hv = 1,
      .remove_on_exec = 1,
      .sigtrap = 1,
  };
  snprintf(text, 128, "perf events of the kind breakpoint, with sigtrap");
  long fd = syscall(SYS_perf_event_open, &attributes, 0, -1, -1, 0);
  return fd < 0 ? errno : close((int)fd);
}

/* ---- restore ---- */

/* In a child: what it may do there is no matter here. */
static int try_in_child(int (*attempt)(void)) {
  int status;
  pid_t pid = fork();
  if (pid < 0)
    return errno;
  if (!pid)
    _exit(attempt());
  while (waitpid(pid, &status, 0) < 0)
    if (errno != EINTR)
      return errno;
  return WIFEXITED(status) ? WEXITSTATUS(status) : ECANCELED;
}

static int enter_namespaces(void) {
  int flags = CLONE_NEWPID | CLONE_NEWNS | (geteuid() ? CLONE_NEWUSER : 0);
  return unshare(flags) ? errno : 0;
}

static int look_for_namespaces(char text[128]) {
  snprintf(text, 128, "user, pid and mount namespaces");
  return try_in_child(enter_namespaces);
}

static const struct finding findings[] = {
    {"page scan", look_for_scan, "pages are listed by the kernel",
     "pages are looked at one by one, which takes longer"},
    {"tracking", look_for_tracking,
     "track=wp is possible, with the page scan: written pages are found while "
     "the program runs",
     "track=wp is not possible"},
    {"soft-dirty", look_for_soft_dirty,
     "track=soft-dirty is possible: written pages are found while the program "
     "stands still",
     "track=soft-dirty is not possible: the kernel was built without it"},
    {"mprotect", look_for_protection,
     "track=mprotect is possible, when asked for: written pages are found by "
     "SIGSEGV",
     "track=mprotect is not possible"},
    {"live copying", look_for_reading,
     "method=precopy: pages are copied while the program runs",
     "pages are copied while the program stands still"},
    {"children", look_for_children,
     "method=cow: a child copies what is written too fast",
     "what is written too fast is copied while the program stands still"},
    {"huge pages", look_for_huge_pages,
     "programs that ask for them are captured faster",
     "large programs are captured slower"},
    {"watching", look_for_breakpoints,
     "hwckpt::watch: debug registers see every write to a small variable",
     "hwckpt::watch: only writes that the compiler sees are events"},
    {"namespaces", look_for_namespaces,
     "a restored program has its process ids, in a namespace if need be",
     "a restored program has its process ids only where they are free and may "
     "be chosen; else --pid=any"},
};

/* What the option track chooses by itself, in this order. */
static void say_tracking(void) {
  char text[128];
  const char *way = "full", *why = "every checkpoint holds all memory";
  if (!look_for_scan(text) && !look_for_tracking(text)) {
    way = "wp";
    why = "a checkpoint holds what was written since the one before";
  } else if (!look_for_soft_dirty(text)) {
    way = "soft-dirty";
    why = "a checkpoint holds what was written since the one before; all is "
          "copied while the program stands still";
  }
  printf("%-13s track=auto takes %s\n%-13s %s\n", "written pages", way, "",
         why);
  if (strcmp(way, "full") == 0 && !look_for_protection(text))
    printf("%-13s track=mprotect finds what was written, in programs that make "
           "their\n%-13s system calls by glibc (docs/limits.md)\n",
           "", "");
}

static int doctor(int argc, char **argv) {
  struct utsname system;
  if (argc > 1)
    return report_usage(&command_doctor, argv[1], "takes no arguments");
  uname(&system);
  printf("%-13s %s %s\n", "kernel", system.sysname, system.release);
  printf("%-13s %ld\n", "processors", sysconf(_SC_NPROCESSORS_ONLN));
  for (size_t i = 0; i < sizeof findings / sizeof *findings; i++) {
    const struct finding *finding = &findings[i];
    char text[128] = "";
    int failed = finding->look(text);
    printf("%-13s %s%s%s\n", finding->name, failed ? "no" : "yes",
           *text ? ": " : "", text);
    if (failed)
      printf("%-13s %s\n", "", strerror(failed));
    printf("%-13s %s\n", "", failed ? finding->without : finding->with);
  }
  hook_costs_say();
  say_tracking();
  return EXIT_OK;
}

const struct command command_doctor = {
    .name = "doctor",
    .summary = "Say what this machine gives checkpoints",
    .help = "usage: hwckpt doctor\n"
            "\n"
            "Tries what the runtime and restore build on, and says of each "
            "what it means:\n"
            "how written pages are found (the option track; what it takes by "
            "itself stands\nlast), how they are captured (method),\n"
            "whether every write to a watched variable is seen,\n"
            "whether a restored program gets its process ids back,\n"
            "what the ways into the runtime cost (the option hook).\n",
    .run = doctor,
};
