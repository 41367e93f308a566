/* registered_back.c - memory that a userfaultfd of the program was registered
 * for is so again. See registered.h.
 *
 * Order: pages that were there are made to be (of those that were zero nothing
 * was stored), the memory is registered, what else has come with the content
 * (huge pages, mlock) is dropped, and pages are protected. */
#include "registered.h"

#include "../arch/sys.h"
#include "area_fault.h"
#include "private.h"
#include "record_types.h"

#include "records.pb.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

/* linux/userfaultfd.h */
struct uffd_range {
  uint64_t start, length;
};
struct uffd_register {
  struct uffd_range range;
  uint64_t mode, ioctls;
};
struct uffd_protect {
  struct uffd_range range;
  uint64_t mode;
};
#define UFFD_IOCTL_REGISTER _IOWR(0xAA, 0x00, struct uffd_register)
#define UFFD_IOCTL_UNREGISTER _IOR(0xAA, 0x01, struct uffd_range)
#define UFFD_IOCTL_PROTECT _IOWR(0xAA, 0x06, struct uffd_protect)
#define UFFD_PROTECT 1ull
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22 /* since Linux 5.14 */
#endif
#ifndef MADV_DONTNEED_LOCKED
#define MADV_DONTNEED_LOCKED 24 /* since Linux 5.18 */
#endif

struct back {
  const struct resource_source *source;
  int tracking;
  struct hwckpt_error *error;
};

static int fail(const struct back *back, long result, const char *what,
                uint64_t begin, uint64_t end) {
  return hwckpt_fail(back->error, HWCKPT_E_RESTORE_KERNEL,
                     result < 0 ? (int)-result : 0, "anon_inode:[userfaultfd]",
                     "%s %llx-%llx", what, (unsigned long long)begin,
                     (unsigned long long)end);
}

/* Of an area without fault the addresses are a program's, in whole pages. */
static int read_area(const struct back *back, size_t record,
                     UserFaultArea *area) {
  uint64_t from, to;
  int result = resource_get(&back->source->records[record],
                            UserFaultArea_fields, area, back->error);
  if (result == 0 &&
      ((area->start | area->end) % AREA_PAGE || area->start >= area->end ||
       area->end > AREA_ADDRESS_END ||
       private_in(area->start, area->end, &from, &to)))
    result = hwckpt_fail(back->error, HWCKPT_E_RECORD, 0, "UserFaultArea",
                         "%llx-%llx", (unsigned long long)area->start,
                         (unsigned long long)area->end);
  return result;
}

static int each_area(const struct back *back,
                     int (*visit)(const struct back *back,
                                  const UserFaultArea *area)) {
  UserFaultArea area;
  int result = 0;
  for (size_t at = (size_t)-1;
       !result && resource_next(back->source, RECORD_USER_FAULT_AREA, &at);) {
    result = read_area(back, at, &area);
    if (!result)
      result = visit(back, &area);
  }
  return result;
}

/* Pages that are there, or protected, one run after the other. */
struct cursor {
  size_t record, run;
};
#define CURSOR_BEGIN ((struct cursor){(size_t)-1, 0})

static bool next_run(const struct back *back, struct cursor *cursor,
                     struct registered_run *run, unsigned *state) {
  const struct resource_source *source = back->source;
  while (cursor->record == (size_t)-1 ||
         cursor->run == source->records[cursor->record].length / sizeof *run) {
    if (!resource_next(source, RECORD_USER_FAULT_PAGES, &cursor->record))
      return false;
    cursor->run = 0;
  }
  const char *runs = source->records[cursor->record].data;
  memcpy(run, runs + cursor->run++ * sizeof *run, sizeof *run);
  *state = (unsigned)(run->end & (AREA_PAGE - 1));
  run->end &= -AREA_PAGE;
  return true;
}

/* The area that the run lies in, from the one before it on; false: none. */
static bool find_area(const struct back *back, size_t *at,
                      const struct registered_run *run, UserFaultArea *area) {
  while (*at == (size_t)-1 || area->end <= run->begin)
    if (!resource_next(back->source, RECORD_USER_FAULT_AREA, at) ||
        read_area(back, *at, area))
      return false;
  return run->begin >= area->start && run->end <= area->end;
}

