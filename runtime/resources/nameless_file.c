/* nameless_file.c - see nameless_file.h. */
#include "nameless_file.h"

#include "../arch/sys.h"
#include "../support/huge_page.h"
#include "../support/record_types.h"
#include "borrow.h"
#include "extents.h"
#include "info.h"
#include "same_object.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#define MEMORY_CLOEXEC 1 /* MFD_CLOEXEC */
#define MEMORY_SEALING 2 /* MFD_ALLOW_SEALING */

static const char suffix[] = " (deleted)";
static const char memory[] = "/memfd:";

/* A name that ends like this may still be one. */
bool nameless_file_is(const Descriptor *message) {
  struct stat there;
  size_t length = strlen(message->path);
  size_t tail = sizeof(suffix) - 1;
  if (!S_ISREG(message->mode) || message->path[0] != '/' || length < tail ||
      memcmp(message->path + length - tail, suffix, tail) != 0)
    return false;
  long result = SYS(newfstatat, AT_FDCWD, message->path, &there, 0);
  return result < 0 || there.st_dev != message->device ||
         there.st_ino != message->inode;
}

bool nameless_file_is_saved(const struct resource_sink *sink,
                            const Descriptor *message) {
  return same_object_is_lower(sink, message);
}

/* ---- saving ---- */

/* Where the mapped part ends that `offset` lies in, else `offset`; *limit is
 * where the next one begins then. */
static uint64_t skip_mapped(const DeletedFile *file, uint64_t offset,
                            uint64_t *limit) {
  *limit = UINT64_MAX;
  for (pb_size_t i = 0; i < file->mapped_count; i += 2) {
    uint64_t begin = file->mapped[i], end = begin + file->mapped[i + 1];
    if (offset >= begin && offset < end)
      return end;
    if (begin > offset && begin < *limit)
      *limit = begin;
  }
  return offset;
}

static int put_content(struct resource_sink *sink, const Descriptor *message,
                       const DeletedFile *record, int file,
                       struct hwckpt_error *error) {
  char *buffer = (char *)sink->scratch + RESOURCE_SCRATCH_DATA;
  size_t room = RESOURCE_SCRATCH_FACTS - RESOURCE_SCRATCH_DATA - EXTENT_BLOCK;
  for (uint64_t offset = 0, limit; offset < message->size;) {
    long data = SYS(lseek, file, offset, SEEK_DATA);
    if (data == -ENXIO) /* a hole up to the end */
      break;
    if (data >= 0)
      offset = (uint64_t)data & ~(uint64_t)(EXTENT_BLOCK - 1);
    uint64_t next = skip_mapped(record, offset, &limit);
    if (next != offset) {
      offset = next;
      continue;
    }
    size_t length = limit - offset < room ? (size_t)(limit - offset) : room;
    long count = SYS(pread64, file, buffer + EXTENT_HEAD, length, offset);
    if (count < 0)
      return refuse_to_save(error, message, count, "reading the deleted file");
    if (count == 0)
      break;
    int result = extents_put(sink, RECORD_DELETED_FILE_DATA, buffer,
                             (size_t)count, offset, error);
    if (result)
      return result;
    offset += (uint64_t)count;
  }
  return 0;
}

static bool is_in_memory(const Descriptor *message) {
  return memcmp(message->path, memory, sizeof(memory) - 1) == 0;
}

static uint32_t seals_of(struct resource_sink *sink, int number) {
  long fd = borrow_number(sink, number);
  long seals = fd < 0 ? fd : SYS(fcntl, fd, F_GET_SEALS);
  if (fd >= 0)
    SYS(close, fd);
  return seals < 0 ? 0 : (uint32_t)seals;
}

/* The blocks of the file system of huge pages. */
static uint64_t huge_page_of(const char *path) {
  struct statfs system;
  return SYS(statfs, path, &system) == 0 && system.f_type == HUGETLBFS_MAGIC
             ? (uint64_t)system.f_bsize
             : 0;
}

/* Of more parts than there is room for, some are stored twice. */
static void list_mapped(const struct resource_sink *sink,
                        const Descriptor *message, DeletedFile *record) {
  size_t room = sizeof record->mapped / sizeof *record->mapped;
  for (size_t i = 0; i < sink->mapped_count; i++) {
    const struct mapped_part *part = &sink->mapped[i];
    if (part->device != message->device || part->inode != message->inode ||
        !part->length || record->mapped_count == room)
      continue;
    record->mapped[record->mapped_count++] = part->offset;
    record->mapped[record->mapped_count++] = part->length;
  }
}

static void note_owner(int file, DeletedFile *record) {
  struct stat status;
  record->owned = SYS(fstat, file, &status) == 0;
  record->user = record->owned ? status.st_uid : 0;
  record->group = record->owned ? status.st_gid : 0;
}

