/* registry.c - all kinds of kernel objects, and the table of descriptors: who
 * saves and restores what, in which order. */
#include "../arch/sys.h"
#include "../support/record_types.h"
#include "resource.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <pb_decode.h>
#include <pb_encode.h>
#include <string.h>
#include <sys/stat.h>

extern const struct resource_kind hwckpt_resource_signal_actions;
extern const struct resource_kind hwckpt_resource_file_system;
extern const struct descriptor_kind hwckpt_descriptor_deleted_file;
extern const struct descriptor_kind hwckpt_descriptor_file;
extern const struct descriptor_kind hwckpt_descriptor_pipe;
extern const struct descriptor_kind hwckpt_descriptor_inherited;
extern const struct descriptor_kind hwckpt_descriptor_device;
extern const struct descriptor_kind hwckpt_descriptor_unsupported;

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static const struct resource_kind *const kinds[] = {
    &hwckpt_resource_signal_actions,
    &hwckpt_resource_file_system,
};

/* The first that recognises a descriptor has it. */
static const struct descriptor_kind *const descriptor_kinds[] = {
    &hwckpt_descriptor_deleted_file, &hwckpt_descriptor_file,
    &hwckpt_descriptor_pipe,         &hwckpt_descriptor_inherited,
    &hwckpt_descriptor_device,       &hwckpt_descriptor_unsupported,
};

/* ---- messages ---- */

int resource_put(struct resource_sink *sink, uint32_t type,
                 const pb_msgdesc_t *fields, const void *message,
                 struct hwckpt_error *error) {
  pb_ostream_t stream =
      pb_ostream_from_buffer(sink->scratch, RESOURCE_SCRATCH_DATA);
  if (!pb_encode(&stream, fields, message))
    return hwckpt_fail(error, HWCKPT_E_CAPTURE, 0, "record",
                       "type %u cannot be encoded", type);
  return sink->put(sink, type, sink->scratch, stream.bytes_written, error);
}

int resource_get(const struct resource_record *record,
                 const pb_msgdesc_t *fields, void *message,
                 struct hwckpt_error *error) {
  pb_istream_t stream = pb_istream_from_buffer(record->data, record->length);
  if (!pb_decode(&stream, fields, message))
    return hwckpt_fail(error, HWCKPT_E_RECORD, 0, "record", "type %u, %u bytes",
                       record->type, record->length);
  return 0;
}

/* ---- the facts of descriptors ---- */

struct directory_entry {
  uint64_t inode;
  int64_t next;
  uint16_t length;
  uint8_t type;
  char name[];
};

/* The number after key in a text of /proc/self/fdinfo. */
static uint64_t number_after(const char *text, const char *key, unsigned base) {
  size_t length = strlen(key);
  uint64_t value = 0;
  size_t left = strlen(text);
  while (left >= length && memcmp(text, key, length) != 0) {
    text++;
    left--;
  }
  if (left < length)
    return 0;
  for (text += length; *text == ' ' || *text == '\t';)
    text++;
  for (; *text >= '0' && *text < (char)('0' + base); text++)
    value = value * base + (uint64_t)(*text - '0');
  return value;
}

