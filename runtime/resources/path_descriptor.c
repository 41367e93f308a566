/* path_descriptor.c - descriptors that are only a path (O_PATH), of what is
 * neither file nor directory: symbolic links, sockets, FIFOs, devices. They
 * lead there again.
 *
 * Such an open file has no state: each descriptor gets one of its own. The file
 * of a socket of the program is a new one, which is there when all sockets have
 * settled: until then its descriptor leads to what is there before. */
#include "../arch/sys.h"
#include "descriptors.h"
#include "resource.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

static bool recognise(const struct resource_sink *sink,
                      const Descriptor *message) {
  (void)sink;
  return message->flags & O_PATH && message->path[0] == '/' &&
         !S_ISREG(message->mode) && !S_ISDIR(message->mode);
}

static long look(const Descriptor *message, struct stat *there) {
  return SYS(newfstatat, AT_FDCWD, message->path, there, AT_SYMLINK_NOFOLLOW);
}

static bool is_of_kind(const Descriptor *message, const struct stat *there) {
  return (there->st_mode & S_IFMT) == (message->mode & S_IFMT);
}

/* One whose socket is made again while it is on its way would lead to the file
 * before. */
static int save(struct resource_sink *sink, Descriptor *message,
                struct hwckpt_error *error) {
  struct stat there;
  if (look(message, &there) == 0 && there.st_ino == message->inode &&
      there.st_dev == message->device &&
      !(S_ISSOCK(message->mode) && message->in_flight))
    return 0;
  message->kind = DescriptorKind_DESCRIPTOR_UNSUPPORTED;
  return resource_unsupported(sink, error, message->path,
                              "descriptor %d: no path leads there",
                              (int)message->number);
}

static int save_no_more(struct resource_sink *sink,
                        struct hwckpt_error *error) {
  (void)sink;
  (void)error;
  return 0;
}

/* ---- restoring ---- */

static int refuse(const Descriptor *message, long result,
                  struct hwckpt_error *error) {
  return hwckpt_fail(error, HWCKPT_E_FILE_GONE, (int)-result, message->path,
                     "descriptor %d", (int)message->number);
}

/* The link in /proc is followed to what it stands for, and no farther. */
static long open_without(uint32_t flags, long by) {
  char path[64];
  hwckpt_format(path, sizeof(path), "/proc/self/fd/%d", (int)by);
  long fd = SYS(openat, AT_FDCWD, path, flags | O_CLOEXEC, 0);
  SYS(close, by);
  return fd;
}

static long open_path(const Descriptor *message) {
  uint32_t flags = message->flags & (O_PATH | O_NOFOLLOW);
  long fd =
      SYS(openat, AT_FDCWD, message->path, O_PATH | O_NOFOLLOW | O_CLOEXEC, 0);
  return fd < 0 || flags & O_NOFOLLOW ? fd : open_without(flags, fd);
}

/* One that leads to what was there. */
static long open_right(const Descriptor *message) {
  struct stat there;
  long fd = open_path(message);
  if (fd < 0 || (SYS(fstat, fd, &there) == 0 && is_of_kind(message, &there)))
    return fd;
  SYS(close, fd);
  return -EEXIST;
}

static int reopen(struct resource_source *source, const Descriptor *message,
                  struct hwckpt_error *error) {
  (void)source;
  long fd = open_right(message);
  if (fd == -ENOENT && S_ISSOCK(message->mode)) /* see renew() */
    fd = SYS(openat, AT_FDCWD, "/", O_PATH | O_CLOEXEC, 0);
  return fd < 0 ? refuse(message, fd, error) : (int)fd;
}

/* When sockets have their files. */
static int renew(const Descriptor *message, struct hwckpt_error *error) {
  long fd = open_right(message);
  long result = fd < 0 ? fd
                       : SYS(dup3, fd, message->number,
                             message->close_on_exec ? O_CLOEXEC : 0);
  if (fd >= 0)
    SYS(close, fd);
  return result < 0 ? refuse(message, result, error) : 0;
}

/* Other processes of a tree may not have made theirs. */
static int meet(struct resource_source *source, const Descriptor *message,
                int descriptor, struct hwckpt_error *error) {
  (void)descriptor;
  return S_ISSOCK(message->mode) && !source->take ? renew(message, error) : 0;
}

static int renew_of_tree(struct resource_source *source,
                         const Descriptor *message, void *context,
                         struct hwckpt_error *error) {
  (void)context;
  if (message->kind == DescriptorKind_DESCRIPTOR_PATH &&
      S_ISSOCK(message->mode) && renew(message, error))
    source->warn(source, error);
  return 0;
}

static void go_on(struct resource_source *source) {
  struct hwckpt_error error;
  if (source->take)
    descriptors_each(source, 0, renew_of_tree, &error);
}

/* Terminals of the program and sockets are made, links may have to be. */
static bool waits(const Descriptor *message) {
  struct stat now;
  return S_ISCHR(message->mode) || look(message, &now) < 0 ||
         !is_of_kind(message, &now) ||
         (S_ISLNK(message->mode) && now.st_ino != message->inode);
}

/* ---- rolling back ---- */

static int stay(struct resource_source *source, const Descriptor *message,
                int descriptor, struct hwckpt_error *error) {
  (void)source;
  (void)message;
  (void)descriptor;
  (void)error;
  return 0;
}

static int check(struct resource_source *source, const Descriptor *message,
                 int descriptor, struct hwckpt_error *error) {
  struct stat there;
  if (descriptor >= 0 ||
      (look(message, &there) == 0 && is_of_kind(message, &there)))
    return 0;
  return source->comes_back && source->comes_back(source, message->path, false)
             ? 0
             : refuse(message, -ENOENT, error);
}

const struct descriptor_kind hwckpt_descriptor_path_descriptor = {
    .name = "path",
    .kind = DescriptorKind_DESCRIPTOR_PATH,
    .recognise = recognise,
    .save = save,
    .open = reopen,
    .waits = waits,
    .meet = meet,
    .rewind = stay,
    .check = check,
};

const struct resource_kind hwckpt_resource_paths_of_sockets = {
    .name = "paths of sockets",
    .save = save_no_more,
    .go_on = go_on,
};