int nameless_file_save(struct resource_sink *sink, const Descriptor *message,
                       struct hwckpt_error *error) {
  DeletedFile record = DeletedFile_init_zero;
  char path[64];
  info_descriptor(path, "fd", message->number);
  record.in_memory = is_in_memory(message);
  if (record.in_memory)
    record.seals = seals_of(sink, message->number);
  record.file = message->inode;
  record.device = message->device;
  record.size = message->size;
  record.mode = message->mode;
  if (record.in_memory)
    record.huge_page = huge_page_of(path);
  list_mapped(sink, message, &record);
  /* Opened again: the program's descriptor may be for writing only, and reading
   * through it would move its offset. */
  long file = SYS(openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
  if (file < 0)
    return refuse_to_save(error, message, file, "opening the deleted file");
  note_owner((int)file, &record);
  int result = resource_put(sink, RECORD_DELETED_FILE, DeletedFile_fields,
                            &record, error);
  if (!result)
    result = put_content(sink, message, &record, (int)file, error);
  SYS(close, file);
  return result;
}

/* ---- restoring ---- */

/* Among the records from *index on, up to `end`: whether it is there. */
static bool find(const struct resource_source *source,
                 const Descriptor *message, DeletedFile *file, size_t *index,
                 size_t end) {
  struct hwckpt_error ignored;
  for (; *index < end; ++*index)
    if (source->records[*index].type == RECORD_DELETED_FILE &&
        !resource_get(&source->records[*index], DeletedFile_fields, file,
                      &ignored) &&
        file->file == message->inode && file->device == message->device)
      return true;
  return false;
}

/* First among those that were put with the descriptor: of thousands, each has
 * its own there. */
int nameless_file_find(const struct resource_source *source,
                       const Descriptor *message, DeletedFile *file,
                       size_t *index, struct hwckpt_error *error) {
  *index = source->at;
  while (*index && source->records[*index - 1].type != RECORD_DESCRIPTOR)
    --*index;
  if (find(source, message, file, index, source->at))
    return 0;
  *index = 0;
  if (find(source, message, file, index, source->count))
    return 0;
  return hwckpt_fail(error, HWCKPT_E_RECORD, 0, message->path,
                     "descriptor %d: no record of the deleted file",
                     (int)message->number);
}

/* A new owner takes the bits of the mode that run it as him. */
void nameless_file_own(int file, const DeletedFile *is) {
  if (is->owned)
    SYS(fchown, file, is->user, is->group);
  SYS(fchmod, file, is->mode & 07777);
}

/* Under its name, and open to sealing unless it was closed to it. */
static long create_in_memory(const char *path, const DeletedFile *file) {
  char name[256];
  const char *begin = path;
  if (memcmp(path, memory, sizeof(memory) - 1) == 0)
    begin += sizeof(memory) - 1;
  size_t length = strlen(begin), tail = sizeof(suffix) - 1;
  if (length >= tail && memcmp(begin + length - tail, suffix, tail) == 0)
    length -= tail;
  length = length < sizeof(name) - 1 ? length : sizeof(name) - 1;
  memcpy(name, begin, length);
  name[length] = 0;
  long fd = SYS(memfd_create, name,
                MEMORY_CLOEXEC | MEMORY_SEALING |
                    huge_page_file_flags(file->huge_page));
  if (fd >= 0)
    nameless_file_own((int)fd, file);
  return fd;
}

long nameless_file_create(const char *path, const DeletedFile *file) {
  char directory[sizeof(((Descriptor *)0)->path)];
  size_t length = strlen(path);
  if (file->in_memory)
    return create_in_memory(path, file);
  while (length > 1 && path[length - 1] != '/')
    length--;
  memcpy(directory, path, length);
  directory[length] = 0;
  long fd = SYS(openat, AT_FDCWD, directory, O_TMPFILE | O_RDWR | O_CLOEXEC,
                S_IRUSR | S_IWUSR);
  if (fd < 0)
    fd = SYS(memfd_create, "deleted file", MEMORY_CLOEXEC);
  if (fd >= 0)
    nameless_file_own((int)fd, file);
  return fd;
}

/* What cannot be written to, as files of huge pages, can be mapped. */
static long write_mapped(int file, const char *data, size_t length,
                         uint64_t offset) {
  struct stat status;
  long result = SYS(fstat, file, &status);
  if (result < 0)
    return result;
  uint64_t mask = (uint64_t)status.st_blksize - 1, begin = offset & ~mask;
  uint64_t size = ((offset + length + mask) & ~mask) - begin;
  long room = SYS(mmap, 0, size, PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_POPULATE, file, begin);
  if (room < 0)
    return room;
  memcpy((char *)room + (offset - begin), data, length);
  SYS(munmap, room, size);
  return (long)length;
}

int nameless_file_write(const void *extent, size_t length, int file,
                        const char *path, struct hwckpt_error *error) {
  uint64_t offset;
  if (length < sizeof(offset))
    return hwckpt_fail(error, HWCKPT_E_RECORD, 0, path,
                       "an extent of %zu bytes", length);
  memcpy(&offset, extent, sizeof(offset));
  for (size_t done = sizeof(offset); done < length;) {
    long count = SYS(pwrite64, file, (const char *)extent + done, length - done,
                     offset + done - sizeof(offset));
    if (count == -EINVAL)
      count = write_mapped(file, (const char *)extent + done, length - done,
                           offset + done - sizeof(offset));
    if (count <= 0)
      return hwckpt_fail(error, HWCKPT_E_RESTORE_KERNEL,
                         count < 0 ? (int)-count : 0, path,
                         "writing the content of the deleted file");
    done += (size_t)count;
  }
  return 0;
}

int nameless_file_open(const Descriptor *message, int file,
                       struct hwckpt_error *error) {
  char path[64];
  hwckpt_format(path, sizeof(path), "/proc/self/fd/%d", file);
  uint32_t flags = message->flags & ~(uint32_t)(O_CREAT | O_EXCL | O_TRUNC |
                                                O_NOFOLLOW | O_TMPFILE);
  long fd = SYS(openat, AT_FDCWD, path, flags | O_CLOEXEC, 0);
  if (fd == -EINVAL) /* memory files know no O_DIRECT */
    fd = SYS(openat, AT_FDCWD, path, (flags & ~(uint32_t)O_DIRECT) | O_CLOEXEC,
             0);
  if (fd < 0)
    return refuse_to_restore(error, message, fd, "opening it again");
  if (!(flags & O_PATH))
    SYS(lseek, fd, message->offset, SEEK_SET);
  return (int)fd;
}