/* Runs of whole pages, ascending, each in one area. */
static int check_runs(const struct back *back) {
  struct cursor cursor = CURSOR_BEGIN;
  struct registered_run run;
  UserFaultArea area;
  unsigned state;
  size_t at = (size_t)-1;
  uint64_t before = 0;
  for (; next_run(back, &cursor, &run, &state); before = run.end)
    if (run.begin % AREA_PAGE || run.begin < before || run.begin >= run.end ||
        !find_area(back, &at, &run, &area))
      return hwckpt_fail(back->error, HWCKPT_E_RECORD, 0, "UserFaultArea",
                         "pages %llx-%llx", (unsigned long long)run.begin,
                         (unsigned long long)run.end);
  return 0;
}

static int each_run(const struct back *back, unsigned wanted,
                    int (*visit)(const struct back *back, uint64_t begin,
                                 uint64_t end)) {
  struct cursor cursor = CURSOR_BEGIN;
  struct registered_run run;
  unsigned state;
  int result = 0;
  while (!result && next_run(back, &cursor, &run, &state))
    if (state & wanted)
      result = visit(back, run.begin, run.end);
  return result;
}

/* ---- the order of it ---- */

/* Tracking is nothing that a mapping can have beside it. */
static int untrack(const struct back *back, const UserFaultArea *area) {
  struct uffd_range range = {area->start, area->end - area->start};
  if (back->tracking >= 0)
    SYS(ioctl, back->tracking, UFFD_IOCTL_UNREGISTER, &range);
  return 0;
}

/* Past its protection. */
static int read_each(const struct back *back, uint64_t begin, uint64_t end) {
  long memory =
      SYS(openat, AT_FDCWD, "/proc/thread-self/mem", O_RDONLY | O_CLOEXEC, 0);
  long result = memory;
  char byte;
  for (uint64_t at = begin; result >= 0 && at < end; at += AREA_PAGE)
    result = SYS(pread64, memory, &byte, 1, at);
  if (memory >= 0)
    SYS(close, memory);
  return result < 0 ? fail(back, result, "read", begin, end) : 0;
}

static int populate(const struct back *back, uint64_t begin, uint64_t end) {
  return SYS(madvise, begin, end - begin, MADV_POPULATE_READ) == 0
             ? 0
             : read_each(back, begin, end);
}

static int register_again(const struct back *back, const UserFaultArea *area) {
  struct uffd_register request = {
      {area->start, area->end - area->start}, area->modes, 0};
  long result = SYS(ioctl, area->descriptor, UFFD_IOCTL_REGISTER, &request);
  return result < 0 ? fail(back, result, "register", area->start, area->end)
                    : 0;
}

static int drop(const struct back *back, uint64_t begin, uint64_t end) {
  if (begin >= end)
    return 0;
  long result = SYS(madvise, begin, end - begin, MADV_DONTNEED);
  if (result == -EINVAL)
    result = SYS(madvise, begin, end - begin, MADV_DONTNEED_LOCKED);
  return result < 0 ? fail(back, result, "drop", begin, end) : 0;
}

/* Both are ascending, and a run lies in one area. */
static int drop_missing(const struct back *back, const UserFaultArea *area) {
  struct cursor cursor = CURSOR_BEGIN;
  struct registered_run run;
  unsigned state;
  uint64_t at = area->start;
  int result = 0;
  if (!(area->modes & REGISTERED_MISSING))
    return 0;
  while (!result && next_run(back, &cursor, &run, &state) &&
         run.begin < area->end)
    if (run.begin >= area->start && state & REGISTERED_THERE) {
      result = drop(back, at, run.begin);
      at = run.end;
    }
  return result ? result : drop(back, at, area->end);
}

static int protect(const struct back *back, uint64_t begin, uint64_t end) {
  UserFaultArea area;
  size_t at = (size_t)-1;
  if (!resource_next(back->source, RECORD_USER_FAULT_AREA, &at))
    return fail(back, 0, "no memory with", begin, end);
  int failed = read_area(back, at, &area);
  if (failed)
    return failed;
  struct uffd_protect request = {{begin, end - begin}, UFFD_PROTECT};
  long result = SYS(ioctl, area.descriptor, UFFD_IOCTL_PROTECT, &request);
  return result < 0 ? fail(back, result, "write-protect", begin, end) : 0;
}

int registered_restore(const struct resource_source *source, int tracking,
                       struct hwckpt_error *error) {
  struct back back = {source, tracking, error};
  int result = check_runs(&back);
  if (!result)
    result = each_area(&back, untrack);
  if (!result)
    result = each_run(&back, REGISTERED_THERE, populate);
  if (!result)
    result = each_area(&back, register_again);
  if (!result)
    result = each_area(&back, drop_missing);
  return result ? result : each_run(&back, REGISTERED_PROTECTED, protect);
}
