/* regions.c - see regions.h. */
#include "regions.h"

#include "../../intrinsics/hwckptintrin.h"
#include "../arch/sys.h"
#include "exclude.h"
#include "key.h"
#include "private.h"
#include "protect.h"
#include "record_types.h"
#include "records.pb.h"

#include <errno.h>
#include <pb_decode.h>
#include <pb_encode.h>
#include <string.h>
#include <sys/uio.h>

#define BUFFER_PAGES 64u
#define BUFFER ((size_t)BUFFER_PAGES * CACHE_PAGE_SIZE)
#define KEPT_MAX 64u /* generations that a load looks at, at most */

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define BYTE_ORDER_HERE 1u
#else
#define BYTE_ORDER_HERE 2u
#endif

unsigned region_element(uint32_t type) {
  static const unsigned char bytes[] = {
      [HWCKPT_BYTES] = 1,  [HWCKPT_INT8] = 1,   [HWCKPT_UINT8] = 1,
      [HWCKPT_INT16] = 2,  [HWCKPT_UINT16] = 2, [HWCKPT_INT32] = 4,
      [HWCKPT_UINT32] = 4, [HWCKPT_INT64] = 8,  [HWCKPT_UINT64] = 8,
      [HWCKPT_FLOAT] = 4,  [HWCKPT_DOUBLE] = 8, [HWCKPT_LONG_DOUBLE] = 16};
  return type < sizeof bytes ? bytes[type] : 0;
}

static bool same(const char *a, const char *b) {
  size_t length = strlen(a);
  return length == strlen(b) && memcmp(a, b, length) == 0;
}

static uint64_t bytes_of(const struct region *region) {
  return region->count * region_element(region->type);
}

static uint64_t address_of(unsigned place) {
  return (place + 1) * REGION_BYTES_MAX;
}

static int memory_failed(const struct region *region, long result,
                         struct hwckpt_error *error) {
  return hwckpt_fail(error, HWCKPT_E_REGION_MEMORY,
                     result < 0 ? (int)-result : 0, region->name,
                     "%llu bytes at 0x%llx",
                     (unsigned long long)bytes_of(region),
                     (unsigned long long)region->address);
}

/* Copies by the kernel: a region that is not there is an error. */
static bool copy(const struct region *region, uint64_t at, char *buffer,
                 size_t length, bool to_region, struct hwckpt_error *error) {
  while (length) {
    struct iovec here = {buffer, length};
    struct iovec there = {(void *)(region->address + at), length};
    if (to_region)
      protect_open(region->address + at, region->address + at + length);
    long done =
        to_region ? SYS(process_vm_writev, SYS(gettid), &here, 1, &there, 1, 0)
                  : SYS(process_vm_readv, SYS(gettid), &here, 1, &there, 1, 0);
    if (done <= 0) {
      memory_failed(region, done, error);
      return false;
    }
    at += (uint64_t)done;
    buffer += done;
    length -= (size_t)done;
  }
  return true;
}

/* ---- saving ---- */

/* What is excluded is in no file, so also not in one of a set; what is zero
 * there instead is not what the program would load. */
static int look_for_exclusion(const struct region *region, uint64_t at,
                              size_t length, struct hwckpt_error *error) {
  at += region->address;
  return exclude_has(at, at + length)
             ? hwckpt_fail(error, HWCKPT_E_REGION, 0, region->name,
                           "it is not saved, as hwckpt::exclude or "
                           "hwckpt_exclude() leave it out, or a part of it")
             : 0;
}

static int put(struct cache_writer *writer, uint32_t type,
               const pb_msgdesc_t *fields, const void *message,
               struct hwckpt_error *error) {
  pb_byte_t bytes[256];
  pb_ostream_t stream = pb_ostream_from_buffer(bytes, sizeof bytes);
  if (!pb_encode(&stream, fields, message))
    return hwckpt_fail(error, HWCKPT_E_CAPTURE, 0, "regions", "%s",
                       PB_GET_ERROR(&stream));
  return cache_put_record(writer, type, bytes, stream.bytes_written, error);
}

