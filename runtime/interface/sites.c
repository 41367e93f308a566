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

/* A table of sites in private memory. Two take turns, so that a handler which
 * still looks into the one before finds it whole. */
struct table {
  uint64_t *addresses;      /* ascending, no two alike */
  unsigned char *originals; /* the byte at each */
  uint32_t capacity;
  _Atomic uint32_t count;
};

static struct {
  const struct hwckpt_module *_Atomic modules[MODULES];
  _Atomic uint32_t changes; /* of modules */
  uint32_t built;           /* changes when the table was built */
  struct table tables[2];
  struct table *_Atomic table; /* null: none yet */
  bool armed;
  _Atomic uint32_t lock; /* of text being written and modules going away */
} sites;

/* Whoever holds the lock has all signals blocked (the checkpoint thread,
 * handlers, unregistering), so it is never held by a thread that is stopped. */
static void lock(void) {
  while (atomic_exchange(&sites.lock, 1))
    SYS(sched_yield);
}

static void unlock(void) { atomic_store(&sites.lock, 0); }

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

static uint32_t count_sites(void) {
  uint32_t total = 0;
  for (unsigned i = 0; i < MODULES; i++) {
    const struct hwckpt_module *module = atomic_load(&sites.modules[i]);
    total += module ? module_sites(module, 0) : 0;
  }
  return total;
}

static bool make_room(struct table *table, uint32_t total) {
  atomic_store(&table->count, 0);
  if (table->capacity >= total)
    return true;
  size_t entry = sizeof *table->addresses + 1;
  private_unmap(table->addresses, table->capacity * entry);
  table->capacity = 0;
  table->addresses = private_map(total * entry);
  if (!table->addresses)
    return false;
  table->originals = (unsigned char *)(table->addresses + total);
  table->capacity = total;
  return true;
}

static void fill(struct table *table) {
  uint32_t count = 0;
  for (unsigned i = 0; i < MODULES; i++) {
    const struct hwckpt_module *module = atomic_load(&sites.modules[i]);
    count += module ? module_sites(module, table->addresses + count) : 0;
  }
  sort(table->addresses, count);
  uint32_t unique = 0;
  for (uint32_t i = 0; i < count; i++)
    if (!unique || table->addresses[i] != table->addresses[unique - 1])
      table->addresses[unique++] = table->addresses[i];
  for (uint32_t i = 0; i < unique; i++)
    table->originals[i] = *(const unsigned char *)table->addresses[i];
  atomic_store(&table->count, unique);
}

/* Builds the table anew when modules came or went; only while nothing is armed.
 * False: no sites. */
static bool build(void) {
  struct table *table = atomic_load(&sites.table);
  uint32_t changes = atomic_load(&sites.changes);
  if (table && sites.built == changes)
    return atomic_load(&table->count) != 0;
  table = table == &sites.tables[0] ? &sites.tables[1] : &sites.tables[0];
  uint32_t total = count_sites();
  if (!total || !make_room(table, total))
    return false;
  fill(table);
  atomic_store(&sites.table, table);
  sites.built = changes;
  return true;
}

static int64_t find(const struct table *table, uint64_t address) {
  uint32_t low = 0, high = table ? atomic_load(&table->count) : 0;
  while (low < high) {
    uint32_t middle = low + (high - low) / 2;
    if (table->addresses[middle] == address)
      return middle;
    if (table->addresses[middle] < address)
      low = middle + 1;
    else
      high = middle;
  }
  return -1;
}

bool sites_contains(uint64_t address) {
  return find(atomic_load(&sites.table), address) >= 0;
}

/* Text is written through a short change of its protection, or, where a policy
 * forbids that, through /proc/self/mem. One byte changes: an instruction is
 * whole whoever fetches it meanwhile. */
static void write_text(const struct table *table, uint32_t from, uint32_t to,
                       bool breakpoint) {
  uint64_t begin = table->addresses[from] & ~4095ull;
  uint64_t end = (table->addresses[to - 1] | 4095) + 1;
  long unprotected =
      SYS(mprotect, begin, end - begin, PROT_READ | PROT_WRITE | PROT_EXEC);
  long memory = -1;
  if (unprotected < 0)
    memory = SYS(openat, AT_FDCWD, "/proc/self/mem", O_RDWR | O_CLOEXEC, 0);
  for (uint32_t i = from; i < to; i++) {
    unsigned char byte = breakpoint ? HWCKPT_BREAKPOINT : table->originals[i];
    if (unprotected == 0)
      *(volatile unsigned char *)table->addresses[i] = byte;
    else if (memory >= 0)
      SYS(pwrite64, memory, &byte, 1, table->addresses[i]);
  }
  if (unprotected == 0)
    SYS(mprotect, begin, end - begin, PROT_READ | PROT_EXEC);
  if (memory >= 0)
    SYS(close, memory);
}

/* Sites less than this apart belong to one mapping's text. */
#define TEXT_GAP (1u << 16)

static void write_all(bool breakpoint) {
  const struct table *table = atomic_load(&sites.table);
  uint32_t count = table ? atomic_load(&table->count) : 0;
  for (uint32_t from = 0, to; from < count; from = to) {
    to = from + 1;
    while (to < count &&
           table->addresses[to] - table->addresses[to - 1] < TEXT_GAP)
      to++;
    write_text(table, from, to, breakpoint);
  }
}

/* The sites of a module that goes away are disarmed and forgotten before its
 * text is unmapped. */
EXPORTED void __hwckpt_unregister_module(const struct hwckpt_module *module) {
  uint64_t all = ~0ull, before;
  SYS(rt_sigprocmask, SIG_SETMASK, &all, &before, 8);
  lock();
  for (unsigned i = 0; i < MODULES; i++)
    if (atomic_load(&sites.modules[i]) == module)
      atomic_store(&sites.modules[i], 0);
  atomic_fetch_add(&sites.changes, 1);
  if (sites.armed)
    write_all(false);
  bool again = sites.armed && build();
  if (again)
    write_all(true);
  sites.armed = again;
  unlock();
  SYS(rt_sigprocmask, SIG_SETMASK, &before, 0, 8);
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
  task_each(look_for_blocked, &blocked);
  if (blocked)
    return;
  lock();
  if (!sites.armed && build()) {
    write_all(true);
    sites.armed = true;
  }
  unlock();
}

void sites_disarm(void) {
  lock();
  if (sites.armed)
    write_all(false);
  sites.armed = false;
  unlock();
}

static void patch(uint64_t address, bool breakpoint) {
  const struct table *table = atomic_load(&sites.table);
  int64_t i = find(table, address);
  if (i >= 0)
    write_text(table, (uint32_t)i, (uint32_t)i + 1, breakpoint);
}

void sites_patch(uint64_t address, bool breakpoint) {
  lock();
  patch(address, breakpoint);
  unlock();
}

void sites_repair_in_child(uint64_t address) { patch(address, false); }

void sites_forget(void) {
  memset(sites.tables, 0, sizeof sites.tables);
  atomic_store(&sites.table, 0);
  atomic_store(&sites.lock, 0);
  sites.armed = false;
}
