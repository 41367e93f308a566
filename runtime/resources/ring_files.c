/* ring_files.c - see ring_files.h.
 *
 * Of a registered file the kernel tells its name alone, and kcmp(2) takes no
 * row. Invariant: a row is saved only where its name leads to one open file of
 * the program: a socket's name is that of one for ever; a path may be that of
 * several, which differ in flags and position, and then none is taken. What
 * cannot be told from the descriptor's is one that was opened by the same path
 * before, and closed but for the row.
 */
#include "ring_files.h"

#include "../arch/sys.h"
#include "../support/live.h"
#include "../support/record_types.h"
#include "borrow.h"
#include "info.h"
#include "same_object.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <string.h>
#include <sys/stat.h>

#define UNREGISTER_FILES 3u      /* IORING_UNREGISTER_FILES */
#define REGISTER_FILES_UPDATE 6u /* IORING_REGISTER_FILES_UPDATE */
#define REGISTER_FILES 13u       /* IORING_REGISTER_FILES2 */
#define REGISTER_SPARSE 1u       /* IORING_RSRC_REGISTER_SPARSE */

struct row {
  uint32_t place;
  int32_t descriptor;
};
#define ROWS (RESOURCE_SCRATCH_DATA / sizeof(struct row))

/* ---- saving ---- */

/* Of an open file that can be registered (not O_PATH); one on its way to
 * another process is no descriptor in the end. */
static bool is_open(const struct descriptor_fact *fact) {
  return !(fact->flags & O_PATH) && !fact->carrier;
}

static bool is_socket(const struct descriptor_fact *fact) {
  return S_ISSOCK(fact->mode) && is_open(fact);
}

/* All sockets are of one device. */
static int32_t holder_of(const struct resource_sink *sink, uint64_t inode) {
  size_t any = 0, index = (size_t)-1;
  while (any < sink->fact_count && !is_socket(&sink->facts[any]))
    any++;
  if (any == sink->fact_count)
    return -1;
  while (same_object_next(sink, sink->facts[any].device, inode, &index))
    if (is_socket(&sink->facts[index]))
      return sink->facts[index].number;
  return -1;
}

/* ---- files, by their paths ---- */

struct named {
  char path[4096];
  const struct descriptor_fact *holder; /* null: none has the path */
  bool several;                         /* open files have it */
};

/* The kernel writes blanks and the like as "\040". */
static void read_path(const char *text, char path[4096]) {
  size_t length = 0;
  for (; *text && length < 4095; text++)
    if (text[0] == '\\' && text[1] && text[2] && text[3]) {
      path[length++] =
          (char)((text[1] - '0') << 6 | (text[2] - '0') << 3 | (text[3] - '0'));
      text += 3;
    } else {
      path[length++] = *text;
    }
  path[length] = 0;
}

static bool has_path(const struct descriptor_fact *fact, const char *path) {
  char link[64], name[4096];
  info_descriptor(link, "fd", fact->number);
  long length = SYS(readlink, link, name, sizeof(name));
  return length >= 0 && (size_t)length == strlen(path) &&
         memcmp(name, path, (size_t)length) == 0;
}

/* Where the kernel does not say that they are the same, they are not. */
static bool is_same(int one, int other) {
  int number_one, number_other;
  int first = info_table(one, &number_one);
  int second = info_table(other, &number_other);
  return SYS(kcmp, first, second, KCMP_FILE, number_one, number_other) == 0;
}

static void consider(const struct descriptor_fact *fact, struct named *named) {
  if (fact->flags & O_PATH || !has_path(fact, named->path))
    return;
  if (!named->holder)
    named->holder = fact;
  else
    named->several |= !is_same(named->holder->number, fact->number);
}

/* By the path, or, where that leads to nothing that is open, one by one: it was
 * deleted. */
static void find_holder(const struct resource_sink *sink, struct named *named) {
  struct stat there;
  size_t index = (size_t)-1;
  named->holder = 0;
  named->several = false;
  if (SYS(newfstatat, AT_FDCWD, named->path, &there, AT_SYMLINK_NOFOLLOW) == 0)
    while (same_object_next(sink, there.st_dev, there.st_ino, &index))
      consider(&sink->facts[index], named);
  if (named->holder)
    return;
  for (size_t i = 0; i < sink->fact_count; i++)
    consider(&sink->facts[i], named);
}

/* What comes back as what it was, whoever restores. */
static bool is_file(const struct descriptor_fact *fact) {
  return S_ISREG(fact->mode) || S_ISDIR(fact->mode) ||
         ((S_ISCHR(fact->mode) || S_ISBLK(fact->mode)) && fact->number > 2);
}

