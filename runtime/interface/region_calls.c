/* region_calls.c - see region_calls.h. */
#include "region_calls.h"

#include "../../intrinsics/hwckptintrin.h"
#include "../arch/sys.h"
#include "events.h"
#include "settings.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <string.h>

#define EXPORTED __attribute__((visibility("default")))

static struct region regions[REGIONS_MAX];

/* One call at a time. */
enum { IDLE, WAITS, DONE };
static struct {
  _Atomic uint32_t busy;  /* futex, of the calling threads */
  _Atomic uint32_t state; /* futex */
  bool loads;
  char set[REGION_SET_MAX];
  int64_t result;
} call;

/* Sets whose load failed: what is there is not replaced by what does not fit to
 * it. No more than there are regions. */
static char unfit[REGIONS_MAX][REGION_SET_MAX];

/* Sets that were entered. */
static char entered[REGIONS_MAX][REGION_SET_MAX];

static void lock(void) {
  while (atomic_exchange(&call.busy, 1))
    SYS(futex, &call.busy, FUTEX_WAIT_PRIVATE, 1, 0, 0, 0);
}

static void unlock(void) {
  atomic_store(&call.busy, 0);
  SYS(futex, &call.busy, FUTEX_WAKE_PRIVATE, 1, 0, 0, 0);
}

void region_calls_begin_in_child(void) {
  atomic_store(&call.busy, 0); /* a thread's that is not here */
  atomic_store(&call.state, IDLE);
}

/* ---- what is described ---- */

static bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '+' || c == '.';
}

/* A set's name is a part of a file name. */
static bool set_fits(const char *set) {
  size_t length = 0;
  while (set && is_letter(set[length]))
    length++;
  return length && !set[length] && length < REGION_SET_MAX;
}

static bool name_fits(const char *name) {
  return name && *name && strlen(name) < REGION_NAME_MAX;
}

static bool equal(const char *a, const char *b) {
  size_t length = strlen(a);
  return length == strlen(b) && memcmp(a, b, length) == 0;
}

static struct region *find(const char *set, const char *name) {
  for (unsigned i = 0; i < REGIONS_MAX; i++)
    if (equal(regions[i].set, set) && (!name || equal(regions[i].name, name)))
      return &regions[i];
  return 0;
}

const struct region *region_calls_of(const char *set, unsigned i) {
  for (unsigned k = 0; k < REGIONS_MAX; k++)
    if (equal(regions[k].set, set) && i-- == 0)
      return &regions[k];
  return 0;
}

static int refuse(const char *object, int result, const char *why) {
  struct hwckpt_error error;
  char text[1400];
  hwckpt_fail(&error, HWCKPT_E_REGION, 0, object ? object : "", "%s", why);
  SYS(write, 2, text, hwckpt_error_text(&error, "hwckpt", text, sizeof text));
  return result;
}

/* From an empty one or the same: a thread that saves itself looks for its set
 * meanwhile, and never sees a part of a name. */
static void give_set(char *to, const char *set) {
  hwckpt_format(to + 1, REGION_SET_MAX - 1, "%s", set + 1);
  __atomic_store_n(to, *set, __ATOMIC_RELEASE);
}

static int describe(const char *set, const char *name, void *address,
                    size_t count, enum hwckpt_type type) {
  struct region *region = find(set, name);
  if (!address || !count) {
    if (region)
      region->set[0] = 0;
    return region ? 0 : -ENOENT;
  }
  if (!region)
    region = find("", 0);
  if (!region)
    return refuse(name, -ENOSPC, "512 regions are described already");
  region->address = (uint64_t)address;
  region->count = count;
  region->type = (uint32_t)type;
  hwckpt_format(region->name, sizeof region->name, "%s", name);
  give_set(region->set, set);
  return 0;
}

EXPORTED int hwckpt_region(const char *set, const char *name, void *address,
                           size_t count, enum hwckpt_type type) {
  unsigned element = region_element((uint32_t)type);
  if (!events_serve())
    return -ENOSYS;
  if (!set_fits(set))
    return refuse(set, -EINVAL,
                  "a set's name is of letters, digits and '_-+.', at most 47");
  if (!name_fits(name))
    return refuse(set, -EINVAL, "a region's name has one character to 79");
  if (!element)
    return refuse(name, -EINVAL, "there is no such type of elements");
  if (count > REGION_BYTES_MAX / element)
    return refuse(name, -EINVAL, "it is larger than 64 GiB");
  lock();
  int result = describe(set, name, address, count, type);
  unlock();
  return result;
}

