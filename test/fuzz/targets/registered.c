/* Memory that a userfaultfd was registered for, and its pages, from a stranger,
 * as a restored program has them again: nothing is dropped, registered or
 * protected but within the areas, and only whole pages are.
 *
 * Input: u8 whether memory is tracked and what cannot be done, u8 which call
 * fails, records.
 */
#include "../Inputs/fake_kernel.h"
#include "../Inputs/record_list.h"

#include "runtime/arch/arch.h"
#include "runtime/support/private.h"
#include "runtime/support/record_types.h"
#include "runtime/support/registered.h"

#include "records.pb.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { IS_TRACKED = 1, CANNOT_POPULATE = 2, IS_LOCKED = 4 };
#define PAGE 4096u
#define TRACKING 9
#define OWN 0x7f0000000000u /* private memory of the runtime, a page */
#define READS_MAX 1000u     /* more pages are not there */

static struct record_list list;
static unsigned what, fails, calls, reads;

int private_in(uint64_t begin, uint64_t end, uint64_t *from, uint64_t *to) {
  *from = OWN;
  *to = OWN + PAGE;
  return begin < *to && end > *from;
}

/* Whether all of it is in one area; of what is dropped and protected. */
static bool is_within(uint64_t begin, uint64_t length) {
  UserFaultArea area;
  for (size_t i = 0; i < list.count; i++)
    if (list.record[i].type == RECORD_USER_FAULT_AREA &&
        !resource_get(&list.record[i], UserFaultArea_fields, &area, NULL) &&
        begin >= area.start && begin < area.end && length <= area.end - begin)
      return true;
  return false;
}

static void check(uint64_t begin, uint64_t length) {
  uint64_t from, to;
  if (begin % PAGE || length % PAGE || !length || !is_within(begin, length) ||
      private_in(begin, begin + length, &from, &to))
    abort();
}

static long advise(const long arguments[6]) {
  int advice = (int)arguments[2];
  if (advice == MADV_DONTNEED || advice == 24 /* MADV_DONTNEED_LOCKED */)
    check((uint64_t)arguments[0], (uint64_t)arguments[1]);
  if (advice == MADV_DONTNEED)
    return what & IS_LOCKED ? -EINVAL : 0;
  return advice == 22 /* MADV_POPULATE_READ */ && what & CANNOT_POPULATE
             ? -EINVAL
             : 0;
}

long fake_kernel(long number, const long arguments[6]) {
  if (++calls == fails)
    return -EPERM;
  switch (number) {
  case SYS_madvise:
    return advise(arguments);
  case SYS_ioctl: {
    const uint64_t *range = (const uint64_t *)arguments[2];
    check(range[0], range[1]);
    return 0;
  }
  case SYS_openat:
    return TRACKING + 1;
  case SYS_pread64:
    *(char *)arguments[1] = 0;
    return ++reads > READS_MAX ? -EIO : 1;
  case SYS_close:
    return 0;
  default:
    abort();
  }
}

/* Saving alone uses it. */
long arch_spawn(uint64_t flags, void *stack_top, void *tls,
                void (*function)(void *), void *argument) {
  (void)flags, (void)stack_top, (void)tls, (void)function, (void)argument;
  return -EAGAIN;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct hwckpt_error error = {0};
  if (size < 2)
    return 0;
  what = data[0];
  fails = data[1];
  calls = reads = 0;
  record_list_read(&list, data + 2, size - 2);
  const struct resource_source source = {.records = list.record,
                                         .count = list.count};
  int failed =
      registered_restore(&source, what & IS_TRACKED ? TRACKING : -1, &error);
  if (failed && error.code != (enum hwckpt_code) - failed)
    abort();
  record_list_free(&list);
  return 0;
}
