/* inotify.c - inotify(7): its watches, under the numbers they had.
 *
 * The kernel tells what is watched by a handle of the file system, which only
 * the privileged (CAP_DAC_READ_SEARCH) turn into a path: for others it is the
 * path that the program gave to libc, while it still leads there. A file to
 * which no path leads, as it was removed, is watched by a descriptor that has
 * it open.
 *
 * Events that the program has not read cannot be put back: it finds in their
 * place what the kernel itself says where events are lost, IN_Q_OVERFLOW. */
#include "../arch/sys.h"
#include "../support/record_types.h"
#include "borrow.h"
#include "info.h"
#include "resource.h"
#include "same_object.h"
#include "watched_paths.h"

#include <fcntl.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define HANDLE_MAX 128u
#define NUMBERS_MAX 1000000
#define LOST (-1) /* the number of the event IN_Q_OVERFLOW */

struct watch {
  uint64_t number, inode, device, mask;
  struct {
    uint32_t bytes;
    int32_t type;
    unsigned char data[HANDLE_MAX];
  } handle; /* struct file_handle */
};

static bool recognise(const struct resource_sink *sink,
                      const Descriptor *message) {
  (void)sink;
  return info_begins(message->path, "anon_inode:inotify");
}

/* ---- saving ---- */

static unsigned digit(char letter) {
  return letter <= '9' ? (unsigned)letter - '0' : (unsigned)letter - 'a' + 10;
}

/* A line: inotify wd:1 ino:9e7e sdev:800013 mask:800afce ignored_mask:0
 * fhandle-bytes:8 fhandle-type:1 f_handle:7e9e0000640d1b6d */
static bool read_watch(const char *line, struct watch *watch) {
  static const char key[] = "f_handle:";
  uint64_t bytes, type;
  memset(watch, 0, sizeof(*watch));
  if (!info_number(line, " wd:", 16, &watch->number) ||
      !info_number(line, " ino:", 16, &watch->inode) ||
      !info_number(line, " sdev:", 16, &watch->device) ||
      !info_number(line, " mask:", 16, &watch->mask) ||
      !info_number(line, "fhandle-bytes:", 16, &bytes) ||
      !info_number(line, "fhandle-type:", 16, &type) || bytes > HANDLE_MAX)
    return false;
  while (*line && !info_begins(line, key))
    line++;
  if (strlen(line) < sizeof(key) - 1 + 2 * bytes)
    return false;
  line += sizeof(key) - 1;
  for (size_t i = 0; i < bytes; i++, line += 2)
    watch->handle.data[i] =
        (unsigned char)(digit(line[0]) << 4 | digit(line[1]));
  watch->handle.bytes = (uint32_t)bytes;
  watch->handle.type = (int32_t)type;
  /* The kernel's own way to write a device. */
  watch->device = makedev(watch->device >> 20, watch->device & 0xfffff);
  return true;
}

/* By a mount of its file system. */
static bool find_path_at(const struct watch *watch, const char *mount,
                         char *path, size_t room) {
  char link[64];
  struct stat there;
  long at = SYS(openat, AT_FDCWD, mount, O_RDONLY | O_CLOEXEC, 0);
  long fd =
      at < 0 ? at
             : SYS(open_by_handle_at, at, &watch->handle, O_PATH | O_CLOEXEC);
  if (at >= 0)
    SYS(close, at);
  if (fd < 0)
    return false;
  hwckpt_format(link, sizeof(link), "/proc/thread-self/fd/%d", (int)fd);
  long length = SYS(readlink, link, path, room - 1);
  SYS(close, fd);
  path[length > 0 ? length : 0] = 0;
  return length > 0 && SYS(newfstatat, AT_FDCWD, path, &there, 0) == 0 &&
         there.st_ino == watch->inode;
}

/* A line: id parent major:minor root mount-point ... */
static bool is_mount_of(const char *line, uint64_t device, char *mount,
                        size_t room) {
  uint64_t major, minor;
  const char *p = line;
  for (int blanks = 0; *p && blanks < 2; p++)
    blanks += *p == ' ';
  if (!info_number(p, "", 10, &major))
    return false;
  while (*p && *p != ':')
    p++;
  if (!info_number(p, ":", 10, &minor) ||
      makedev((unsigned)major, (unsigned)minor) != device)
    return false;
  for (int blanks = 0; *p && blanks < 2; p++)
    blanks += *p == ' ';
  size_t length = 0;
  while (p[length] && p[length] != ' ' && length < room - 1)
    length++;
  memcpy(mount, p, length);
  mount[length] = 0;
  return true;
}

