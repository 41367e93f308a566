/* memory_map.h - the program's memory map, without the runtime's own memory.
 *
 * For threads of the runtime. What is read while the program runs may have
 * changed by the time it is looked at.
 */
#ifndef HWCKPT_SUPPORT_MEMORY_MAP_H
#define HWCKPT_SUPPORT_MEMORY_MAP_H

#include "../error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum area_type {
  AREA_TYPE_ANONYMOUS,
  AREA_TYPE_FILE_PRIVATE,
  AREA_TYPE_FILE_SHARED,
  AREA_TYPE_SHARED_MEMORY, /* content in the generation */
  AREA_TYPE_KERNEL,        /* vdso and vvar */
  AREA_TYPE_FILE_COPY,     /* private, of a file without a name: comes back as
                            * anonymous memory with all of its content */
};

/* What shared memory is mapped from. */
enum area_source {
  AREA_SOURCE_ANONYMOUS,
  AREA_SOURCE_FILE, /* without a name: deleted, O_TMPFILE or memfd_create() */
  AREA_SOURCE_SYSTEM_V,
};

struct area {
  uint64_t start, end; /* page-aligned */
  uint64_t offset;     /* bytes into the file */
  uint64_t device;     /* makedev() */
  uint64_t inode;
  uint32_t protection; /* PROT_* */
  enum area_type type;
  enum area_source source;
  /* Where the file ends that the area is of: what is behind cannot be read.
   * `end` until mapped_files_find() was here. */
  uint64_t backed_end;
  /* Bytes of a page, of memory of huge pages (MAP_HUGETLB); 0: ordinary. */
  uint64_t huge_page;
  bool on_disk; /* of AREA_SOURCE_FILE: not by memfd_create() */
  bool grows_down;
  bool guarded; /* above a few pages that cannot be touched, as stacks are */
  bool deleted; /* the file has no name any more */
  /* The memory of an io_uring, AREA_TYPE_FILE_COPY: its descriptor takes the
   * content from where it comes back, and maps the new one there. */
  bool ring;
  const char *name; /* "" or as in /proc/self/maps; owned by the map */
};

struct memory_map {
  struct area *areas; /* ascending */
  size_t count;
  char *text; /* the buffer that names point into */
  int fd;     /* /proc/self/maps */
};

/* Gets the buffers (private memory) and opens the source. */
int memory_map_open(struct memory_map *map, struct hwckpt_error *error);
/* Reads the map anew. */
int memory_map_read(struct memory_map *map, struct hwckpt_error *error);
/* The same while the program runs: does not tell what grows down, for asking
 * sets the protection that was read. */
int memory_map_glance(struct memory_map *map, struct hwckpt_error *error);
/* The area that the address is in, or null. */
const struct area *memory_map_at(const struct memory_map *map,
                                 uint64_t address);
void memory_map_close(struct memory_map *map);

#endif
