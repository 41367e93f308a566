/* deleted_file.c - open regular files that have no name any more
 * (nameless_file.h) and are not mapped. A restored file is a new one, made with
 * its first descriptor; its further descriptors are opened through
 * /proc/self/fd of that one. */
#include "borrow.h"
#include "info.h"
#include "nameless_file.h"
#include "saved_object.h"

#include "../arch/sys.h"
#include "../support/record_types.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#define KERNEL_LARGEFILE 0100000u /* O_LARGEFILE, which libc has as 0 */

static bool recognise(const struct resource_sink *sink,
                      const Descriptor *message) {
  (void)sink;
  return nameless_file_is(message);
}

/* What is in it only the program sees, where it has mapped it
 * (memfd_secret(2)). */
static bool is_secret(const Descriptor *message) {
  static const char secret[] = "/secretmem (deleted)";
  struct statfs system;
  char path[64];
  if (memcmp(message->path, secret, sizeof(secret)) != 0)
    return false;
  info_descriptor(path, "fd", message->number);
  return SYS(statfs, path, &system) == 0 && system.f_type == SECRETMEM_MAGIC;
}

static int refuse_secret(struct resource_sink *sink, Descriptor *message,
                         struct hwckpt_error *error) {
  message->kind = DescriptorKind_DESCRIPTOR_UNSUPPORTED;
  return message->same_as >= 0
             ? 0
             : resource_unsupported(
                   sink, error, message->path,
                   "descriptor %d: nobody but the program can read it",
                   (int)message->number);
}

static int save(struct resource_sink *sink, Descriptor *message,
                struct hwckpt_error *error) {
  if (is_secret(message))
    return refuse_secret(sink, message, error);
  message->deleted = true;
  return nameless_file_is_saved(sink, message)
             ? 0
             : nameless_file_save(sink, message, error);
}

/* ---- restoring ---- */

static int fill(struct resource_source *source, size_t index, int file,
                uint64_t size, const Descriptor *message,
                struct hwckpt_error *error) {
  long result = SYS(ftruncate, file, size);
  if (result < 0)
    return refuse_to_restore(error, message, result, "setting its size");
  for (; index < source->count &&
         source->records[index].type == RECORD_DELETED_FILE_DATA;
       index++) {
    int failed = nameless_file_write(source->records[index].data,
                                     source->records[index].length, file,
                                     message->path, error);
    if (failed)
      return failed;
  }
  return 0;
}

/* What memfd_create() gave does not keep its file from being executed, what is
 * opened again for writing does. */
static int take_first(const Descriptor *message, const DeletedFile *record,
                      int file, struct hwckpt_error *error) {
  const uint32_t settable = O_APPEND | O_NONBLOCK | O_NOATIME;
  uint32_t flags = message->flags & ~KERNEL_LARGEFILE;
  if (!record->in_memory || (flags & ~settable) != O_RDWR)
    return nameless_file_open(message, file, error);
  long fd = SYS(fcntl, file, F_DUPFD_CLOEXEC, 0);
  if (fd < 0)
    return refuse_to_restore(error, message, fd, "dup");
  if (flags & settable)
    SYS(fcntl, fd, F_SETFL, flags);
  SYS(lseek, fd, message->offset, SEEK_SET);
  return (int)fd;
}

static int make(struct resource_source *source, const Descriptor *message,
                struct hwckpt_error *error) {
  DeletedFile record;
  size_t index = 0;
  int result = nameless_file_find(source, message, &record, &index, error);
  if (result)
    return result;
  long file = nameless_file_create(message->path, &record);
  if (file < 0)
    return refuse_to_restore(error, message, file, "creating it anew");
  result = fill(source, index + 1, (int)file, record.size, message, error);
  if (!result)
    nameless_file_own((int)file, &record);
  if (!result && record.seals) {
    long sealed = SYS(fcntl, file, F_ADD_SEALS, record.seals);
    if (sealed < 0)
      result = refuse_to_restore(error, message, sealed, "its seals");
  }
  if (!result)
    result = take_first(message, &record, (int)file, error);
  SYS(close, file);
  return result;
}

/* A lower descriptor of the same file, which is there already; or -1. */
static int placed(struct resource_source *source, const Descriptor *message) {
  static Descriptor other;
  for (size_t i = (size_t)-1;
       saved_object_next(source, message->inode, &i, &other) &&
       other.number < message->number;)
    if (other.kind == DescriptorKind_DESCRIPTOR_DELETED_FILE &&
        other.device == message->device)
      return other.number;
  return -1;
}

static int reopen(struct resource_source *source, const Descriptor *message,
                  struct hwckpt_error *error) {
  int file = placed(source, message);
  return file < 0 ? make(source, message, error)
                  : nameless_file_open(message, file, error);
}

const struct descriptor_kind hwckpt_descriptor_deleted_file = {
    .name = "deleted file",
    .kind = DescriptorKind_DESCRIPTOR_DELETED_FILE,
    .recognise = recognise,
    .save = save,
    .open = reopen,
};
