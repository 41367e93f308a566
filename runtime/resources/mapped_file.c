/* mapped_file.c - open regular files that have no name any more and are mapped
 * shared. The restorer makes the file with its mappings and leaves it open; the
 * descriptors are opened through that. What is mapped is in the generation's
 * pages, the rest of the content as of a deleted file.
 *
 * Invariant: descriptors and mappings of one file are of one file again, after
 * a rollback too. */
#include "borrow.h"
#include "nameless_file.h"

#include "../arch/sys.h"
#include "../support/record_types.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define SEALED_WRITE 0x8u /* F_SEAL_WRITE */
#define PUNCH_HOLE 3      /* FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE */

static bool is_mapped(const struct resource_sink *sink,
                      const Descriptor *message) {
  for (size_t i = 0; i < sink->mapped_count; i++)
    if (sink->mapped[i].device == message->device &&
        sink->mapped[i].inode == message->inode)
      return true;
  return false;
}

static bool recognise(const struct resource_sink *sink,
                      const Descriptor *message) {
  return is_mapped(sink, message) && nameless_file_is(message);
}

static int save(struct resource_sink *sink, Descriptor *message,
                struct hwckpt_error *error) {
  message->deleted = true;
  return nameless_file_is_saved(sink, message)
             ? 0
             : nameless_file_save(sink, message, error);
}

static int reopen(struct resource_source *source, const Descriptor *message,
                  struct hwckpt_error *error) {
  for (size_t i = 0; i < source->mapped_count; i++)
    if (source->mapped[i].device == message->device &&
        source->mapped[i].inode == message->inode)
      return nameless_file_open(message, source->mapped[i].descriptor, error);
  return refuse_to_restore(error, message, 0, "the mapped file is not open");
}

/* ---- rolling back ---- */

static long open_again(int descriptor) {
  char path[64];
  hwckpt_format(path, sizeof(path), "/proc/self/fd/%d", descriptor);
  return SYS(openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC, 0);
}

static int check(struct resource_source *source, const Descriptor *message,
                 int descriptor, struct hwckpt_error *error) {
  DeletedFile record;
  size_t index;
  struct stat now;
  if (descriptor < 0)
    return hwckpt_fail(error, HWCKPT_E_NOT_ROLLED_BACK, 0, message->path,
                       "descriptor %d of a mapped file was closed since",
                       (int)message->number);
  int result = nameless_file_find(source, message, &record, &index, error);
  if (result)
    return result;
  long seals = SYS(fcntl, descriptor, F_GET_SEALS);
  SYS(fstat, descriptor, &now);
  if ((seals < 0 || (uint32_t)seals == record.seals) &&
      (uint64_t)now.st_size >= record.size)
    return 0;
  return hwckpt_fail(error, HWCKPT_E_NOT_ROLLED_BACK, 0, message->path,
                     "descriptor %d: the file was sealed or cut since",
                     (int)message->number);
}

/* Clears [begin, end) but for what is mapped. */
static void clear(const DeletedFile *record, int file, uint64_t begin,
                  uint64_t end) {
  while (begin < end) {
    uint64_t stop = end, next = begin;
    for (pb_size_t i = 0; i < record->mapped_count; i += 2) {
      uint64_t from = record->mapped[i], to = from + record->mapped[i + 1];
      if (begin >= from && begin < to)
        next = next > to ? next : to;
      else if (from > begin && from < stop)
        stop = from;
    }
    if (next == begin) {
      SYS(fallocate, file, PUNCH_HOLE, begin, stop - begin);
      next = stop;
    }
    begin = next;
  }
}

static int put_back(struct resource_source *source, const Descriptor *message,
                    const DeletedFile *record, size_t index, int file,
                    struct hwckpt_error *error) {
  uint64_t done = 0, offset;
  SYS(ftruncate, file, record->size);
  for (index++; index < source->count &&
                source->records[index].type == RECORD_DELETED_FILE_DATA;
       index++) {
    const struct resource_record *extent = &source->records[index];
    int result = nameless_file_write(extent->data, extent->length, file,
                                     message->path, error);
    if (result)
      return result;
    memcpy(&offset, extent->data, sizeof(offset));
    clear(record, file, done, offset);
    done = offset + extent->length - sizeof(offset);
  }
  clear(record, file, done, record->size);
  return 0;
}

static int take_back(struct resource_source *source, const Descriptor *message,
                     int descriptor, struct hwckpt_error *error) {
  DeletedFile record;
  size_t index;
  int result = nameless_file_find(source, message, &record, &index, error);
  long file =
      result || record.seals & SEALED_WRITE ? -1 : open_again(descriptor);
  if (file >= 0) {
    result = put_back(source, message, &record, index, (int)file, error);
    SYS(close, file);
  }
  if (!result && !(message->flags & O_PATH)) {
    SYS(fcntl, descriptor, F_SETFL, message->flags);
    SYS(lseek, descriptor, message->offset, SEEK_SET);
  }
  return result;
}

const struct descriptor_kind hwckpt_descriptor_mapped_file = {
    .name = "mapped file",
    .kind = DescriptorKind_DESCRIPTOR_MAPPED_FILE,
    .recognise = recognise,
    .save = save,
    .open = reopen,
    .rewind = take_back,
    .check = check,
};