static int put_region(struct cache_writer *writer, const struct region *region,
                      unsigned place, char *buffer,
                      struct hwckpt_error *error) {
  Region message = Region_init_zero;
  uint64_t bytes = bytes_of(region);
  hwckpt_format(message.name, sizeof message.name, "%s", region->name);
  message.type = region->type;
  message.element = region_element(region->type);
  message.count = region->count;
  message.address = address_of(place);
  int result = put(writer, RECORD_REGION, Region_fields, &message, error);
  for (uint64_t at = 0; at < bytes && result == 0; at += BUFFER) {
    size_t length = bytes - at < BUFFER ? (size_t)(bytes - at) : BUFFER;
    size_t pages = (length + CACHE_PAGE_SIZE - 1) / CACHE_PAGE_SIZE;
    if (!copy(region, at, buffer, length, false, error))
      return -HWCKPT_E_REGION_MEMORY;
    memset(buffer + length, 0, pages * CACHE_PAGE_SIZE - length);
    /* Behind the copy: what is excluded now was so before, or is not in it. */
    result = look_for_exclusion(region, at, length, error);
    if (result < 0)
      return result;
    /* A page that is left out would read as what was there before. */
    result =
        cache_put_all_pages(writer, message.address + at, buffer, pages, error);
  }
  return result;
}

static int put_set(struct cache_writer *writer, const char *set,
                   const struct region *regions, char *buffer,
                   struct hwckpt_error *error) {
  RegionSet message = RegionSet_init_zero;
  hwckpt_format(message.name, sizeof message.name, "%s", set);
  message.byte_order = BYTE_ORDER_HERE;
  for (unsigned i = 0; i < REGIONS_MAX; i++)
    message.regions += same(regions[i].set, set);
  int result =
      put(writer, RECORD_REGION_SET, RegionSet_fields, &message, error);
  unsigned place = 0;
  for (unsigned i = 0; i < REGIONS_MAX && result == 0; i++)
    if (same(regions[i].set, set))
      result = put_region(writer, &regions[i], place++, buffer, error);
  return result;
}

static int save(const struct region_store *store, struct cache *cache,
                const char *set, const struct region *regions, char *buffer,
                uint64_t *number, struct hwckpt_error *error) {
  struct cache_write_options options = {.parent = 0, .level = store->level};
  struct cache_generation committed;
  struct cache_writer *writer;
  int result = cache_use_application(cache, store->application, error);
  if (result == 0)
    result = cache_begin(cache, store->application, &options, &writer, error);
  if (result < 0)
    return result;
  result = put_set(writer, set, regions, buffer, error);
  if (result < 0) {
    cache_abort(writer);
    return result;
  }
  result = cache_commit(writer, &committed, error);
  if (result < 0)
    return result;
  *number = committed.number;
  /* Committed it is, whatever becomes of the older ones. */
  cache_retain(cache, store->application, &store->retention, 0);
  return 0;
}

int regions_save(const struct region_store *store, const char *set,
                 const struct region *regions, uint64_t *number,
                 struct hwckpt_error *error) {
  struct cache *cache;
  int result = key_open_cache(store->cache, true, &cache, error);
  if (result < 0)
    return result;
  char *buffer = private_map(BUFFER);
  if (!buffer)
    result = hwckpt_fail(error, HWCKPT_E_CAPTURE_MEMORY, ENOMEM, "regions",
                         "%zu bytes", BUFFER);
  else
    result = save(store, cache, set, regions, buffer, number, error);
  private_unmap(buffer, BUFFER);
  cache_close(cache);
  return result;
}

/* ---- loading ---- */

/* A region of the program and where the generation has it. */
struct match {
  const struct region *region;
  uint64_t address;
};

struct load {
  const struct region_store *store;
  struct cache *cache;
  const char *set;
  const struct region *regions;
  void (*warn)(const struct hwckpt_error *);
  struct match matches[REGIONS_MAX];
  struct cache_range ranges[REGIONS_MAX];
  size_t count;
  bool swapped; /* the other byte order */
  char *buffer;
  uint64_t pages;             /* seen */
  uint64_t numbers[KEPT_MAX]; /* the newest generations, in a ring */
  unsigned found;
  struct hwckpt_error *error;
};

static int differs(const struct load *load, const char *name,
                   struct hwckpt_error *error, const char *detail) {
  char object[REGION_SET_MAX + REGION_NAME_MAX + 4];
  hwckpt_format(object, sizeof object, "%s/%s", load->set, name);
  return hwckpt_fail(error, HWCKPT_E_REGIONS_DIFFER, 0, object, "%s", detail);
}

static const struct region *described(const struct load *load,
                                      const char *name) {
  for (unsigned i = 0; i < REGIONS_MAX; i++)
    if (same(load->regions[i].set, load->set) &&
        same(load->regions[i].name, name))
      return &load->regions[i];
  return 0;
}

