/* shared_memory.c - shared memory whose content is in the generation:
 * anonymous, of files without a name, of System V.
 *
 * Invariant: areas that were of one memory (device and inode tell) are so
 * again, and of one with the descriptors that the program has open of it. */
#include "restorer.h"

#include "../../runtime/arch/sys.h"
#include "../../runtime/resources/nameless_file.h"

#include <errno.h>
#include <fcntl.h>
#include <pb_decode.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>

#define PAGE ((uint64_t)4096)
#define SEALED_WRITE 0x8u /* F_SEAL_WRITE */

static struct {
  struct memory {
    uint64_t device, inode;
    AreaSource source;
    uint64_t size; /* of the file; else as far as areas reach */
    size_t areas;
    uint32_t seals;
    int fd;         /* of a file, -1: none */
    bool is_open;   /* by the program */
    bool is_given;  /* made for several processes: each fills it, alike, and
                     * by whole pages (shared_memory_is_at()) */
    uint64_t whole; /* while areas are joined: all of it */
    SystemVMemory system_v;
    bool in_part;           /* not all of it is attached at each place */
    uint64_t next, reached; /* how far the areas are known that are attached */
  } *memories;
  size_t count;
  struct cache_range *ranges; /* of all its areas, ascending */
  size_t range_count;
  const struct cache_reader *reader;
} shared;

static _Noreturn void refuse(long result, const char *object, const char *what,
                             uint64_t address) {
  FAIL(result == -ENOMEM ? HWCKPT_E_RESTORE_MEMORY : HWCKPT_E_RESTORE_KERNEL,
       result < 0 ? (int)-result : 0, object, "%s, mapped at %llx", what,
       (unsigned long long)address);
}

static struct memory *find(const Area *area) {
  for (size_t i = shared.count; i-- > 0;)
    if (shared.memories[i].inode == area->inode &&
        shared.memories[i].device == area->device)
      return &shared.memories[i];
  return NULL;
}

/* ---- files ---- */

static void decode(const pb_msgdesc_t *fields, void *message, const void *data,
                   size_t length) {
  pb_istream_t stream = pb_istream_from_buffer(data, length);
  if (!pb_decode(&stream, fields, message))
    FAIL(HWCKPT_E_RECORD, 0, restorer.plan.application,
         "of shared memory, generation %llu",
         (unsigned long long)restorer.plan.generation);
}

/* The record of the file, if the program has it open; the content follows. */
static bool find_file(const Area *area, DeletedFile *file, size_t *index) {
  uint32_t type;
  const void *data;
  size_t length;
  for (*index = 0;
       cache_reader_record(shared.reader, *index, &type, &data, &length);
       ++*index) {
    if (type != RECORD_DELETED_FILE)
      continue;
    memset(file, 0, sizeof *file);
    decode(DeletedFile_fields, file, data, length);
    if (file->file == area->inode && file->device == area->device)
      return true;
  }
  memset(file, 0, sizeof *file);
  return false;
}

static void fill_file(const struct memory *memory, const Area *area,
                      size_t index) {
  uint32_t type;
  const void *data;
  size_t length;
  while (cache_reader_record(shared.reader, ++index, &type, &data, &length) &&
         type == RECORD_DELETED_FILE_DATA)
    if (nameless_file_write(data, length, memory->fd, area->name, &failure) < 0)
      fail();
}

static void make_file(struct memory *memory, const Area *area) {
  static const char in_memory[] = "/memfd:";
  static DeletedFile file;
  size_t index;
  memory->is_open = find_file(area, &file, &index);
  if (!memory->is_open) {
    file.in_memory = area->huge_page ||
                     memcmp(area->name, in_memory, sizeof in_memory - 1) == 0;
    file.mode = 0600;
    file.huge_page = area->huge_page;
  }
  memory->seals = file.seals;
  memory->size = file.size;
  memory->fd = (int)nameless_file_create(area->name, &file);
  if (memory->fd < 0)
    refuse(memory->fd, area->name, "creating it anew", area->start);
  if (memory->is_open)
    fill_file(memory, area, index);
}

/* ---- System V ---- */

static void find_segment(struct memory *memory, const Area *area) {
  uint32_t type;
  const void *data;
  size_t length;
  for (size_t i = 0;
       cache_reader_record(shared.reader, i, &type, &data, &length); i++) {
    if (type != RECORD_SYSTEM_V_MEMORY)
      continue;
    memset(&memory->system_v, 0, sizeof memory->system_v);
    decode(SystemVMemory_fields, &memory->system_v, data, length);
    if ((uint64_t)memory->system_v.id == area->inode)
      return;
  }
  FAIL(HWCKPT_E_RECORD, 0, area->name, "no record of the segment");
}

/* Whether what follows what is known so far of it, from its begin on. */
static bool goes_on(const struct memory *memory, const Area *area) {
  return memory->reached
             ? area->start == memory->next && area->offset == memory->reached
             : area->offset == 0;
}