static const char other_kind[] = "it is no file, directory, device or socket";
static const char no_holder[] =
    "no descriptor of the program has it, which is to keep one open";

/* Null: the row's file is that of the descriptor. */
static const char *find_file(const struct resource_sink *sink, const char *text,
                             struct named *last, int32_t *descriptor) {
  struct named named;
  read_path(text, named.path);
  /* A table often has one file in many rows. */
  size_t length = strlen(named.path);
  if (length != strlen(last->path) ||
      memcmp(named.path, last->path, length) != 0) {
    find_holder(sink, &named);
    *last = named;
  }
  if (!last->holder || last->holder->carrier)
    return no_holder;
  if (last->several)
    return "several open files of the program have this path, and the kernel "
           "does not tell which it is";
  *descriptor = last->holder->number;
  return is_file(last->holder) ? 0 : other_kind;
}

/* What stands behind the number: "    1: socket:[12345]". A path begins with a
 * slash. */
static const char *name_of(const char *line) {
  while (*line && *line != ':')
    line++;
  return line;
}

/* Kernels that list empty rows too. */
static bool is_empty(const char *line) {
  return info_begins(name_of(line), ": <none>");
}

static const char *find_row(const struct resource_sink *sink, const char *name,
                            struct named *last, int32_t *descriptor) {
  uint64_t inode;
  if (name[0] == '/')
    return find_file(sink, name, last, descriptor);
  if (!info_begins(name, "socket:[") || !info_number(name, "[", 10, &inode))
    return other_kind;
  *descriptor = holder_of(sink, inode);
  return *descriptor < 0 ? no_holder : 0;
}

static LIVE char why[256];

static const char *read_row(const struct resource_sink *sink, const char *line,
                            struct named *last, struct row *row) {
  const char *name = name_of(line);
  uint64_t place;
  if (!info_begins(name, ": ") || !info_number(line, "", 10, &place))
    return "its state is not told";
  row->place = (uint32_t)place;
  const char *reason = find_row(sink, name + 2, last, &row->descriptor);
  if (!reason)
    return 0;
  hwckpt_format(why, sizeof(why), "registered file %u (%.*s): %s", row->place,
                80, name + 2, reason);
  return why;
}

static int put_rows(struct resource_sink *sink, size_t count,
                    struct hwckpt_error *error) {
  return count ? sink->put(sink, RECORD_IO_URING_FILES, sink->scratch,
                           count * sizeof(struct row), error)
               : 0;
}

int ring_files_save(struct resource_sink *sink, const Descriptor *message,
                    const char **reason, struct hwckpt_error *error) {
  struct row *rows = sink->scratch;
  struct info info;
  struct named last = {0};
  size_t filled = 0;
  int failed = 0;
  long result = info_open(&info, message->number);
  if (result < 0)
    return refuse_to_save(error, message, result, "fdinfo");
  for (const char *line = info_line_after(&info, "UserFiles:");
       !failed && !*reason && info_is_row(line); line = info_line(&info)) {
    if (is_empty(line))
      continue;
    *reason = read_row(sink, line, &last, &rows[filled]);
    if (*reason || ++filled < ROWS)
      continue;
    failed = put_rows(sink, filled, error);
    filled = 0;
  }
  info_close(&info);
  return failed || *reason ? failed : put_rows(sink, filled, error);
}

/* ---- restoring ---- */

/* struct io_uring_rsrc_register and io_uring_files_update */
struct registration {
  uint32_t count, flags;
  uint64_t unused, files, tags;
};
struct update {
  uint32_t first, unused;
  uint64_t files;
};

static long take_rows(int ring, const struct resource_record *record) {
  const struct row *rows = record->data;
  for (size_t i = 0; i < record->length / sizeof(*rows); i++) {
    struct update update = {.first = rows[i].place,
                            .files = (uint64_t)&rows[i].descriptor};
    long done = SYS(io_uring_register, ring, REGISTER_FILES_UPDATE, &update, 1);
    if (done != 1)
      return done < 0 ? done : -EINVAL;
  }
  return 0;
}

long ring_files_restore(const struct resource_source *source, int ring,
                        uint32_t count) {
  struct registration all = {.count = count, .flags = REGISTER_SPARSE};
  if (!count)
    return 0;
  /* They are registered once more where what a descriptor had open strayed. */
  SYS(io_uring_register, ring, UNREGISTER_FILES, 0, 0);
  long result = SYS(io_uring_register, ring, REGISTER_FILES, &all, sizeof(all));
  for (size_t i = resource_first_own(source); result >= 0 && i < source->at;
       i++)
    if (source->records[i].type == RECORD_IO_URING_FILES)
      result = take_rows(ring, &source->records[i]);
  return result;
}
