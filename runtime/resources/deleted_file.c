/* deleted_file.c - open regular files that have no name any more: the temporary
 * files of tmpfile(), O_TMPFILE and open-and-unlink, and files in memory
 * (memfd_create(2)) with their seals.
 *
 * Nobody else can bring the content back, so it is part of the checkpoint: an
 * extent a record, holes left out. A restored file is a new one without a name,
 * in the same directory if that takes it, else in memory; it is made with its
 * first descriptor, and its further descriptors are opened through
 * /proc/self/fd of that one. */
#include "../arch/sys.h"
#include "../support/record_types.h"
#include "resource.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLOCK ((size_t)4096)
#define MEMORY_CLOEXEC 1 /* MFD_CLOEXEC */
#define MEMORY_SEALING 2 /* MFD_ALLOW_SEALING */

static const char suffix[] = " (deleted)";

static bool same_file(const struct descriptor_fact *fact,
                      const Descriptor *message) {
  return fact->device == message->device && fact->inode == message->inode;
}

/* A name that ends like this may still be one. */
static bool recognise(const struct resource_sink *sink,
                      const Descriptor *message) {
  struct stat there;
  size_t length = strlen(message->path);
  size_t tail = sizeof(suffix) - 1;
  (void)sink;
  if (!S_ISREG(message->mode) || message->path[0] != '/' || length < tail ||
      memcmp(message->path + length - tail, suffix, tail) != 0)
    return false;
  long result = SYS(newfstatat, AT_FDCWD, message->path, &there, 0);
  return result < 0 || there.st_dev != message->device ||
         there.st_ino != message->inode;
}

/* ---- saving ---- */

static int fail(struct hwckpt_error *error, const Descriptor *message,
                long result, const char *what) {
  return hwckpt_fail(error, HWCKPT_E_CAPTURE, result < 0 ? (int)-result : 0,
                     message->path, "descriptor %d: %s", (int)message->number,
                     what);
}

static bool is_zero(const char *block, size_t length) {
  for (size_t i = 0; i < length; i++)
    if (block[i])
      return false;
  return true;
}

/* Puts the runs of blocks that are not zero; the first 8 bytes of a record are
 * where it begins. */
static int put_extents(struct resource_sink *sink, char *buffer, size_t length,
                       uint64_t offset, struct hwckpt_error *error) {
  char *data = buffer + sizeof(offset);
  for (size_t from = 0, to; from < length; from = to) {
    to = from;
    while (to < length &&
           !is_zero(data + to, to + BLOCK < length ? BLOCK : length - to))
      to = to + BLOCK < length ? to + BLOCK : length;
    if (to == from) {
      to = from + BLOCK;
      continue;
    }
    uint64_t begin = offset + from;
    char *record = data + from - sizeof(begin);
    memcpy(record, &begin, sizeof(begin));
    int result = sink->put(sink, RECORD_DELETED_FILE_DATA, record,
                           sizeof(begin) + to - from, error);
    if (result)
      return result;
  }
  return 0;
}

static int put_content(struct resource_sink *sink, const Descriptor *message,
                       int file, struct hwckpt_error *error) {
  char *buffer = (char *)sink->scratch + RESOURCE_SCRATCH_DATA;
  size_t room = RESOURCE_SCRATCH_FACTS - RESOURCE_SCRATCH_DATA - BLOCK;
  for (uint64_t offset = 0; offset < message->size;) {
    long data = SYS(lseek, file, offset, SEEK_DATA);
    if (data == -ENXIO) /* a hole up to the end */
      break;
    if (data >= 0)
      offset = (uint64_t)data & ~(uint64_t)(BLOCK - 1);
    long count = SYS(pread64, file, buffer + sizeof(offset), room, offset);
    if (count < 0)
      return fail(error, message, count, "reading the deleted file");
    if (count == 0)
      break;
    int result = put_extents(sink, buffer, (size_t)count, offset, error);
    if (result)
      return result;
    offset += (uint64_t)count;
  }
  return 0;
}

