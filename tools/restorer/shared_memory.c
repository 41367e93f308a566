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
    bool is_given;  /* made for several processes: each fills it, alike */
    uint64_t whole; /* while areas are joined: all of it */
    SystemVMemory system_v;
    long id; /* of System V, 0: not made yet */
  } *memories;
  size_t count;
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
    file.in_memory = memcmp(area->name, in_memory, sizeof in_memory - 1) == 0;
    file.mode = 0600;
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

/* The next segment gets this id, where we may say so. */
static void ask_for_id(int32_t id) {
  static const char path[] = "/proc/sys/kernel/shm_next_id";
  char text[16];
  size_t length = hwckpt_format(text, sizeof text, "%d", (int)id);
  long fd = SYS(openat, AT_FDCWD, path, O_WRONLY | O_CLOEXEC, 0);
  if (fd < 0)
    return;
  SYS(write, fd, text, length);
  SYS(close, fd);
}

static void warn_of_id(const SystemVMemory *then, long id) {
  char object[64];
  hwckpt_format(object, sizeof object, "System V shared memory %d",
                (int)then->id);
  WARN(HWCKPT_E_ATTRIBUTE, 0, object, "its id is %ld now", id);
}

/* The segment outlives the program that was killed: when nobody has it, it is
 * taken. */
static bool is_left(const SystemVMemory *then, const Area *area) {
  struct shmid_ds now = {0};
  if (then->removed || SYS(shmctl, then->id, IPC_STAT, &now) < 0 ||
      now.shm_perm.__key != then->key || now.shm_segsz != then->size)
    return false;
  if (now.shm_nattch)
    refuse(-EBUSY, area->name, "the segment is attached by a process",
           area->start);
  return true;
}

static long make_segment(const SystemVMemory *then, const Area *area) {
  key_t key = then->removed ? IPC_PRIVATE : then->key;
  ask_for_id(then->id);
  long id = SYS(shmget, key, then->size,
                IPC_CREAT | IPC_EXCL | (int)(then->mode & 0777));
  if (id < 0)
    refuse(id, area->name, "shmget", area->start);
  if (id != then->id)
    warn_of_id(then, id);
  return id;
}

static void attach(struct memory *memory, const Area *area) {
  SystemVMemory *then = &memory->system_v;
  bool first = !memory->areas, left = first && is_left(then, area);
  if (first)
    memory->id = left ? then->id : make_segment(then, area);
  memory->areas++;
  long result = SYS(shmat, memory->id, area->start, 0);
  if (result != (long)area->start)
    refuse(result, area->name, "shmat", area->start);
  if (left) {
    result = SYS(madvise, area->start, memory->size, MADV_REMOVE);
    if (result < 0)
      refuse(result, area->name, "clearing it", area->start);
  }
  if (first && then->removed)
    SYS(shmctl, memory->id, IPC_RMID, 0);
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
  struct memory *memory = find(area);
  if (!memory) {
    memory = &shared.memories[shared.count++];
    *memory = (struct memory){.device = area->device,
                              .inode = area->inode,
                              .source = area->source,
                              .fd = -1};
    int fd = given(area);
    if (fd >= 0)
      use_given(memory, area, fd);
    else if (area->source == AreaSource_SOURCE_FILE)
      make_file(memory, area);
    else if (area->source == AreaSource_SOURCE_SYSTEM_V)
      find_segment(memory, area);
  }
  uint64_t reach = area->source == AreaSource_SOURCE_FILE
                       ? area->file_size
                       : area->offset + (area->end - area->start);
  if (!memory->is_open && reach > memory->size)
    memory->size = reach;
  if (area->source == AreaSource_SOURCE_ANONYMOUS)
    memory->areas++;
}

void shared_memory_make(const struct cache_reader *reader) {
  shared.reader = reader;
  shared.memories = arena_map(count_records(reader) * sizeof *shared.memories);
  if (!shared.memories)
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
  return memory->source == AreaSource_SOURCE_ANONYMOUS &&
         (memory->areas > 1 || area->offset);
}

void shared_memory_map(const Area *area) {
  struct memory *memory = find(area);
  uint64_t size = area->end - area->start;
  int flags = MAP_FIXED_NOREPLACE;
  long result;
  if (memory->source == AreaSource_SOURCE_SYSTEM_V) {
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
  for (size_t i = 0; i < shared.count; i++)
    if (shared.memories[i].whole)
      SYS(munmap, shared.memories[i].whole, shared.memories[i].size);
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