static bool find_path(const struct watch *watch, char *path, size_t room) {
  struct info mounts;
  char mount[512];
  bool found = false;
  if (info_open_path(&mounts, "/proc/thread-self/mountinfo") < 0)
    return false;
  for (const char *line; !found && (line = info_line(&mounts));)
    found = is_mount_of(line, watch->device, mount, sizeof(mount)) &&
            find_path_at(watch, mount, path, room);
  info_close(&mounts);
  return found;
}

/* Whether the path that it had leads to it. */
static bool take_path(const struct watch *watch, char *path, size_t room) {
  struct stat there;
  const char *known = watched_path(watch->device, watch->inode);
  if (!known || SYS(newfstatat, AT_FDCWD, known, &there, AT_SYMLINK_NOFOLLOW) ||
      there.st_ino != watch->inode || there.st_dev != watch->device)
    return false;
  hwckpt_format(path, room, "%s", known);
  return true;
}

/* Removed or not: what the program has open. */
static bool take_descriptor(const struct resource_sink *sink,
                            const struct watch *watch, uint32_t *descriptor) {
  size_t at = (size_t)-1;
  while (same_object_next(sink, watch->device, watch->inode, &at))
    if (!sink->facts[at].carrier) {
      *descriptor = (uint32_t)sink->facts[at].number + 1;
      return true;
    }
  return false;
}

static bool has_events(struct resource_sink *sink, int number) {
  int bytes = 0;
  long fd = borrow_number(sink, number);
  if (fd < 0)
    return false;
  SYS(ioctl, fd, FIONREAD, &bytes);
  SYS(close, fd);
  return bytes > 0;
}

static int save_watch(struct resource_sink *sink, Descriptor *message,
                      const struct watch *watch, struct hwckpt_error *error) {
  static InotifyWatch record;
  memset(&record, 0, sizeof(record));
  record.number = (int32_t)watch->number;
  record.mask = (uint32_t)watch->mask;
  if (take_path(watch, record.path, sizeof(record.path)) ||
      find_path(watch, record.path, sizeof(record.path)) ||
      take_descriptor(sink, watch, &record.descriptor))
    return resource_put(sink, RECORD_INOTIFY_WATCH, InotifyWatch_fields,
                        &record, error);
  message->kind = DescriptorKind_DESCRIPTOR_UNSUPPORTED;
  return resource_unsupported(sink, error, message->path,
                              "descriptor %d: what watch %d is of is not told",
                              (int)message->number, (int)watch->number);
}

static int save_loss(struct resource_sink *sink, struct hwckpt_error *error) {
  static InotifyWatch record;
  memset(&record, 0, sizeof(record));
  record.number = LOST;
  record.mask = IN_Q_OVERFLOW;
  return resource_put(sink, RECORD_INOTIFY_WATCH, InotifyWatch_fields, &record,
                      error);
}

static int save(struct resource_sink *sink, Descriptor *message,
                struct hwckpt_error *error) {
  struct info info;
  struct watch watch;
  int result = 0;
  if (message->same_as >= 0)
    return 0;
  if (has_events(sink, message->number))
    result = save_loss(sink, error);
  if (result)
    return result;
  if (info_open(&info, message->number) < 0)
    return hwckpt_fail(error, HWCKPT_E_CAPTURE, 0, message->path,
                       "descriptor %d", (int)message->number);
  for (const char *line; !result && (line = info_line(&info));)
    if (info_begins(line, "inotify ") && read_watch(line, &watch))
      result = save_watch(sink, message, &watch, error);
  info_close(&info);
  return result;
}

/* ---- restoring ---- */

static int refuse(struct hwckpt_error *error, const Descriptor *message,
                  long result, const char *what) {
  return hwckpt_fail(error, HWCKPT_E_RESTORE_KERNEL,
                     result < 0 ? (int)-result : 0, what, "descriptor %d",
                     (int)message->number);
}

/* The kernel counts numbers up: those between are taken and given back. */
static int add(int fd, const Descriptor *message, InotifyWatch *watch,
               struct hwckpt_error *error) {
  uint32_t follow = IN_DONT_FOLLOW; /* nothing tells of it */
  if (watch->descriptor) {
    hwckpt_format(watch->path, sizeof(watch->path), "/proc/self/fd/%u",
                  watch->descriptor - 1);
    follow = 0;
  }
  for (;;) {
    long number = SYS(inotify_add_watch, fd, watch->path, watch->mask | follow);
    if (number == watch->number)
      return 0;
    if (number < 0 || number > watch->number || watch->number > NUMBERS_MAX)
      return refuse(error, message, number, watch->path);
    SYS(inotify_rm_watch, fd, number);
  }
}

