/* sites.c - see sites.h. */
#include "sites.h"

#include "../../intrinsics/hwckpt_isa.h"
#include "../arch/arch.h"
#include "../arch/sys.h"
#include "../resources/resource.h"
#include "../support/blocked.h"
#include "../support/exclude.h"
#include "../support/live.h"
#include "../support/memory_map.h"
#include "../support/private.h"
#include "../support/process_lock.h"
#include "../support/quiesce.h"
#include "events.h"
#include "trap_actions.h"
#include "watch.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#define MODULES 1024
#define EXPORTED __attribute__((visibility("default")))

/* Sites [from, to) whose text is written at once: they lie close together, in
 * one area of the memory map. Between areas may be data of any protection. */
struct range {
  uint32_t from, to;
  uint32_t protection; /* of the area, PROT_* */
};

/* A table of sites in private memory. Two take turns, so that a handler which
 * still looks into the one before finds it whole. */
struct table {
  uint64_t *addresses;  /* of the byte that arms; ascending, all different */
  struct range *ranges; /* ascending, every site in one */
  unsigned char *originals; /* the byte at each address */
  unsigned char *armed;     /* what it is while the site is armed */
  uint32_t capacity;
  uint32_t range_count;
  _Atomic uint32_t count;
};

/* Modules come and go with the program's memory, also back. */
static struct {
  const struct hwckpt_module *loaded[MODULES];
  uint32_t changes;
} modules;

static LIVE struct {
  uint32_t built; /* modules.changes when the table was built */
  struct table tables[2];
  struct table *_Atomic table; /* null: none yet */
  _Atomic uint32_t armed;      /* 0 or 1 (futex) */
  bool annotated_alone;        /* are armed */
  _Atomic uint32_t awaited;    /* a thread at those: NOBODY, or (futex) ... */
  _Atomic int lock; /* of text being written and modules going away */
} sites;

enum awaited { NOBODY, ANYBODY, ARRIVED };

/* Also on the checkpoint thread, whose signals are blocked. */
static void lock(void) { process_lock(&sites.lock); }
static void unlock(void) { process_unlock(&sites.lock); }

static void exclude_variables(const struct hwckpt_module *module,
                              int (*change)(uint64_t begin, uint64_t end)) {
  for (const struct hwckpt_excluded *entry = module->excluded.begin;
       entry < module->excluded.end; entry++)
    change((uint64_t)entry->address, (uint64_t)entry->address + entry->length);
}

EXPORTED void __hwckpt_register_module(const struct hwckpt_module *module) {
  if (module->version != HWCKPT_ISA_VERSION)
    return;
  trap_actions_expect_traps();
  exclude_variables(module, exclude_add);
  uint64_t before = process_lock_blocking(&sites.lock);
  bool watched = watch_module(module);
  for (unsigned i = 0; i < MODULES; i++)
    if (!modules.loaded[i]) {
      modules.loaded[i] = module;
      break;
    }
  modules.changes++;
  process_unlock_blocking(&sites.lock, before);
  if (watched)
    events_monitors_changed(true);
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
    const struct hwckpt_module *module = modules.loaded[i];
    total += module ? module_sites(module, 0) : 0;
  }
  return total;
}

static bool make_room(struct table *table, uint32_t total) {
  atomic_store(&table->count, 0);
  if (table->capacity >= total)
    return true;
  size_t entry = sizeof *table->addresses + sizeof *table->ranges + 2;
  private_unmap(table->addresses, table->capacity * entry);
  table->capacity = 0;
  table->addresses = private_map(total * entry);
  if (!table->addresses)
    return false;
  table->ranges = (struct range *)(table->addresses + total);
  table->originals = (unsigned char *)(table->ranges + total);
  table->armed = table->originals + total;
  table->capacity = total;
  return true;
}

/* Farther apart than this, two sites are worth a system call of their own. */
#define TEXT_GAP (1u << 16)

/* Whether sites in the area can be armed: its bytes can be read, and what is
 * written to them stays in this process. */
