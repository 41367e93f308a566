/* stage.c - see stage.h. */
#include "stage.h"

#include "../arch/arch.h"
#include "../arch/sys.h"
#include "private.h"

#include <fcntl.h>
#include <string.h>

#define HOLES 65536u
#define RECORDS_MAX ((size_t)64 << 20)

int stage_open(struct stage *stage, size_t bytes, struct hwckpt_error *error) {
  memset(stage, 0, sizeof *stage);
  stage->capacity = bytes / CACHE_PAGE_SIZE;
  stage->pages = private_map(stage->capacity * CACHE_PAGE_SIZE);
  stage->addresses = private_map(stage->capacity * sizeof *stage->addresses);
  stage->holes = private_map(HOLES * sizeof *stage->holes);
  stage->records = private_map(RECORDS_MAX);
  if (!stage->pages || !stage->addresses || !stage->holes || !stage->records)
    return hwckpt_fail(error, HWCKPT_E_CAPTURE_MEMORY, 12, "ring",
                       "%zu bytes for captured pages", bytes);
  stage->memory =
      (int)SYS(openat, AT_FDCWD, "/proc/self/mem", O_RDONLY | O_CLOEXEC, 0);
  return 0;
}

static int copy_page(struct stage *stage, void *to, uint64_t from,
                     bool readable, struct hwckpt_error *error) {
  if (readable) {
    arch_copy_page(to, (const void *)from);
    return 0;
  }
  long got = SYS(pread64, stage->memory, to, CACHE_PAGE_SIZE, from);
  if (got == CACHE_PAGE_SIZE)
    return 0;
  return hwckpt_fail(error, HWCKPT_E_CAPTURE, got < 0 ? (int)-got : 0,
                     "/proc/self/mem", "page at %llx",
                     (unsigned long long)from);
}

int stage_pages(struct stage *stage, uint64_t begin, uint64_t end,
                unsigned flags, struct hwckpt_error *error) {
  for (uint64_t at = begin; at < end; at += CACHE_PAGE_SIZE) {
    int result = 0;
    if (stage->count == stage->capacity)
      result = stage_drain(stage, error);
    char *to = stage->pages + stage->count * CACHE_PAGE_SIZE;
    if (result == 0 && flags & STAGE_ZERO)
      memset(to, 0, CACHE_PAGE_SIZE);
    else if (result == 0)
      result = copy_page(stage, to, at, flags & STAGE_READABLE, error);
    if (result < 0)
      return result;
    stage->addresses[stage->count++] = at | (flags & STAGE_KEEP_ZERO);
  }
  return 0;
}

void stage_clear_bytes(struct stage *stage, uint64_t begin, uint64_t end) {
  memset(stage->pages + (stage->count - 1) * CACHE_PAGE_SIZE +
             begin % CACHE_PAGE_SIZE,
         0, end - begin);
}

int stage_hole(struct stage *stage, uint64_t begin, uint64_t end,
               struct hwckpt_error *error) {
  if (stage->hole_count == HOLES) {
    int result = stage_drain(stage, error);
    if (result < 0)
      return result;
  }
  stage->holes[stage->hole_count++] = (struct stage_range){begin, end - begin};
  return 0;
}

int stage_record(struct stage *stage, uint32_t type, const void *data,
                 size_t length, struct hwckpt_error *error) {
  uint32_t head[2] = {type, (uint32_t)length};
  if (length > RECORDS_MAX - sizeof head - stage->record_bytes)
    return hwckpt_fail(error, HWCKPT_E_CAPTURE_MEMORY, 0, "records",
                       "more than %zu bytes", RECORDS_MAX);
  memcpy(stage->records + stage->record_bytes, head, sizeof head);
  memcpy(stage->records + stage->record_bytes + sizeof head, data, length);
  stage->record_bytes += sizeof head + length;
  return 0;
}

static int put_run(const struct stage *stage, size_t first, size_t count,
                   struct hwckpt_error *error) {
  uint64_t address = stage->addresses[first];
  const char *pages = stage->pages + first * CACHE_PAGE_SIZE;
  if (address & STAGE_KEEP_ZERO)
    return cache_put_all_pages(stage->writer, address - STAGE_KEEP_ZERO, pages,
                               count, error);
  return cache_put_pages(stage->writer, address, pages, count, error);
}

int stage_drain(struct stage *stage, struct hwckpt_error *error) {
  for (size_t i = 0; i < stage->hole_count; i++) {
    int result = cache_put_hole(stage->writer, stage->holes[i].begin,
                                stage->holes[i].length, error);
    if (result < 0)
      return result;
  }
  stage->hole_count = 0;
  for (size_t i = 0, run; i < stage->count; i += run) {
    run = 1;
    while (i + run < stage->count &&
           stage->addresses[i + run] ==
               stage->addresses[i] + run * CACHE_PAGE_SIZE)
      run++;
    int result = put_run(stage, i, run, error);
    if (result < 0)
      return result;
  }
  stage->count = 0;
  return 0;
}

int stage_put_records(struct stage *stage, struct hwckpt_error *error) {
  for (size_t at = 0; at < stage->record_bytes;) {
    uint32_t head[2];
    memcpy(head, stage->records + at, sizeof head);
    at += sizeof head;
    int result = cache_put_record(stage->writer, head[0], stage->records + at,
                                  head[1], error);
    if (result < 0)
      return result;
    at += head[1];
  }
  return 0;
}

void stage_clear(struct stage *stage) {
  stage->count = stage->hole_count = stage->record_bytes = 0;
  stage->writer = 0;
}