static int match(struct load *load, const Region *saved,
                 struct hwckpt_error *error) {
  char detail[160];
  const struct region *region = described(load, saved->name);
  if (!region) {
    struct hwckpt_error warning;
    differs(load, saved->name, &warning,
            "it was saved, and the program does not describe it: left out");
    load->warn(&warning);
    return 0;
  }
  if (saved->type != region->type) {
    hwckpt_format(detail, sizeof detail,
                  "its elements were of type %u, and are of type %u",
                  saved->type, region->type);
    return differs(load, saved->name, error, detail);
  }
  if (saved->count != region->count) {
    hwckpt_format(detail, sizeof detail, "it had %llu elements, and has %llu",
                  (unsigned long long)saved->count,
                  (unsigned long long)region->count);
    return differs(load, saved->name, error, detail);
  }
  if (saved->element != region_element(saved->type) ||
      saved->address % REGION_BYTES_MAX || load->count == REGIONS_MAX ||
      (load->count && saved->address <= load->matches[load->count - 1].address))
    return hwckpt_fail(error, HWCKPT_E_RECORD, 0, saved->name,
                       "region at 0x%llx", (unsigned long long)saved->address);
  load->matches[load->count] = (struct match){region, saved->address};
  uint64_t bytes = bytes_of(region);
  load->ranges[load->count++] = (struct cache_range){
      saved->address, saved->address + (bytes + CACHE_PAGE_SIZE - 1) /
                                           CACHE_PAGE_SIZE * CACHE_PAGE_SIZE};
  return 0;
}

static bool is_matched(const struct load *load, const struct region *region) {
  for (size_t i = 0; i < load->count; i++)
    if (load->matches[i].region == region)
      return true;
  return false;
}

static int match_all(struct load *load, struct cache_reader *reader,
                     struct hwckpt_error *error) {
  uint32_t type;
  const void *data;
  size_t length;
  int result = 0;
  load->count = 0;
  for (size_t i = 0;
       result == 0 && cache_reader_record(reader, i, &type, &data, &length);
       i++) {
    pb_istream_t stream = pb_istream_from_buffer(data, length);
    RegionSet set = RegionSet_init_zero;
    Region region = Region_init_zero;
    bool decoded = i == 0 ? type == RECORD_REGION_SET &&
                                pb_decode(&stream, RegionSet_fields, &set)
                          : type != RECORD_REGION ||
                                pb_decode(&stream, Region_fields, &region);
    if (!decoded)
      return hwckpt_fail(error, HWCKPT_E_RECORD, 0, load->store->application,
                         "record %zu is none of a set of regions", i);
    if (i == 0)
      load->swapped = set.byte_order != BYTE_ORDER_HERE;
    else if (type == RECORD_REGION)
      result = match(load, &region, error);
  }
  for (unsigned i = 0; i < REGIONS_MAX && result == 0; i++)
    if (same(load->regions[i].set, load->set) &&
        !is_matched(load, &load->regions[i]))
      result = differs(load, load->regions[i].name, error,
                       "it is not among those that were saved");
  return result;
}

static int count_page(uint64_t address, const void *data, size_t count,
                      void *context) {
  struct load *load = context;
  (void)address;
  (void)data;
  load->pages += count;
  return 0;
}

static void swap(char *bytes, size_t length, unsigned element) {
  for (size_t i = 0; i + element <= length; i += element)
    for (unsigned k = 0; k < element / 2; k++) {
      char one = bytes[i + k];
      bytes[i + k] = bytes[i + element - 1 - k];
      bytes[i + element - 1 - k] = one;
    }
}

static int take_page(uint64_t address, const void *data, size_t count,
                     void *context) {
  struct load *load = context;
  size_t i = 0;
  while (address >= load->ranges[i].end)
    i++;
  const struct region *region = load->matches[i].region;
  uint64_t at = address - load->matches[i].address, bytes = bytes_of(region);
  for (size_t left = count * CACHE_PAGE_SIZE; left && at < bytes;) {
    size_t length = left < BUFFER ? left : BUFFER;
    size_t used = bytes - at < length ? (size_t)(bytes - at) : length;
    memcpy(load->buffer, data, used);
    if (load->swapped)
      swap(load->buffer, used, region_element(region->type));
    if (!copy(region, at, load->buffer, used, true, load->error))
      return -HWCKPT_E_REGION_MEMORY;
    at += length;
    data = (const char *)data + length;
    left -= length;
  }
  return 0;
}

