/* lazy.c - see lazy.h. */
#include "lazy.h"

#include "runtime/support/resume_abi.h"
#include "tools/restorer/plan.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Below this a program starts sooner when it is read whole. */
#define AUTO_MIN ((uint64_t)32 << 20)
/* 1 MiB of pages is read at once. With one frame 1 GiB was all there after 1.8
 * to 4.1 s, with this after 0.7 to 1.5 s (the steps of bench/run restore, on a
 * busy machine). The first faults are served page by page, without a plan. */
#define UNIT_FRAMES 4

bool lazy_mode_parse(const char *text, enum lazy_mode *mode) {
  static const char *const words[] = {"auto", "fault", "no"};
  for (int i = 0; i < 3; i++)
    if (!strcmp(text, words[i])) {
      *mode = (enum lazy_mode)i;
      return true;
    }
  return false;
}

static int open_userfaultfd(void) {
  int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
  int number = errno;
  int device = fd < 0 ? open(RESTORE_LAZY_DEVICE, O_RDWR | O_CLOEXEC) : -1;
  if (device >= 0) {
    fd = ioctl(device, USERFAULTFD_IOC_NEW, O_CLOEXEC | O_NONBLOCK);
    number = errno;
    close(device);
  }
  errno = number;
  return fd;
}

/* Faults inside system calls, and the events of fork() and the like, are for
 * the privileged. */
static int probe(uint64_t features) {
  int fd = open_userfaultfd();
  struct uffdio_api api = {.api = UFFD_API, .features = features};
  if (fd < 0)
    return errno;
  int failed = ioctl(fd, UFFDIO_API, &api) ? errno : 0;
  close(fd);
  return failed;
}

static bool is_lazy(const Area *area) {
  return restore_is_lazy(area->kind == AreaKind_AREA_ANONYMOUS &&
                             !area->huge_page,
                         area->grows_down, area->end - area->start);
}

static uint64_t lazy_bytes(const struct generation *generation) {
  uint64_t bytes = 0;
  size_t cursor = 0;
  for (Area area; generation_next_area(generation, &cursor, &area);)
    if (is_lazy(&area))
      bytes += area.end - area.start;
  return bytes;
}

/* It registers its memory before it runs; the loader's would be there. */
static bool serves_faults(const struct generation *generation) {
  static Descriptor descriptor;
  size_t cursor = 0;
  while (generation_next_descriptor(generation, &cursor, &descriptor))
    if (descriptor.kind == DescriptorKind_DESCRIPTOR_USERFAULTFD)
      return true;
  return false;
}

int lazy_settle(const struct generation *generation, enum lazy_mode *mode,
                struct hwckpt_error *error) {
  bool must = *mode == LAZY_FAULT;
  if (*mode == LAZY_NO || (!must && lazy_bytes(generation) < AUTO_MIN)) {
    *mode = LAZY_NO;
    return 0;
  }
  bool serves = serves_faults(generation);
  int failed = serves ? 0 : probe(RESTORE_LAZY_FEATURES);
  if (!failed && !serves && generation->process.gate) {
    *mode = LAZY_FAULT;
    return 0;
  }
  *mode = LAZY_NO;
  if (!must)
    return 0;
  return hwckpt_fail(error, HWCKPT_E_NOT_LAZY, failed, generation->name,
                     failed   ? "userfaultfd with events"
                     : serves ? "it has a userfaultfd of its own"
                              : "its runtime is too old for it");
}

bool lazy_can_track(const struct generation *generation) {
  return generation->process.resume_abi >= RESUME_ABI_HANDOVER &&
         !probe(RESTORE_TRACKED_FEATURES);
}

struct cache_range lazy_gate(const struct generation *generation) {
  uint64_t begin = generation->process.gate;
  return (struct cache_range){begin, begin + RESTORE_GATE_SIZE};
}

int lazy_plan(const struct generation *generation, struct cache_plan **plan,
              struct hwckpt_error *error) {
  struct cache_range *ranges = calloc(generation->areas + 2, sizeof *ranges);
  size_t count = 0, cursor = 0;
  struct cache_range gate = lazy_gate(generation);
  if (!ranges)
    return hwckpt_fail(error, HWCKPT_E_RESTORE_MEMORY, ENOMEM, generation->name,
                       "list of areas");
  for (Area area; generation_next_area(generation, &cursor, &area);) {
    if (!is_lazy(&area))
      continue;
    uint64_t begin = area.start;
    if (gate.begin >= area.start && gate.end <= area.end) {
      ranges[count++] = (struct cache_range){begin, gate.begin};
      begin = gate.end;
    }
    ranges[count++] = (struct cache_range){begin, area.end};
  }
  int failed = cache_plan_make(generation->reader, ranges, count, UNIT_FRAMES,
                               plan, error);
  free(ranges);
  return failed;
}