/* One piece after the other, ascending. */
static void note_piece(struct memory *memory, const Area *area) {
  uint64_t size = (memory->system_v.size + PAGE - 1) / PAGE * PAGE;
  if (area->offset > size || area->end - area->start > size - area->offset)
    FAIL(HWCKPT_E_RECORD, 0, area->name, "beyond the segment's end, at %llx",
         (unsigned long long)area->start);
  if (!goes_on(memory, area))
    memory->in_part = true;
  memory->next = area->end;
  memory->reached = area->offset + (area->end - area->start);
  if (memory->reached >= size)
    memory->reached = 0;
}

/* The segment is there (tools/hwckpt/system_v.c). */
static void attach(const struct memory *memory, const Area *area) {
  long result = SYS(shmat, memory->system_v.id, area->start, 0);
  if (result != (long)area->start)
    refuse(result, area->name, "shmat", area->start);
}

/* Where not all of it is attached each time: attached elsewhere, and its pieces
 * mapped once more from there. */
static void attach_elsewhere(struct memory *memory, const Area *area) {
  long whole = SYS(shmat, memory->system_v.id, 0, 0);
  if (whole < 0 && whole > -(long)PAGE)
    refuse(whole, area->name, "shmat", area->start);
  memory->whole = (uint64_t)whole;
}

/* All that this process has of it is attached. */
static void remove_again(const struct memory *memory) {
  if (memory->system_v.removed)
    SYS(shmctl, memory->system_v.id, IPC_RMID, 0);
}

/* ---- making ---- */

/* Its file, where other processes of the tree have the memory too; -1: none. */
static int given(const Area *area) {
  for (uint32_t i = 0; i < restorer.plan.memories; i++)
    if (restorer.memories[i].inode == area->inode &&
        restorer.memories[i].device == area->device)
      return restorer.memories[i].descriptor;
  return -1;
}

static void use_given(struct memory *memory, const Area *area, int fd) {
  static DeletedFile file;
  size_t index;
  memory->source = AreaSource_SOURCE_FILE;
  memory->is_given = true;
  memory->fd = fd;
  memory->is_open = find_file(area, &file, &index);
  if (memory->is_open)
    fill_file(memory, area, index);
}

static void note(const Area *area, void *context) {
  (void)context;
  if (area->kind != AreaKind_AREA_SHARED_MEMORY)
    return;
  shared.ranges[shared.range_count++] =
      (struct cache_range){area->start, area->end};
  struct memory *memory = find(area);
  if (!memory) {
    memory = &shared.memories[shared.count++];
    *memory = (struct memory){.device = area->device,
                              .inode = area->inode,
                              .source = area->source,
                              .fd = -1};
    if (area->huge_page) /* anonymous too: a file can be mapped twice */
      memory->source = AreaSource_SOURCE_FILE;
    int fd = given(area);
    if (fd >= 0)
      use_given(memory, area, fd);
    else if (memory->source == AreaSource_SOURCE_FILE)
      make_file(memory, area);
    else if (area->source == AreaSource_SOURCE_SYSTEM_V)
      find_segment(memory, area);
  } else if (memory->source != area->source && !memory->is_given) {
    FAIL(HWCKPT_E_RECORD, 0, area->name, "one memory of two kinds, at %llx",
         (unsigned long long)area->start);
  }
  uint64_t reach = area->source == AreaSource_SOURCE_FILE
                       ? area->file_size
                       : area->offset + (area->end - area->start);
  if (!memory->is_open && reach > memory->size)
    memory->size = reach;
  if (memory->source == AreaSource_SOURCE_ANONYMOUS)
    memory->areas++;
  else if (memory->source == AreaSource_SOURCE_SYSTEM_V)
    note_piece(memory, area);
}

void shared_memory_make(const struct cache_reader *reader) {
  shared.reader = reader;
  size_t most = count_records(reader);
  shared.memories = arena_map(most * sizeof *shared.memories);
  shared.ranges = arena_map((most + 1) * sizeof *shared.ranges);
  if (!shared.memories || !shared.ranges)
    FAIL(HWCKPT_E_RESTORE_MEMORY, 0, "the restorer's own memory", "areas");
  each_area(reader, note, NULL);
  for (size_t i = 0; i < shared.count; i++) {
    struct memory *memory = &shared.memories[i];
    long result = memory->fd < 0 || memory->is_given
                      ? 0
                      : SYS(ftruncate, memory->fd, memory->size);
    if (result < 0)
      refuse(result, restorer.process.program, "size of a deleted file",
             memory->size);
  }
}

bool shared_memory_is_at(uint64_t begin, uint64_t end) {
  size_t low = 0, high = shared.range_count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (shared.ranges[middle].end <= begin)
      low = middle + 1;
    else
      high = middle;
  }
  return low < shared.range_count && shared.ranges[low].begin < end;
}

/* ---- mapping ---- */

static long map(uint64_t address, uint64_t size, int flags, int fd,
                uint64_t offset) {
  int protection = PROT_READ | PROT_WRITE;
  long result = SYS(mmap, address, size, protection, flags, fd, offset);
  return result == -ENOMEM ? SYS(mmap, address, size, protection,
                                 flags | MAP_NORESERVE, fd, offset)
                           : result;
}

