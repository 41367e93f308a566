/* mapped_files.c - see mapped_files.h. */
#include "mapped_files.h"

#include "../arch/sys.h"
#include "private.h"

#include <errno.h>
#include <linux/memfd.h>
#include <string.h>
#include <sys/stat.h>

#define PAGE ((uint64_t)4096)
#define PARTS 65536u

int mapped_files_open(struct mapped_files *files, struct hwckpt_error *error) {
  files->parts = private_map(PARTS * sizeof *files->parts);
  files->count = 0;
  return files->parts ? 0
                      : hwckpt_fail(error, HWCKPT_E_CAPTURE_MEMORY, ENOMEM,
                                    "mapped files", "");
}

static bool is_backed(int memory, uint64_t address) {
  char byte;
  return SYS(pread64, memory, &byte, 1, address) == 1;
}

/* A file ends once: by halves. */
static uint64_t find_end(int memory, uint64_t begin, uint64_t end) {
  if (is_backed(memory, end - PAGE))
    return end;
  while (begin < end) {
    uint64_t middle = begin + (end - begin) / 2 / PAGE * PAGE;
    if (is_backed(memory, middle))
      begin = middle + PAGE;
    else
      end = middle;
  }
  return end;
}

/* The device of files in memory of ordinary pages; 0: not known. */
static uint64_t memory_device(void) {
  struct stat status = {0};
  long fd = SYS(memfd_create, "", 0);
  if (fd < 0)
    return 0;
  SYS(fstat, fd, &status);
  SYS(close, fd);
  return status.st_dev;
}

static bool begins(const char *text, const char *with) {
  return memcmp(text, with, strlen(with)) == 0;
}

static int refuse(struct hwckpt_error *error, const struct area *area,
                  const char *what) {
  return hwckpt_fail(error, HWCKPT_E_NOT_RESTORABLE, 0, area->name,
                     "%s is mapped at %llx", what,
                     (unsigned long long)area->start);
}

static bool has_huge_pages(const struct area *area) {
  return begins(area->name, "/anon_hugepage") ||
         (begins(area->name, "/memfd:") && area->device != memory_device());
}

/* The kernel has a file system for each size of them, and tells sizes nowhere
 * as cheaply. 0: none that is known. */
static uint64_t huge_page_size(uint64_t device) {
  static const unsigned bits[] = {21, 30};
  for (unsigned i = 0; i < sizeof bits / sizeof *bits; i++) {
    struct stat status = {0};
    long fd = SYS(memfd_create, "",
                  MFD_CLOEXEC | MFD_HUGETLB | bits[i] << MFD_HUGE_SHIFT);
    if (fd < 0)
      continue;
    SYS(fstat, fd, &status);
    SYS(close, fd);
    if (status.st_dev == device)
      return (uint64_t)1 << bits[i];
  }
  return 0;
}

static int add(struct mapped_files *files, const struct area *area,
               struct hwckpt_error *error) {
  if (files->count == PARTS)
    return refuse(error, area, "one deleted file too many");
  files->parts[files->count++] = (struct mapped_part){
      .device = area->device,
      .inode = area->inode,
      .address = area->start,
      .offset = area->offset,
      .length = area->backed_end - area->start,
      .system_v = area->source == AREA_SOURCE_SYSTEM_V,
      .kernel_aio = begins(area->name, "/[aio]"),
  };
  return 0;
}

static int find(struct mapped_files *files, struct area *area, int memory,
                struct hwckpt_error *error) {
  if (begins(area->name, "/secretmem"))
    return refuse(error, area, "memory that nobody else can read");
  if (has_huge_pages(area)) {
    bool is_private = area->type == AREA_TYPE_FILE_COPY;
    if (!is_private || !begins(area->name, "/memfd:"))
      area->huge_page = huge_page_size(area->device);
    if (!area->huge_page)
      return refuse(error, area, "a part of a file of huge pages");
    return is_private ? 0 : add(files, area, error);
  }
  if (area->source == AREA_SOURCE_SYSTEM_V && area->device != memory_device())
    return refuse(error, area, "System V memory of huge pages");
  if (area->type == AREA_TYPE_FILE_COPY || area->source == AREA_SOURCE_FILE)
    area->backed_end = find_end(memory, area->start, area->end);
  if (area->type == AREA_TYPE_FILE_COPY ||
      area->source == AREA_SOURCE_ANONYMOUS)
    return 0;
  return add(files, area, error);
}

int mapped_files_find(struct mapped_files *files, struct memory_map *map,
                      int memory, struct hwckpt_error *error) {
  int result = 0;
  files->count = 0;
  for (size_t i = 0; i < map->count && result == 0; i++) {
    struct area *area = &map->areas[i];
    bool of_file = area->type == AREA_TYPE_FILE_PRIVATE ||
                   area->type == AREA_TYPE_FILE_SHARED;
    if (!area->ring && (area->type == AREA_TYPE_FILE_COPY ||
                        area->type == AREA_TYPE_SHARED_MEMORY))
      result = find(files, area, memory, error);
    else if (of_file && area->name[0] != '/') /* a socket, a perf event */
      result = refuse(error, area, "what is no file");
  }
  return result;
}