/* ---- saving and loading ---- */

static int64_t wait_for(const char *set, bool loads) {
  lock();
  if (!find(set, 0)) {
    unlock();
    return refuse(set, -ENOENT, "no region of this set is described");
  }
  hwckpt_format(call.set, sizeof call.set, "%s", set);
  call.loads = loads;
  atomic_store(&call.state, WAITS);
  int64_t result = events_request_regions();
  if (result == 0) {
    while (atomic_load(&call.state) == WAITS)
      SYS(futex, &call.state, FUTEX_WAIT_PRIVATE, WAITS, 0, 0, 0);
    result = call.result;
  }
  atomic_store(&call.state, IDLE);
  unlock();
  return result;
}

static int call_for(const char *set, bool loads) {
  if (!events_serve())
    return -ENOSYS;
  if (!set_fits(set))
    return refuse(set, -EINVAL, "that is no name of a set");
  int64_t result = wait_for(set, loads);
  return result > INT_MAX ? INT_MAX : (int)result;
}

EXPORTED int hwckpt_region_save(const char *set) {
  return call_for(set, false);
}

EXPORTED int hwckpt_region_load(const char *set) { return call_for(set, true); }

/* Whether it is the first time, above 0; -ENOSPC: there is no room to note it.
 */
static int enter(const char *set) {
  unsigned i = 0;
  lock();
  while (i < REGIONS_MAX && *entered[i] && !equal(entered[i], set))
    i++;
  bool room = i < REGIONS_MAX, first = room && !*entered[i];
  if (first)
    hwckpt_format(entered[i], REGION_SET_MAX, "%s", set);
  unlock();
  return room ? first
              : refuse(set, -ENOSPC,
                       "512 sets were entered already: it is not loaded");
}

EXPORTED int hwckpt_region_enter(const char *set) {
  int first = events_serve() && set_fits(set) ? enter(set) : 1;
  return first > 0 ? hwckpt_region_load(set) : first;
}

/* ---- on the checkpoint thread ---- */

static int64_t errno_of(const struct hwckpt_error *error) {
  switch (error->code) {
  case HWCKPT_E_REGIONS_DIFFER:
  case HWCKPT_E_REGION:
    return -EINVAL;
  case HWCKPT_E_REGION_MEMORY:
    return -EFAULT;
  case HWCKPT_E_CACHE_BUSY:
    return -EBUSY;
  default:
    return -EIO;
  }
}

/* The place of that name, or of "", one that is free; null: there is none. */
static char *place_of_unfit(const char *set) {
  for (unsigned i = 0; i < REGIONS_MAX; i++)
    if (equal(unfit[i], set))
      return unfit[i];
  return 0;
}

static int save(const struct region_store *store, uint64_t *number,
                struct hwckpt_error *error) {
  if (place_of_unfit(call.set))
    return hwckpt_fail(error, HWCKPT_E_REGIONS_DIFFER, 0, call.set,
                       "not saved, as what is there could not be loaded");
  return regions_save(store, call.set, regions, number, error);
}

static int load(const struct region_store *store, uint64_t *number,
                struct hwckpt_error *error) {
  int result =
      regions_load(store, call.set, regions, number, events_say, error);
  char *place = place_of_unfit(call.set);
  if (result == 0 && place)
    place[0] = 0;
  if (result == -HWCKPT_E_REGIONS_DIFFER && !place &&
      (place = place_of_unfit("")))
    hwckpt_format(place, REGION_SET_MAX, "%s", call.set);
  return result;
}

bool region_calls_wait(void) { return atomic_load(&call.state) == WAITS; }

void region_calls_serve(void) {
  struct hwckpt_error error;
  struct region_store store;
  char application[CACHE_NAME_MAX];
  uint64_t number = 0;
  if (!region_calls_wait())
    return;
  settings_region_store(&store, call.set, application);
  int result = call.loads ? load(&store, &number, &error)
                          : save(&store, &number, &error);
  if (result < 0)
    events_say(&error);
  call.result = result < 0 ? errno_of(&error) : (int64_t)number;
  atomic_store(&call.state, DONE);
  SYS(futex, &call.state, FUTEX_WAKE_PRIVATE, INT_MAX, 0, 0, 0);
}