static long read_info(Descriptor *message) {
  char path[64];
  char text[1024];
  hwckpt_format(path, sizeof(path), "/proc/self/fdinfo/%d",
                (int)message->number);
  long fd = SYS(openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return fd;
  long length = SYS(read, fd, text, sizeof(text) - 1);
  SYS(close, fd);
  if (length < 0)
    return length;
  text[length] = 0;
  message->offset = number_after(text, "pos:", 10);
  uint32_t flags = (uint32_t)number_after(text, "flags:", 8);
  message->close_on_exec = (flags & O_CLOEXEC) != 0;
  message->flags = flags & ~(uint32_t)O_CLOEXEC;
  return 0;
}

/* Fills what the kernel says of descriptor `number`. */
static long inspect(int number, Descriptor *message) {
  char path[64];
  struct stat facts;
  memset(message, 0, sizeof(*message));
  message->number = number;
  message->same_as = -1;
  hwckpt_format(path, sizeof(path), "/proc/self/fd/%d", number);
  long length = SYS(readlink, path, message->path, sizeof(message->path) - 1);
  if (length < 0)
    return length;
  message->path[length] = 0;
  long result = SYS(newfstatat, AT_FDCWD, path, &facts, 0);
  if (result < 0)
    return result;
  message->mode = facts.st_mode;
  message->size = (uint64_t)facts.st_size;
  message->mtime_ns = (uint64_t)facts.st_mtim.tv_sec * 1000000000ull +
                      (uint64_t)facts.st_mtim.tv_nsec;
  message->device = facts.st_dev;
  message->inode = facts.st_ino;
  return read_info(message);
}

static int add_fact(struct resource_sink *sink, const char *name,
                    Descriptor *message, struct hwckpt_error *error) {
  struct descriptor_fact *rows =
      (void *)((char *)sink->scratch + RESOURCE_SCRATCH_FACTS);
  size_t room = (RESOURCE_SCRATCH - RESOURCE_SCRATCH_FACTS) / sizeof(*rows);
  int number = 0;
  if (name[0] == '.')
    return 0;
  for (; *name; name++)
    number = number * 10 + (*name - '0');
  long result = inspect(number, message);
  if (result == -ENOENT)
    return 0;
  if (result < 0)
    return hwckpt_fail(error, HWCKPT_E_CAPTURE, (int)-result, "/proc/self/fd",
                       "descriptor %d", number);
  if (sink->fact_count == room)
    return hwckpt_fail(error, HWCKPT_E_CAPTURE, 0, "/proc/self/fd",
                       "more than %zu descriptors", room);
  rows[sink->fact_count++] = (struct descriptor_fact){
      number,          message->flags, message->mode,
      message->device, message->inode, message->offset};
  return 0;
}

static int gather(struct resource_sink *sink, struct hwckpt_error *error) {
  _Alignas(8) char entries[4096];
  Descriptor message;
  sink->facts = (void *)((char *)sink->scratch + RESOURCE_SCRATCH_FACTS);
  sink->fact_count = 0;
  long directory = SYS(openat, AT_FDCWD, "/proc/self/fd",
                       O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  long length = directory;
  int result = 0;
  while (directory >= 0 && !result) {
    length = SYS(getdents64, directory, entries, sizeof(entries));
    if (length <= 0)
      break;
    for (long at = 0; at < length && !result;) {
      struct directory_entry *entry = (void *)(entries + at);
      result = add_fact(sink, entry->name, &message, error);
      at += entry->length;
    }
  }
  if (directory >= 0)
    SYS(close, directory);
  if (!result && length < 0)
    return hwckpt_fail(error, HWCKPT_E_CAPTURE, (int)-length, "/proc/self/fd",
                       "listing");
  return result;
}

/* ---- saving ---- */

static bool same_file(const struct descriptor_fact *a,
                      const struct descriptor_fact *b) {
  if (a->device != b->device || a->inode != b->inode || a->flags != b->flags ||
      a->offset != b->offset)
    return false;
  long pid = SYS(getpid);
  long result = SYS(kcmp, pid, pid, KCMP_FILE, a->number, b->number);
  /* Without kcmp(): equal offsets other than 0 are hardly chance. */
  return result < 0 ? a->offset != 0 : result == 0;
}

static int32_t same_as(const struct resource_sink *sink, size_t index) {
  for (size_t i = 0; i < index; i++)
    if (same_file(&sink->facts[i], &sink->facts[index]))
      return sink->facts[i].number;
  return -1;
}

static const struct descriptor_kind *recognise(const struct resource_sink *sink,
                                               const Descriptor *message) {
  size_t i = 0;
  while (!descriptor_kinds[i]->recognise(sink, message))
    i++; /* the last takes all */
  return descriptor_kinds[i];
}

static int save_descriptor(struct resource_sink *sink, size_t index,
                           struct hwckpt_error *error) {
  Descriptor message;
  int number = sink->facts[index].number;
  long failure = inspect(number, &message);
  if (failure < 0)
    return hwckpt_fail(error, HWCKPT_E_CAPTURE, (int)-failure, "/proc/self/fd",
                       "descriptor %d", number);
  const struct descriptor_kind *kind = recognise(sink, &message);
  message.kind = kind->kind;
  /* Who restores may give three different ones. */
  if (kind->kind != DescriptorKind_DESCRIPTOR_INHERITED)
    message.same_as = same_as(sink, index);
  int result = kind->save ? kind->save(sink, &message, error) : 0;
  if (result)
    return result;
  return resource_put(sink, RECORD_DESCRIPTOR, Descriptor_fields, &message,
                      error);
}

int resources_save(struct resource_sink *sink, struct hwckpt_error *error) {
  int result = 0;
  for (size_t i = 0; i < COUNT(kinds) && !result; i++)
    result = kinds[i]->save(sink, error);
  if (!result)
    result = gather(sink, error);
  for (size_t i = 0; !result && i < sink->fact_count; i++)
    result = save_descriptor(sink, i, error);
  return result;
}

/* ---- restoring ---- */

static const struct descriptor_kind *kind_of(const Descriptor *message) {
  for (size_t i = 0; i < COUNT(descriptor_kinds); i++)
    if (descriptor_kinds[i]->kind == message->kind)
      return descriptor_kinds[i];
  return 0;
}

/* Calls visit for every descriptor recorded, ascending. */
static int each_descriptor(struct resource_source *source, void *context,
                           int (*visit)(struct resource_source *source,
                                        const Descriptor *message,
                                        void *context,
                                        struct hwckpt_error *error),
                           struct hwckpt_error *error) {
  Descriptor message;
  int last = -1;
  for (size_t i = 0; i < source->count; i++) {
    if (source->records[i].type != RECORD_DESCRIPTOR)
      continue;
    int result =
        resource_get(&source->records[i], Descriptor_fields, &message, error);
    if (result)
      return result;
    if (message.number <= last || message.same_as >= message.number ||
        message.same_as < -1 || !kind_of(&message))
      return hwckpt_fail(error, HWCKPT_E_RECORD, 0, "descriptor",
                         "%d, kind %d, same as %d, after %d",
                         (int)message.number, (int)message.kind,
                         (int)message.same_as, last);
    last = message.number;
    result = visit(source, &message, context, error);
    if (result)
      return result;
  }
  return 0;
}

static int note_highest(struct resource_source *source,
                        const Descriptor *message, void *context,
                        struct hwckpt_error *error) {
  (void)source;
  (void)error;
  *(int *)context = message->number;
  return 0;
}

/* Opens the object and puts it at its number. */
static int place(struct resource_source *source, const Descriptor *message,
                 void *context, struct hwckpt_error *error) {
  (void)context;
  bool shared = message->same_as >= 0;
  int fd = shared ? message->same_as
                  : kind_of(message)->open(source, message, error);
  if (fd < 0)
    return fd;
  long result;
  if (fd == message->number)
    result = SYS(fcntl, fd, F_SETFD, message->close_on_exec ? FD_CLOEXEC : 0);
  else
    result =
        SYS(dup3, fd, message->number, message->close_on_exec ? O_CLOEXEC : 0);
  if (!shared && fd != message->number)
    SYS(close, fd);
  if (result < 0)
    return hwckpt_fail(error, HWCKPT_E_RESTORE_KERNEL, (int)-result,
                       message->path, "placing descriptor %d",
                       (int)message->number);
  return 0;
}

static int settle(struct resource_source *source, const Descriptor *message,
                  void *context, struct hwckpt_error *error) {
  const struct descriptor_kind *kind = kind_of(message);
  (void)context;
  if (!kind->settle || message->same_as >= 0)
    return 0;
  return kind->settle(source, message, message->number, error);
}

/* Moves *fd above every number of the program. */
static int move_away(int *fd, int above, struct hwckpt_error *error) {
  if (*fd < 0)
    return 0;
  long moved = SYS(fcntl, *fd, F_DUPFD_CLOEXEC, above + 1);
  if (moved < 0)
    return hwckpt_fail(error, HWCKPT_E_RESTORE_KERNEL, (int)-moved,
                       "descriptor", "%d cannot move above %d", *fd, above);
  *fd = (int)moved;
  return 0;
}

/* Closes all descriptors but the `count` kept ones (-1: none). */
static void close_others(const int *kept, size_t count) {
  unsigned from = 0;
  for (;;) {
    unsigned next = ~0u;
    for (size_t i = 0; i < count; i++)
      if (kept[i] >= 0 && (unsigned)kept[i] >= from && (unsigned)kept[i] < next)
        next = (unsigned)kept[i];
    if (next == ~0u)
      break;
    if (next > from)
      SYS(close_range, from, next - 1, 0);
    from = next + 1;
  }
  SYS(close_range, from, ~0u, 0);
}

/* Leaves open only *keep and what is inherited, all out of the way. */
static int clear_table(struct resource_source *source, int *keep,
                       struct hwckpt_error *error) {
  int highest = 2;
  int result = each_descriptor(source, &highest, note_highest, error);
  highest = highest < 2 ? 2 : highest;
  if (!result)
    result = move_away(keep, highest, error);
  for (size_t i = 0; i < 3 && !result; i++)
    result = move_away(&source->inherited[i], highest, error);
  if (result)
    return result;
  int kept[4] = {*keep, source->inherited[0], source->inherited[1],
                 source->inherited[2]};
  close_others(kept, COUNT(kept));
  return 0;
}

static void close_inherited(struct resource_source *source) {
  for (size_t i = 0; i < 3; i++) {
    if (source->inherited[i] >= 0)
      SYS(close, source->inherited[i]);
    source->inherited[i] = -1;
  }
}

int resources_restore(struct resource_source *source, int *keep,
                      struct hwckpt_error *error) {
  int result = 0;
  for (size_t i = 0; i < COUNT(kinds) && !result; i++)
    result = kinds[i]->restore(source, error);
  if (!result)
    result = clear_table(source, keep, error);
  if (!result)
    result = each_descriptor(source, 0, place, error);
  if (!result)
    result = each_descriptor(source, 0, settle, error);
  close_inherited(source);
  return result;
}
