/* A generation from a stranger to which a program is rolled back in place: what
 * is otherwise in its memory is planned, and nothing done yet. The program's
 * own memory map, which the kernel tells, is right.
 *
 * What must hold: what is planned lies in the generation's areas or the
 * program's, in order; each page of the generation is put where one is wanted.
 *
 * Input: u8 what is done, u16 length of the generation's records; they, and the
 * records of the areas that the program has now.
 */
#include "../Inputs/fake_kernel.h"
#include "../Inputs/memory_io.h"
#include "../Inputs/record_list.h"

#include "runtime/support/area_fault.h"
#include "runtime/support/live.h"
#include "runtime/support/private.h"
#include "runtime/support/record_types.h"
#include "runtime/support/rewind_plan.h"

#include <errno.h>
#include <pb_decode.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* ---- what the plan is made with ---- */

static LIVE volatile int alive = 1; /* so that there are such variables */

#define PRIVATE_MOST ((size_t)64 << 20) /* there is no more */

void *private_map(size_t length) {
  return length > PRIVATE_MOST ? NULL : calloc(1, length ? length : 1);
}
void private_unmap(void *address, size_t length) {
  (void)length;
  free(address);
}
int private_in(uint64_t begin, uint64_t end, uint64_t *from, uint64_t *to) {
  (void)from, (void)to;
  return begin <= 0x70000 && end > 0x70000 && alive;
}

static struct area now[RECORD_LIST_MAX];
static size_t now_count;

int memory_map_read(struct memory_map *map, struct hwckpt_error *error) {
  (void)error;
  map->areas = now;
  map->count = now_count;
  return 0;
}

/* Every other page was written, and there is a hole. */
int dirty_list(const struct dirty *dirty, const struct area *area,
               dirty_visit *visit, void *context, struct hwckpt_error *error) {
  (void)dirty, (void)error;
  unsigned most = 64;
  if (area->start >= area->end)
    abort();
  for (uint64_t at = area->start; at < area->end && most;
       at += 2 * CACHE_PAGE_SIZE, most--)
    visit(most % 5 ? DIRTY_PAGES : DIRTY_HOLE, at, at + CACHE_PAGE_SIZE,
          context);
  return 0;
}

long fake_kernel(long number, const long a[6]) {
  if (number == SYS_openat)
    return strlen((const char *)a[1]) % 5 ? 7 : -ENOENT;
  if (number == SYS_fstat) {
    memset((void *)a[1], 0, sizeof(struct stat));
    ((struct stat *)a[1])->st_ino = 2;
    ((struct stat *)a[1])->st_size = 8192;
  }
  return 0;
}

/* ---- what is done ---- */

#define PAGES 20
#define PAGES_AT 0x10000

static void write_generation(struct cache *cache,
                             const struct record_list *list) {
  static unsigned char pages[PAGES * CACHE_PAGE_SIZE] = {1};
  struct cache_write_options options = {0, 1};
  struct cache_writer *writer;
  if (cache_begin(cache, MEMORY_APPLICATION, &options, &writer, NULL) < 0 ||
      cache_put_pages(writer, PAGES_AT, pages, PAGES, NULL) < 0)
    abort();
  for (size_t i = 0; i < list->count; i++)
    if (cache_put_record(writer, list->record[i].type, list->record[i].data,
                         list->record[i].length, NULL) < 0)
      abort();
  if (cache_commit(writer, NULL, NULL) < 0)
    abort();
}

/* Those that a kernel can tell. */
static void read_now(const struct record_list *list) {
  uint64_t before = 0;
  now_count = 0;
  for (size_t i = 0; i < list->count; i++) {
    Area area = Area_init_zero;
    pb_istream_t stream =
        pb_istream_from_buffer(list->record[i].data, list->record[i].length);
    if (list->record[i].type != RECORD_AREA ||
        !pb_decode(&stream, Area_fields, &area) || area_fault(&area, before) ||
        (unsigned)area.kind > AREA_TYPE_FILE_COPY)
      continue;
    before = area.end;
    now[now_count++] = (struct area){.start = area.start,
                                     .end = area.end,
                                     .offset = area.offset,
                                     .device = area.device,
                                     .inode = area.inode,
                                     .protection = area.protection,
                                     .type = (enum area_type)area.kind,
                                     .huge_page = area.huge_page,
                                     .name = ""};
  }
}

static bool is_mapped(const struct area *areas, size_t count, uint64_t at) {
  for (size_t i = 0; i < count; i++)
    if (areas[i].start <= at && at < areas[i].end)
      return true;
  return false;
}

static void check_plan(const struct rewind *rewind) {
  uint64_t before = 0;
  for (size_t i = 0; i < rewind->then_count; i++) {
    const struct area *then = &rewind->then[i];
    if (then->start >= then->end || then->start < before ||
        (then->start | then->end) % CACHE_PAGE_SIZE)
      abort();
    before = then->end;
  }
  before = 0;
  for (size_t i = 0; i < rewind->change_count; i++) {
    const struct rewind_change *change = &rewind->changes[i];
    if (change->begin >= change->end || change->begin < before ||
        (change->begin | change->end) % CACHE_PAGE_SIZE ||
        (!is_mapped(rewind->then, rewind->then_count, change->begin) &&
         !is_mapped(now, now_count, change->begin)))
      abort();
    before = change->end;
  }
  before = 0;
  for (size_t i = 0; i < rewind->want_count; i++) {
    const struct rewind_want *want = &rewind->wants[i];
    if (want->begin >= want->end || want->begin < before ||
        (want->begin | want->end) % CACHE_PAGE_SIZE ||
        !is_mapped(rewind->then, rewind->then_count, want->begin))
      abort();
    before = want->end;
  }
  for (size_t i = 0; i < rewind->run_count; i++) {
    uint64_t at = rewind->runs[i].address;
    const struct rewind_want *in = rewind_wanted(rewind, at);
    if (at < in->begin || at >= in->end)
      abort();
  }
}

enum { ALL = 1, LITTLE_STAGE = 2 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static struct record_list list;
  if (size < 3)
    return 0;
  unsigned what = data[0];
  size_t length = data[1] | (size_t)data[2] << 8;
  data += 3;
  size -= 3;
  length = length < size ? length : size;
  memory_reset();
  struct cache *cache = memory_cache();
  record_list_read(&list, data, length);
  write_generation(cache, &list);
  record_list_free(&list);
  record_list_read(&list, data + length, size - length);
  read_now(&list);
  record_list_free(&list);
  struct memory_map map = {.fd = -1};
  struct rewind rewind = {.map = &map,
                          .all = what & ALL,
                          .staged_bytes = what & LITTLE_STAGE ? 8192 : 1 << 20};
  struct hwckpt_error error = {0};
  if (cache_reader_open(cache, MEMORY_APPLICATION, 1, &rewind.reader, NULL) < 0)
    abort();
  int result = rewind_open(&rewind, &error);
  if (!result)
    result = rewind_plan(&rewind, &error);
  if (!result)
    check_plan(&rewind);
  else if (result != -(int)error.code || !error.object[0])
    abort();
  rewind_close(&rewind);
  cache_reader_close(rewind.reader);
  cache_close(cache);
  return 0;
}
