/* settings.c - what madvise(2), mlock(2), mseal(2) and mbind(2) had set for
 * the program's memory.
 * What cannot be set is said; the program goes on without. */
#include "restorer.h"

#include "../../runtime/arch/sys.h"
#include "../../runtime/support/guards.h"
#include "../../runtime/support/memory_settings.h"

#include <errno.h>
#include <linux/mempolicy.h>
#include <pb_decode.h>
#include <sys/mman.h>

#define SYS_MSEAL 462 /* since Linux 6.10 */
#ifndef MLOCK_ONFAULT
#define MLOCK_ONFAULT 1
#endif

static const struct {
  uint32_t bit;
  int advice;
  const char *what;
} kinds[] = {
#define MEMORY_SETTING(bit, word, advice, what) {bit, advice, what},
#include "../../runtime/support/memory_settings.def"
};

/* To lock memory at once would fill it with what is not loaded yet. */
static long lock(uint64_t start, uint64_t size, bool on_fault) {
  on_fault |= restorer.plan.lazy != 0;
  return SYS(mlock2, start, size, on_fault ? MLOCK_ONFAULT : 0);
}

static long set(const MemorySetting *setting, int advice) {
  uint64_t size = setting->end - setting->start;
  bool on_fault = setting->settings & 128u;
  if (advice == SET_LOCKED)
    return on_fault ? 0 : lock(setting->start, size, false);
  if (advice == SET_LOCKED_ON_FAULT)
    return lock(setting->start, size, true);
  if (advice == SET_SEALED)
    return arch_syscall6(SYS_MSEAL, (long)setting->start, (long)size, 0, 0, 0,
                         0);
  return SYS(madvise, setting->start, size, advice);
}

/* What of it is there already moves. */
static void set_policy(const MemorySetting *setting) {
  const void *nodes = setting->nodes.bytes;
  uint64_t count = 8ull * setting->nodes.size;
  bool none = true;
  for (pb_size_t i = 0; i < setting->nodes.size; i++)
    none &= !setting->nodes.bytes[i];
  long result =
      SYS(mbind, setting->start, setting->end - setting->start, setting->policy,
          none ? 0 : nodes, none ? 0 : count + 1, MPOL_MF_MOVE);
  /* Of memory of the runtime, which is not there any more. */
  if (result < 0 && result != -EFAULT)
    WARN(HWCKPT_E_ATTRIBUTE, (int)-result, "memory", "policy %u of %llx-%llx",
         setting->policy, (unsigned long long)setting->start,
         (unsigned long long)setting->end);
}

/* They come before other settings: locked memory takes none. */
static void guard(const MemorySetting *setting) {
  long result = SYS(madvise, setting->start, setting->end - setting->start,
                    GUARD_INSTALL);
  if (result < 0)
    WARN(HWCKPT_E_ATTRIBUTE, (int)-result, "memory", "guard pages %llx-%llx",
         (unsigned long long)setting->start, (unsigned long long)setting->end);
}

void set_memory_settings(const struct cache_reader *reader) {
  uint32_t type;
  const void *data;
  size_t length;
  for (size_t i = 0; cache_reader_record(reader, i, &type, &data, &length);
       i++) {
    MemorySetting setting = MemorySetting_init_zero;
    pb_istream_t stream = pb_istream_from_buffer(data, length);
    if (type != RECORD_MEMORY_SETTING)
      continue;
    if (!pb_decode(&stream, MemorySetting_fields, &setting) ||
        setting.start >= setting.end)
      FAIL(HWCKPT_E_RECORD, 0, restorer.plan.application,
           "MemorySetting record, generation %llu",
           (unsigned long long)restorer.plan.generation);
    /* Where the restorer is there is no memory of the program. */
    if (setting.start < restorer.memory.end &&
        setting.end > restorer.memory.begin)
      continue;
    if (setting.settings & MEMORY_GUARDED)
      guard(&setting);
    if (setting.policy)
      set_policy(&setting);
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
      if (!(setting.settings & kinds[k].bit))
        continue;
      long result = set(&setting, kinds[k].advice);
      /* Of memory of the runtime, which is not there any more. */
      if (result < 0 && (result != -ENOMEM || kinds[k].advice == SET_LOCKED))
        WARN(HWCKPT_E_ATTRIBUTE, (int)-result, "memory", "%s of %llx-%llx",
             kinds[k].what, (unsigned long long)setting.start,
             (unsigned long long)setting.end);
    }
  }
}