/* That it can be written is tried with what it holds. */
static int try_memory(const struct load *load, struct hwckpt_error *error) {
  for (size_t i = 0; i < load->count; i++) {
    const struct region *region = load->matches[i].region;
    uint64_t bytes = bytes_of(region);
    for (uint64_t at = 0; at < bytes; at += CACHE_PAGE_SIZE) {
      uint64_t last = at + CACHE_PAGE_SIZE > bytes ? bytes - 1 : at;
      if (!copy(region, last, load->buffer, 1, false, error) ||
          !copy(region, last, load->buffer, 1, true, error))
        return -HWCKPT_E_REGION_MEMORY;
    }
  }
  return 0;
}

static int load_from(struct load *load, struct cache_reader *reader,
                     struct hwckpt_error *error) {
  uint64_t wanted = 0;
  int result = match_all(load, reader, error);
  if (result < 0 || load->count == 0)
    return result;
  load->pages = 0;
  for (size_t i = 0; i < load->count; i++)
    wanted += (load->ranges[i].end - load->ranges[i].begin) / CACHE_PAGE_SIZE;
  result =
      cache_replay(reader, load->ranges, load->count, count_page, load, error);
  if (result == 0 && load->pages != wanted)
    result = hwckpt_fail(error, HWCKPT_E_RECORD, 0, load->store->application,
                         "%llu of %llu pages are there",
                         (unsigned long long)load->pages,
                         (unsigned long long)wanted);
  if (result == 0)
    result = try_memory(load, error);
  load->error = error;
  if (result == 0)
    result =
        cache_replay(reader, load->ranges, load->count, take_page, load, error);
  return result;
}

static int note_number(const struct cache_generation *generation, int damage,
                       void *context) {
  struct load *load = context;
  (void)damage; /* is found again, and told */
  load->numbers[load->found++ % KEPT_MAX] = generation->number;
  return 0;
}

/* Whether an older generation may do: not for what the program describes. */
static bool is_damage(int result) {
  return result != -HWCKPT_E_REGIONS_DIFFER &&
         result != -HWCKPT_E_REGION_MEMORY;
}

static int load_newest(struct load *load, uint64_t *number,
                       struct hwckpt_error *error) {
  int result = cache_each_generation(load->cache, load->store->application,
                                     note_number, load, error);
  if (result < 0)
    return result;
  unsigned kept = load->found < KEPT_MAX ? load->found : KEPT_MAX;
  for (unsigned i = 1; i <= kept; i++) {
    struct cache_reader *reader;
    uint64_t one = load->numbers[(load->found - i) % KEPT_MAX];
    result = cache_reader_open(load->cache, load->store->application, one,
                               &reader, error);
    if (result == 0) {
      result = load_from(load, reader, error);
      cache_reader_close(reader);
    }
    if (result == 0)
      *number = one;
    if (result == 0 || !is_damage(result))
      return result;
    load->warn(error);
  }
  return result;
}

/* Whether anything was ever saved there. */
static int is_there(const struct cache_application *application,
                    void *context) {
  struct load *load = context;
  return same(application->name, load->store->application) &&
         application->count > 0;
}

static int load_set(struct load *load, uint64_t *number,
                    struct hwckpt_error *error) {
  int result = key_open_cache(load->store->cache, true, &load->cache, error);
  if (result < 0)
    return result;
  result = cache_each_application(load->cache, is_there, load, error);
  if (result > 0)
    result = load_newest(load, number, error);
  cache_close(load->cache);
  return result;
}

int regions_load(const struct region_store *store, const char *set,
                 const struct region *regions, uint64_t *number,
                 void (*warn)(const struct hwckpt_error *),
                 struct hwckpt_error *error) {
  *number = 0;
  struct load *load = private_map(sizeof *load);
  char *buffer = private_map(BUFFER);
  int result;
  if (load && buffer) {
    load->store = store;
    load->set = set;
    load->regions = regions;
    load->warn = warn;
    load->buffer = buffer;
    result = load_set(load, number, error);
  } else {
    result = hwckpt_fail(error, HWCKPT_E_CAPTURE_MEMORY, ENOMEM, "regions",
                         "%zu bytes", BUFFER);
  }
  private_unmap(buffer, BUFFER);
  private_unmap(load, sizeof *load);
  return result;
}