static bool is_text(const struct area *area) {
  unsigned wanted = PROT_READ | PROT_EXEC;
  return (area->protection & wanted) == wanted &&
         (area->type == AREA_TYPE_FILE_PRIVATE ||
          area->type == AREA_TYPE_FILE_COPY ||
          area->type == AREA_TYPE_ANONYMOUS);
}

/* Adds a site whose byte at address, in area, becomes `armed`. */
static void add_site(struct table *table, uint32_t i, uint64_t address,
                     unsigned char armed, const struct area *area) {
  struct range *last = table->ranges + table->range_count - 1;
  if (!table->range_count || table->addresses[i - 1] < area->start ||
      address - table->addresses[i - 1] >= TEXT_GAP) {
    last = &table->ranges[table->range_count++];
    *last = (struct range){i, i, area->protection};
  }
  last->to = i + 1;
  table->addresses[i] = address;
  table->originals[i] = *(const unsigned char *)address;
  table->armed[i] = armed;
}

/* Sites that lie in no text are left out, and those where somebody else has a
 * breakpoint. The order of sites is that of their bytes: a site with an
 * instruction shares no byte with another. */
static void fill(struct table *table, const struct memory_map *map) {
  uint64_t *addresses = table->addresses;
  uint32_t total = 0, count = 0;
  for (unsigned i = 0; i < MODULES; i++) {
    const struct hwckpt_module *module = modules.loaded[i];
    total += module ? module_sites(module, addresses + total) : 0;
  }
  sort(addresses, total);
  const struct area *area = map->areas, *end = map->areas + map->count;
  table->range_count = 0;
  for (uint32_t i = 0; i < total; i++) {
    uint64_t address = addresses[i];
    while (area < end && area->end <= address)
      area++;
    if (area == end || area->start > address || !is_text(area))
      continue;
    unsigned char armed;
    int byte = arch_site_byte((const unsigned char *)address, &armed);
    address += (uint64_t)(byte > 0 ? byte : 0);
    if (byte >= 0 && address < area->end &&
        (!count || addresses[count - 1] != address))
      add_site(table, count++, address, armed, area);
  }
  atomic_store(&table->count, count);
}

/* Builds the table anew when modules came or went; only while nothing is armed.
 * False: no sites. */