/* The watch with the lowest number above `after` that was put with the
 * descriptor. */
static bool next(const struct resource_source *source, int32_t after,
                 InotifyWatch *lowest) {
  static InotifyWatch watch;
  bool found = false;
  for (size_t i = source->at;
       i-- > 0 && source->records[i].type != RECORD_DESCRIPTOR;) {
    if (source->records[i].type != RECORD_INOTIFY_WATCH ||
        resource_get(&source->records[i], InotifyWatch_fields, &watch, 0))
      continue;
    if (watch.number > after && (!found || watch.number < lowest->number)) {
      *lowest = watch;
      found = true;
    }
  }
  return found;
}

/* Giving a number back is an event of its own. */
static void drain(int fd) {
  char events[1024];
  while (SYS(read, fd, events, sizeof(events)) > 0)
    ;
}

static int waiting(int fd) {
  int bytes = 0;
  SYS(ioctl, fd, FIONREAD, &bytes);
  return bytes;
}

/* The kernel queues the event where as many as it keeps are not read: they are
 * made, of a file of our own, and read again but for that one, the last. Two
 * equal ones in a row are one. */
static void overflow(int fd) {
  char name[48], byte = 0, events[1024];
  int before;
  const int last = (int)sizeof(struct inotify_event);
  /* Opened by its name: through the first descriptor nobody is told. */
  long memory = SYS(memfd_create, "hwckpt", MFD_CLOEXEC);
  hwckpt_format(name, sizeof(name), "/proc/thread-self/fd/%d", (int)memory);
  long file = SYS(openat, AT_FDCWD, name, O_RDWR | O_CLOEXEC, 0);
  long watch = SYS(inotify_add_watch, fd, name, IN_ACCESS | IN_MODIFY);
  do {
    before = waiting(fd);
    for (int i = 0; watch >= 0 && i < 512; i++) {
      SYS(pwrite64, file, &byte, 1, 0);
      SYS(pread64, file, &byte, 1, 0);
    }
  } while (waiting(fd) > before);
  SYS(inotify_rm_watch, fd, watch);
  SYS(close, file);
  SYS(close, memory);
  for (int left; (left = waiting(fd) - last) > 0;)
    if (SYS(read, fd, events,
            left < (int)sizeof(events) ? left : (int)sizeof(events)) <= 0)
      break;
}

/* Whether events were lost of the one whose descriptor is at source->at. */
static bool has_lost(const struct resource_source *source) {
  static InotifyWatch watch;
  for (size_t i = source->at;
       i-- > 0 && source->records[i].type != RECORD_DESCRIPTOR;)
    if (source->records[i].type == RECORD_INOTIFY_WATCH &&
        !resource_get(&source->records[i], InotifyWatch_fields, &watch, 0) &&
        watch.number == LOST)
      return true;
  return false;
}

static int make(struct resource_source *source, const Descriptor *message,
                struct hwckpt_error *error) {
  (void)source;
  int fd =
      (int)SYS(inotify_init1,
               (message->flags & O_NONBLOCK ? IN_NONBLOCK : 0) | IN_CLOEXEC);
  return fd < 0 ? refuse(error, message, fd, "inotify_init1") : fd;
}

static int watch_all(struct resource_source *source, const Descriptor *message,
                     int fd, struct hwckpt_error *error) {
  static InotifyWatch watch;
  int result = 0;
  SYS(fcntl, fd, F_SETFL, O_NONBLOCK);
  for (int32_t after = 0; !result && next(source, after, &watch);
       after = watch.number)
    result = add(fd, message, &watch, error);
  drain(fd);
  if (!result && has_lost(source))
    overflow(fd);
  SYS(fcntl, fd, F_SETFL, message->flags & O_NONBLOCK);
  return result;
}

/* It watches by path. */
static bool waits(const Descriptor *message) {
  (void)message;
  return true;
}

const struct descriptor_kind hwckpt_descriptor_inotify = {
    .name = "inotify",
    .kind = DescriptorKind_DESCRIPTOR_INOTIFY,
    .recognise = recognise,
    .save = save,
    .open = make,
    .waits = waits,
    .link = watch_all,
};