/* One area that is all of it needs no other. */
static bool is_joined(const struct memory *memory, const Area *area) {
  if (memory->source == AreaSource_SOURCE_SYSTEM_V)
    return memory->in_part;
  return memory->source == AreaSource_SOURCE_ANONYMOUS &&
         (memory->areas > 1 || area->offset);
}

void shared_memory_map(const Area *area) {
  struct memory *memory = find(area);
  uint64_t size = area->end - area->start;
  int flags = MAP_FIXED_NOREPLACE;
  long result;
  if (memory->source == AreaSource_SOURCE_SYSTEM_V && !memory->in_part) {
    if (!area->offset)
      attach(memory, area);
    return;
  }
  if (is_joined(memory, area))
    result = SYS(mmap, area->start, size, PROT_NONE,
                 flags | MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  else if (memory->fd >= 0)
    result =
        map(area->start, size, flags | MAP_SHARED, memory->fd, area->offset);
  else
    result = map(area->start, size, flags | MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (result != (long)area->start)
    FAIL(result == -ENOMEM ? HWCKPT_E_RESTORE_MEMORY : HWCKPT_E_ADDRESS,
         result < 0 ? (int)-result : 0, "shared memory", "map %llx-%llx",
         (unsigned long long)area->start, (unsigned long long)area->end);
}

/* mremap(2): with an old size of 0 a shared mapping is mapped once more. */
static void join(const Area *area, void *context) {
  (void)context;
  if (area->kind != AreaKind_AREA_SHARED_MEMORY)
    return;
  struct memory *memory = find(area);
  if (!is_joined(memory, area))
    return;
  if (!memory->whole && memory->source == AreaSource_SOURCE_SYSTEM_V)
    attach_elsewhere(memory, area);
  if (!memory->whole) {
    long whole = map(0, memory->size, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (whole < 0)
      refuse(whole, "shared memory", "all of it", area->start);
    memory->whole = (uint64_t)whole;
  }
  long result =
      SYS(mremap, memory->whole + area->offset, 0, area->end - area->start,
          MREMAP_MAYMOVE | MREMAP_FIXED, area->start);
  if (result != (long)area->start)
    refuse(result, "shared memory", "mapping it once more", area->start);
}

void shared_memory_join(const struct cache_reader *reader) {
  each_area(reader, join, NULL);
  for (size_t i = 0; i < shared.count; i++) {
    const struct memory *memory = &shared.memories[i];
    bool of_system_v = memory->source == AreaSource_SOURCE_SYSTEM_V;
    if (memory->whole && of_system_v)
      SYS(shmdt, memory->whole);
    else if (memory->whole)
      SYS(munmap, memory->whole, memory->size);
    if (of_system_v)
      remove_again(memory);
  }
}

/* ---- sealing ----
 *
 * A file that could be written through a mapping is not sealed against it:
 * those mappings make room for that time. */

static bool is_sealed(const Area *area) {
  return area->kind == AreaKind_AREA_SHARED_MEMORY &&
         find(area)->seals & SEALED_WRITE;
}

static void make_room(const Area *area, void *context) {
  (void)context;
  if (is_sealed(area))
    SYS(mmap, area->start, area->end - area->start, PROT_NONE,
        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
}

static void map_sealed(const Area *area, void *context) {
  (void)context;
  if (!is_sealed(area))
    return;
  long result =
      SYS(mmap, area->start, area->end - area->start, area->protection,
          MAP_SHARED | MAP_FIXED, find(area)->fd, area->offset);
  if (result != (long)area->start)
    refuse(result, area->name, "the sealed file", area->start);
}

void shared_memory_seal(const struct cache_reader *reader) {
  each_area(reader, make_room, NULL);
  for (size_t i = 0; i < shared.count; i++) {
    struct memory *memory = &shared.memories[i];
    long result =
        memory->seals ? SYS(fcntl, memory->fd, F_ADD_SEALS, memory->seals) : 0;
    if (result < 0)
      refuse(result, restorer.process.program, "seals of a file in memory", 0);
  }
  each_area(reader, map_sealed, NULL);
  for (size_t i = 0; i < shared.count; i++)
    if (shared.memories[i].fd >= 0 && !shared.memories[i].is_open)
      SYS(close, shared.memories[i].fd);
}

size_t shared_memory_files(struct resource_file **files) {
  size_t count = 0;
  *files = arena_map((shared.count + 1) * sizeof **files);
  if (!*files)
    FAIL(HWCKPT_E_RESTORE_MEMORY, 0, "the restorer's own memory", "files");
  for (size_t i = 0; i < shared.count; i++) {
    const struct memory *memory = &shared.memories[i];
    if (!memory->is_open)
      continue;
    if (count == RESOURCE_FILES)
      FAIL(HWCKPT_E_RESTORE_KERNEL, 0, restorer.process.program,
           "more than %u open files are mapped", RESOURCE_FILES);
    (*files)[count++] =
        (struct resource_file){memory->device, memory->inode, memory->fd, 0};
  }
  return count;
}