static bool build(void) {
  struct table *table = atomic_load(&sites.table);
  if (table && sites.built == modules.changes)
    return atomic_load(&table->count) != 0;
  table = table == &sites.tables[0] ? &sites.tables[1] : &sites.tables[0];
  uint32_t total = count_sites();
  struct hwckpt_error error;
  struct memory_map map;
  if (!total || !make_room(table, total) || memory_map_open(&map, &error) != 0)
    return false;
  bool known = memory_map_read(&map, &error) == 0;
  if (known)
    fill(table, &map);
  memory_map_close(&map);
  if (!known)
    return false;
  atomic_store(&sites.table, table);
  sites.built = modules.changes;
  return atomic_load(&table->count) != 0;
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
static void write_text(const struct table *table, struct range range,
                       bool armed) {
  uint64_t begin = table->addresses[range.from] & ~4095ull;
  uint64_t size = (table->addresses[range.to - 1] | 4095) + 1 - begin;
  long unprotected =
      SYS(mprotect, begin, size, PROT_READ | PROT_WRITE | PROT_EXEC);
  long memory = -1;
  if (unprotected < 0)
    memory =
        SYS(openat, AT_FDCWD, "/proc/thread-self/mem", O_RDWR | O_CLOEXEC, 0);
  for (uint32_t i = range.from; i < range.to; i++) {
    unsigned char byte = (armed ? table->armed : table->originals)[i];
    if (unprotected == 0)
      *(volatile unsigned char *)table->addresses[i] = byte;
    else if (memory >= 0)
      SYS(pwrite64, memory, &byte, 1, table->addresses[i]);
  }
  if (unprotected == 0)
    SYS(mprotect, begin, size, range.protection);
  if (memory >= 0)
    SYS(close, memory);
}

static void write_all(bool armed) {
  const struct table *table = atomic_load(&sites.table);
  for (uint32_t i = 0; table && i < table->range_count; i++)
    write_text(table, table->ranges[i], armed);
  bool stand = sites.annotated_alone;
  sites.annotated_alone = false;
  atomic_store(&sites.armed, armed);
  if (!armed || stand)
    SYS(futex, &sites.armed, FUTEX_WAKE_PRIVATE, INT_MAX, 0, 0, 0);
}

/* The sites of a module that goes away are disarmed and forgotten before its
 * text is unmapped. Those of the others are disarmed with them: who is waited
 * for is stopped by signal. */
EXPORTED void __hwckpt_unregister_module(const struct hwckpt_module *module) {
  /* Mostly the program ends: rather than that it is ended by that. */
  if (module->version != HWCKPT_ISA_VERSION || resources_forbid_lock())
    return;
  exclude_variables(module, exclude_remove);
  uint64_t before = process_lock_blocking(&sites.lock);
  bool watched = watch_forget_module(module);
  for (unsigned i = 0; i < MODULES; i++)
    if (modules.loaded[i] == module)
      modules.loaded[i] = 0;
  modules.changes++;
  if (sites.armed)
    write_all(false);
  process_unlock_blocking(&sites.lock, before);
  if (watched)
    events_monitors_changed(false);
}

/* Bits of signals that the kernel forces on a thread which blocks them by
 * ending the program. */
#define TRAPS (1u << (SIGTRAP - 1) | 1u << (SIGILL - 1))

/* Whether a thread blocks a trap; told by sites_prepare(), checkpoint thread.
 */
static bool traps_blocked;

void sites_prepare(void) {
  traps_blocked = blocked_anywhere(TRAPS);
  lock();
  if (!sites.armed)
    build();
  unlock();
}

static void arm(void) {
  lock();
  if (sites.annotated_alone || (!sites.armed && build()))
    write_all(true);
  atomic_store(&sites.awaited, NOBODY);
  unlock();
}

void sites_arm(void) {
  if (!traps_blocked)
    arm();
}

/* A thread that is stopped blocks everything, in our handler. */
void sites_arm_stopped(void) {
  if (!quiesce_blocks(SIGTRAP) && !quiesce_blocks(SIGILL))
    arm();
}

void sites_disarm(void) {
  lock();
  if (sites.armed)
    write_all(false);
  unlock();
}

bool sites_are_armed(void) { return atomic_load(&sites.armed); }

void sites_await_disarm(uint64_t nanoseconds) {
  struct timespec timeout = {0, (long)nanoseconds};
  SYS(futex, &sites.armed, FUTEX_WAIT_PRIVATE, 1, &timeout, 0, 0);
}

static void patch(uint64_t address, bool armed) {
  const struct table *table = atomic_load(&sites.table);
  int64_t i = find(table, address);
  if (i < 0)
    return;
  const struct range *range = table->ranges;
  while (range->to <= i)
    range++;
  struct range one = {(uint32_t)i, (uint32_t)i + 1, range->protection};
  write_text(table, one, armed);
}

void sites_patch(uint64_t address, bool armed) {
  lock();
  /* Else it would be in the capture that the sites are disarmed for. */
  if (sites.armed || !armed)
    patch(address, armed);
  unlock();
}

static void arm_annotated(void) {
  for (unsigned i = 0; i < MODULES; i++) {
    const struct hwckpt_module *module = modules.loaded[i];
    if (!module || module->kinds <= HWCKPT_KIND_ANNOTATED)
      continue;
    for (const int *entry = module->sites[HWCKPT_KIND_ANNOTATED].begin;
         entry < module->sites[HWCKPT_KIND_ANNOTATED].end; entry++) {
      uint64_t address = (uint64_t)entry + (uint64_t)(int64_t)*entry;
      unsigned char armed;
      int byte = arch_site_byte((const unsigned char *)address, &armed);
      if (byte >= 0)
        patch(address + (uint64_t)byte, true);
    }
  }
}

/* In between give_up() is asked. */
#define AWAIT_STEP_NS 2000000u

/* Until somebody has arrived; false: it was given up. */
static bool await(uint64_t until_ns, bool (*give_up)(void)) {
  uint64_t now;
  while (atomic_load(&sites.awaited) == ANYBODY &&
         (now = quiesce_now_ns()) < until_ns) {
    uint64_t left = until_ns - now;
    struct timespec step = {
        0, (long)(left < AWAIT_STEP_NS ? left : AWAIT_STEP_NS)};
    if (give_up())
      return false;
    SYS(futex, &sites.awaited, FUTEX_WAIT_PRIVATE, ANYBODY, &step, 0, 0);
  }
  return true;
}

/* Who has asked may be in a handler of the runtime yet, where all signals are
 * blocked: it is looked at again, so often at most. */
#define BLOCKED_LOOKS 50u

static void await_open_traps(bool (*give_up)(void)) {
  const struct timespec step = {0, AWAIT_STEP_NS};
  for (unsigned i = 0; traps_blocked && i < BLOCKED_LOOKS && !give_up(); i++) {
    SYS(nanosleep, &step, 0);
    sites_prepare();
  }
}

bool sites_await_annotated(uint64_t until_ns, bool (*give_up)(void)) {
  uint32_t anybody = ANYBODY;
  await_open_traps(give_up);
  if (traps_blocked)
    return false;
  lock();
  if (sites.armed)
    write_all(false);
  build();
  atomic_store(&sites.awaited, ANYBODY);
  atomic_store(&sites.armed, 1);
  sites.annotated_alone = true;
  arm_annotated();
  unlock();
  await(until_ns, give_up);
  if (!atomic_compare_exchange_strong(&sites.awaited, &anybody, NOBODY))
    return true;
  sites_disarm();
  return false;
}

bool sites_are_held(void) { return atomic_load(&sites.awaited) == ARRIVED; }

void sites_release(void) {
  atomic_store(&sites.awaited, NOBODY);
  sites_disarm();
}

enum sites_seen sites_look(uint64_t until_ns, bool (*give_up)(void)) {
  sites_prepare();
  if (traps_blocked)
    return SITES_UNKNOWN;
  lock();
  bool any = !sites.armed && build();
  if (any) {
    atomic_store(&sites.awaited, ANYBODY);
    write_all(true);
  }
  unlock();
  if (!any)
    return SITES_UNKNOWN;
  bool all = await(until_ns, give_up);
  sites_disarm();
  if (atomic_exchange(&sites.awaited, NOBODY) == ARRIVED)
    return SITES_REACHED;
  return all ? SITES_NOT_REACHED : SITES_UNKNOWN;
}

void sites_arrived(void) {
  uint32_t anybody = ANYBODY;
  if (atomic_compare_exchange_strong(&sites.awaited, &anybody, ARRIVED))
    SYS(futex, &sites.awaited, FUTEX_WAKE_PRIVATE, 1, 0, 0, 0);
}

void sites_repair_in_child(uint64_t address) { patch(address, false); }

void sites_begin_in_child(void) {
  /* A holder that is not there was perhaps about to arm them. */
  if (atomic_exchange(&sites.lock, 0) || sites.armed)
    write_all(false);
  blocked_forget();
}

bool sites_keep(const void *memory) {
  return memory == sites.tables[0].addresses ||
         memory == sites.tables[1].addresses;
}

void sites_rolled_back(void) { sites.built = ~modules.changes; }

void sites_forget(void) {
  memset(sites.tables, 0, sizeof sites.tables);
  atomic_store(&sites.table, 0);
  atomic_store(&sites.lock, 0);
  atomic_store(&sites.armed, 0);
  sites.annotated_alone = false;
  atomic_store(&sites.awaited, NOBODY);
  blocked_forget();
}
