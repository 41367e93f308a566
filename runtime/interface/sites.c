/* sites.c - see sites.h. */
#include "sites.h"

#include "../../intrinsics/hwckpt_isa.h"
#include "../arch/sys.h"
#include "../support/private.h"
#include "../support/quiesce.h"
#include "../support/task.h"

#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

#define MODULES 1024
#define EXPORTED __attribute__((visibility("default")))

static struct {
  const struct hwckpt_module *_Atomic modules[MODULES];
  _Atomic uint32_t changes; /* of modules */
  uint32_t built;           /* changes when the table was built */
  uint64_t *addresses;      /* private: ascending, no two alike */
  unsigned char *originals; /* private: the byte at each */
  _Atomic uint32_t count;
  bool armed;
} sites;

EXPORTED void __hwckpt_register_module(const struct hwckpt_module *module) {
  if (module->version != HWCKPT_ISA_VERSION)
    return;
  for (unsigned i = 0; i < MODULES; i++) {
    const struct hwckpt_module *none = 0;
    if (atomic_compare_exchange_strong(&sites.modules[i], &none, module))
      break;
  }
  atomic_fetch_add(&sites.changes, 1);
}

EXPORTED void __hwckpt_unregister_module(const struct hwckpt_module *module) {
  for (unsigned i = 0; i < MODULES; i++)
    if (atomic_load(&sites.modules[i]) == module)
      atomic_store(&sites.modules[i], 0);
  atomic_fetch_add(&sites.changes, 1);
}

static uint32_t module_sites(const struct hwckpt_module *module,
                             uint64_t *addresses) {
  uint32_t count = 0;
  for (unsigned kind = 0; kind < module->kinds; kind++)
    for (const int *entry = module->sites[kind].begin;
         entry < module->sites[kind].end; entry++, count++)
      if (addresses)
        addresses[count] = (uint64_t)entry + (uint64_t)(int64_t)*entry;
  return count;
}

/* Shell sort, gaps of Ciura: the tables are nearly in order as they come. */
static void sort(uint64_t *values, uint32_t count) {
  static const uint32_t gaps[] = {701, 301, 132, 57, 23, 10, 4, 1};
  for (unsigned g = 0; g < sizeof gaps / sizeof *gaps; g++)
    for (uint32_t i = gaps[g]; i < count; i++) {
      uint64_t value = values[i];
      uint32_t j = i;
      for (; j >= gaps[g] && values[j - gaps[g]] > value; j -= gaps[g])
        values[j] = values[j - gaps[g]];
      values[j] = value;
    }
}

/* Builds the table anew when modules came or went. False: no sites. */
static bool build(void) {
  uint32_t changes = atomic_load(&sites.changes);
  if (sites.addresses && sites.built == changes)
    return atomic_load(&sites.count) != 0;
  uint32_t total = 0;
  for (unsigned i = 0; i < MODULES; i++) {
    const struct hwckpt_module *module = atomic_load(&sites.modules[i]);
    total += module ? module_sites(module, 0) : 0;
  }
  uint64_t *addresses = private_map((total + 1) * (sizeof *addresses + 1));
  if (!addresses || !total)
    return false;
  uint32_t count = 0;
  for (unsigned i = 0; i < MODULES; i++) {
    const struct hwckpt_module *module = atomic_load(&sites.modules[i]);
    count += module ? module_sites(module, addresses + count) : 0;
  }
  sort(addresses, count);
  uint32_t unique = 0;
  for (uint32_t i = 0; i < count; i++)
    if (!unique || addresses[i] != addresses[unique - 1])
      addresses[unique++] = addresses[i];
  unsigned char *originals = (unsigned char *)(addresses + total + 1);
  for (uint32_t i = 0; i < unique; i++)
    originals[i] = *(const unsigned char *)addresses[i];
  /* A handler of another thread may be in the old table, which stays mapped. */
  atomic_store(&sites.count, 0);
  sites.addresses = addresses;
  sites.originals = originals;
  atomic_store(&sites.count, unique);
  sites.built = changes;
  return unique != 0;
}

static int64_t find(uint64_t address) {
  uint32_t low = 0, high = atomic_load(&sites.count);
  while (low < high) {
    uint32_t middle = low + (high - low) / 2;
    if (sites.addresses[middle] == address)
      return middle;
    if (sites.addresses[middle] < address)
      low = middle + 1;
    else
      high = middle;
  }
  return -1;
}

bool sites_contains(uint64_t address) { return find(address) >= 0; }

/* Text is written through a short change of its protection, or, where a policy
 * forbids that, through /proc/self/mem. One byte changes: an instruction is
 * whole whoever fetches it meanwhile. */
static void write_text(uint32_t from, uint32_t to, bool breakpoint) {
  uint64_t begin = sites.addresses[from] & ~4095ull;
  uint64_t end = (sites.addresses[to - 1] | 4095) + 1;
  long unprotected =
      SYS(mprotect, begin, end - begin, PROT_READ | PROT_WRITE | PROT_EXEC);
  long memory = -1;
  if (unprotected < 0)
    memory = SYS(openat, AT_FDCWD, "/proc/self/mem", O_RDWR | O_CLOEXEC, 0);
  for (uint32_t i = from; i < to; i++) {
    unsigned char byte = breakpoint ? HWCKPT_BREAKPOINT : sites.originals[i];
    if (unprotected == 0)
      *(volatile unsigned char *)sites.addresses[i] = byte;
    else if (memory >= 0)
      SYS(pwrite64, memory, &byte, 1, sites.addresses[i]);
  }
  if (unprotected == 0)
    SYS(mprotect, begin, end - begin, PROT_READ | PROT_EXEC);
  if (memory >= 0)
    SYS(close, memory);
}

/* Sites less than this apart belong to one mapping's text. */
#define TEXT_GAP (1u << 16)

static void write_all(bool breakpoint) {
  uint32_t count = atomic_load(&sites.count);
  for (uint32_t from = 0, to; from < count; from = to) {
    to = from + 1;
    while (to < count &&
           sites.addresses[to] - sites.addresses[to - 1] < TEXT_GAP)
      to++;
    write_text(from, to, breakpoint);
  }
}

static void look_for_blocked(int tid, void *context) {
  char text[4096];
  bool *blocked = context;
  if (*blocked || quiesce_is_runtime_thread(tid) ||
      task_read(tid, "status", text, sizeof text) <= 0)
    return;
  for (const char *line = text; *line; line++) {
    if ((line == text || line[-1] == '\n') &&
        memcmp(line, "SigBlk:\t", 8) == 0) {
      /* 16 hex digits; SIGTRAP is bit 4, the lowest of the last but one. */
      char digit = line[8 + 14];
      *blocked = digit == '1' || digit == '3' || digit == '5' || digit == '7' ||
                 digit == '9' || digit == 'b' || digit == 'd' || digit == 'f';
      return;
    }
  }
}

void sites_arm(void) {
  bool blocked = false;
  if (sites.armed || !build())
    return;
  task_each(look_for_blocked, &blocked);
  if (blocked)
    return;
  write_all(true);
  sites.armed = true;
}

void sites_disarm(void) {
  if (!sites.armed)
    return;
  write_all(false);
  sites.armed = false;
}

void sites_patch(uint64_t address, bool breakpoint) {
  int64_t i = find(address);
  if (i >= 0)
    write_text((uint32_t)i, (uint32_t)i + 1, breakpoint);
}

void sites_forget(void) {
  sites.addresses = 0;
  atomic_store(&sites.count, 0);
  sites.armed = false;
}