static const char memory[] = "/memfd:";

static bool is_in_memory(const Descriptor *message) {
  return memcmp(message->path, memory, sizeof(memory) - 1) == 0;
}

static uint32_t seals_of(struct resource_sink *sink, int number) {
  long fd = SYS(pidfd_getfd, sink->pidfd, number, 0);
  long seals = fd < 0 ? fd : SYS(fcntl, fd, F_GET_SEALS);
  if (fd >= 0)
    SYS(close, fd);
  return seals < 0 ? 0 : (uint32_t)seals;
}

static int put_file(struct resource_sink *sink, const Descriptor *message,
                    struct hwckpt_error *error) {
  DeletedFile record = DeletedFile_init_zero;
  char path[64];
  record.in_memory = is_in_memory(message);
  if (record.in_memory)
    record.seals = seals_of(sink, message->number);
  record.file = message->inode;
  record.device = message->device;
  record.size = message->size;
  record.mode = message->mode;
  int result = resource_put(sink, RECORD_DELETED_FILE, DeletedFile_fields,
                            &record, error);
  if (result)
    return result;
  /* Opened again: the program's descriptor may be for writing only, and reading
   * through it would move its offset. */
  hwckpt_format(path, sizeof(path), "/proc/self/fd/%d", (int)message->number);
  long file = SYS(openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
  if (file < 0)
    return fail(error, message, file, "opening the deleted file");
  result = put_content(sink, message, (int)file, error);
  SYS(close, file);
  return result;
}

static int save(struct resource_sink *sink, Descriptor *message,
                struct hwckpt_error *error) {
  message->deleted = true;
  for (size_t i = 0; i < sink->fact_count; i++)
    if (same_file(&sink->facts[i], message) &&
        sink->facts[i].number < message->number)
      return 0; /* saved with that one */
  return put_file(sink, message, error);
}

/* ---- restoring ---- */

static int refuse(struct hwckpt_error *error, const Descriptor *message,
                  long result, const char *what) {
  return hwckpt_fail(error, HWCKPT_E_RESTORE_KERNEL,
                     result < 0 ? (int)-result : 0, message->path,
                     "descriptor %d: %s", (int)message->number, what);
}

/* Finds the record of the file; its extents begin at the one after. */
static int find(struct resource_source *source, const Descriptor *message,
                DeletedFile *file, size_t *index, struct hwckpt_error *error) {
  for (size_t i = 0; i < source->count; i++) {
    if (source->records[i].type != RECORD_DELETED_FILE)
      continue;
    int result =
        resource_get(&source->records[i], DeletedFile_fields, file, error);
    if (result)
      return result;
    *index = i;
    if (file->file == message->inode && file->device == message->device)
      return 0;
  }
  return hwckpt_fail(error, HWCKPT_E_RECORD, 0, message->path,
                     "descriptor %d: no record of the deleted file",
                     (int)message->number);
}

/* Under its name, and open to sealing unless it was closed to it. */
static long create_in_memory(const Descriptor *message,
                             const DeletedFile *file) {
  char name[256];
  size_t length = strlen(message->path) - (sizeof(suffix) - 1);
  length -= sizeof(memory) - 1;
  length = length < sizeof(name) - 1 ? length : sizeof(name) - 1;
  memcpy(name, message->path + sizeof(memory) - 1, length);
  name[length] = 0;
  long fd = SYS(memfd_create, name, MEMORY_CLOEXEC | MEMORY_SEALING);
  if (fd >= 0)
    SYS(fchmod, fd, file->mode & 07777);
  return fd;
}

/* A new file without a name, where the old one was if possible. */
static long create(const Descriptor *message, const DeletedFile *file) {
  char directory[sizeof(message->path)];
  size_t length = strlen(message->path);
  if (file->in_memory)
    return create_in_memory(message, file);
  while (length > 1 && message->path[length - 1] != '/')
    length--;
  memcpy(directory, message->path, length);
  directory[length] = 0;
  long fd = SYS(openat, AT_FDCWD, directory, O_TMPFILE | O_RDWR | O_CLOEXEC,
                S_IRUSR | S_IWUSR);
  if (fd < 0)
    fd = SYS(memfd_create, "deleted file", MEMORY_CLOEXEC);
  if (fd >= 0)
    SYS(fchmod, fd, file->mode & 07777);
  return fd;
}

static int write_extent(const struct resource_record *record, int file,
                        const Descriptor *message, struct hwckpt_error *error) {
  uint64_t offset;
  if (record->length < sizeof(offset))
    return hwckpt_fail(error, HWCKPT_E_RECORD, 0, message->path,
                       "an extent of %u bytes", record->length);
  memcpy(&offset, record->data, sizeof(offset));
  for (size_t done = sizeof(offset); done < record->length;) {
    long count = SYS(pwrite64, file, (const char *)record->data + done,
                     record->length - done, offset + done - sizeof(offset));
    if (count <= 0)
      return refuse(error, message, count, "writing its content");
    done += (size_t)count;
  }
  return 0;
}

static int fill(struct resource_source *source, size_t index, int file,
                uint64_t size, const Descriptor *message,
                struct hwckpt_error *error) {
  long result = SYS(ftruncate, file, size);
  if (result < 0)
    return refuse(error, message, result, "setting its size");
  for (; index < source->count &&
         source->records[index].type == RECORD_DELETED_FILE_DATA;
       index++) {
    int failed = write_extent(&source->records[index], file, message, error);
    if (failed)
      return failed;
  }
  return 0;
}

/* An open file of its own for the descriptor, with its flags and offset. */
static int open_through(const Descriptor *message, int file,
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
    return refuse(error, message, fd, "opening it again");
  if (!(flags & O_PATH))
    SYS(lseek, fd, message->offset, SEEK_SET);
  return (int)fd;
}

static int make(struct resource_source *source, const Descriptor *message,
                struct hwckpt_error *error) {
  DeletedFile record;
  size_t index = 0;
  int result = find(source, message, &record, &index, error);
  if (result)
    return result;
  long file = create(message, &record);
  if (file < 0)
    return refuse(error, message, file, "creating it anew");
  result = fill(source, index + 1, (int)file, record.size, message, error);
  if (!result && record.seals) {
    long sealed = SYS(fcntl, file, F_ADD_SEALS, record.seals);
    if (sealed < 0)
      result = refuse(error, message, sealed, "its seals");
  }
  if (!result)
    result = open_through(message, (int)file, error);
  SYS(close, file);
  return result;
}

/* A lower descriptor of the same file, which is there already; or -1. */
static int placed(struct resource_source *source, const Descriptor *message) {
  static Descriptor other;
  struct hwckpt_error ignored;
  for (size_t i = 0; i < source->count; i++) {
    if (source->records[i].type != RECORD_DESCRIPTOR ||
        resource_get(&source->records[i], Descriptor_fields, &other, &ignored))
      continue;
    if (other.number >= message->number)
      break;
    if (other.kind == DescriptorKind_DESCRIPTOR_DELETED_FILE &&
        other.inode == message->inode && other.device == message->device)
      return other.number;
  }
  return -1;
}

static int reopen(struct resource_source *source, const Descriptor *message,
                  struct hwckpt_error *error) {
  int file = placed(source, message);
  return file < 0 ? make(source, message, error)
                  : open_through(message, file, error);
}

const struct descriptor_kind hwckpt_descriptor_deleted_file = {
    .name = "deleted file",
    .kind = DescriptorKind_DESCRIPTOR_DELETED_FILE,
    .recognise = recognise,
    .save = save,
    .open = reopen,
};
