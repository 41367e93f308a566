/* guards.c - see guards.h. */
#include "guards.h"

#include "../arch/sys.h"
#include "live.h"
#include "memory_settings.h"
#include "private.h"
#include "quiesce.h"
#include "record_types.h"

#include "records.pb.h"

#include <errno.h>
#include <pb_decode.h>
#include <stdatomic.h>
#include <sys/mman.h>

#define GUARDS 65536u
#define QUICK_NS 1000000u
/* Those of a program that does not ask for more. */
#define ADDRESSES_END ((UINT64_C(1) << 47) - 4096)

static LIVE atomic_bool changed; /* since they were looked for */

static const struct page_scan guard_criteria = {
    .category_mask = PAGE_GUARD,
    .return_mask = PAGE_GUARD,
};

int guards_open(struct guards *guards, struct hwckpt_error *error) {
  guards->count = 0;
  guards->read_ns = 0;
  guards->list = private_map(GUARDS * sizeof *guards->list);
  return guards->list ? 0
                      : hwckpt_fail(error, HWCKPT_E_CAPTURE_MEMORY, ENOMEM,
                                    "guard pages", "");
}

static enum dirty_run is_guard(uint64_t categories) {
  (void)categories;
  return DIRTY_PAGES;
}

/* Of the runtime's own memory no page is one. */
static int add(enum dirty_run run, uint64_t begin, uint64_t end,
               void *context) {
  struct guards *guards = context;
  (void)run;
  if (guards->count == GUARDS)
    return 1;
  guards->list[guards->count++] = (struct guard){begin, end};
  return 0;
}

static void look(struct guards *guards, const struct dirty *dirty,
                 uint64_t begin, uint64_t end) {
  int answer;
  page_scan_each(&dirty->scanner, &guard_criteria, begin, end, is_guard, false,
                 add, guards, &answer);
}

void __hwckpt_guards_changed(void) { atomic_store(&changed, true); }

void guards_read(struct guards *guards, const struct dirty *dirty, bool base) {
  bool since = atomic_exchange(&changed, false);
  if (!page_scan_tells_guards() ||
      (!base && !since && guards->read_ns > QUICK_NS &&
       guards->newcomers == dirty->newcomers))
    return;
  uint64_t begin = quiesce_now_ns();
  guards->count = 0;
  guards->newcomers = dirty->newcomers;
  look(guards, dirty, 0, ADDRESSES_END);
  guards->read_ns = quiesce_now_ns() - begin;
}

/* Those not looked at yet wait at the end of the list. */
void guards_settle(struct guards *guards, const struct dirty *dirty) {
  size_t count = guards->count, from = GUARDS - count;
  for (size_t i = count; i-- > 0;)
    guards->list[from + i] = guards->list[i];
  guards->count = 0;
  for (size_t i = from; i < GUARDS; i++)
    look(guards, dirty, guards->list[i].start, guards->list[i].end);
}

int guards_put(const struct guards *guards, struct stage *stage,
               struct hwckpt_error *error) {
  int result = 0;
  for (size_t i = 0; i < guards->count && result == 0; i++) {
    MemorySetting message = {
        .start = guards->list[i].start,
        .end = guards->list[i].end,
        .settings = MEMORY_GUARDED,
    };
    result = stage_message(stage, RECORD_MEMORY_SETTING, MemorySetting_fields,
                           &message, error);
  }
  return result;
}

/* ---- for a rollback ---- */

static int lift(enum dirty_run run, uint64_t begin, uint64_t end,
                void *context) {
  (void)run, (void)context;
  SYS(madvise, begin, end - begin, GUARD_REMOVE);
  return 0;
}

void guards_lift(const struct dirty *dirty) {
  int answer;
  if (page_scan_tells_guards())
    page_scan_each(&dirty->scanner, &guard_criteria, 0, ADDRESSES_END, is_guard,
                   false, lift, 0, &answer);
}

void guards_set(const struct cache_reader *reader) {
  uint32_t type;
  const void *data;
  size_t length;
  for (size_t i = 0; cache_reader_record(reader, i, &type, &data, &length);
       i++) {
    MemorySetting setting = MemorySetting_init_zero;
    pb_istream_t stream = pb_istream_from_buffer(data, length);
    if (type == RECORD_MEMORY_SETTING &&
        pb_decode(&stream, MemorySetting_fields, &setting) &&
        setting.settings & MEMORY_GUARDED)
      SYS(madvise, setting.start, setting.end - setting.start, GUARD_INSTALL);
  }
  __hwckpt_guards_changed();
}
