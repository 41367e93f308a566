/* ring_files.c - see ring_files.h.
 *
 * Of a registered file the kernel tells its path alone, and two open files of
 * one path may differ in flags and position. Invariant: a row is saved only
 * where its name is that of one open file: a socket's, which nobody can open
 * again, and which a descriptor of the program has too.
 */
#include "ring_files.h"

#include "../arch/sys.h"
#include "../support/record_types.h"
#include "borrow.h"
#include "info.h"
#include "same_object.h"

#include <errno.h>
#include <fcntl.h>
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

/* Not one that names a socket's file (O_PATH), nor one on its way to another
 * process, which is no descriptor in the end. */
static bool is_socket(const struct descriptor_fact *fact) {
  return S_ISSOCK(fact->mode) && !(fact->flags & O_PATH) && !fact->carrier;
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

static const char *read_row(const struct resource_sink *sink, const char *line,
                            struct row *row) {
  const char *name = name_of(line);
  uint64_t place, inode;
  if (!info_begins(name, ": socket:["))
    return "registered files other than sockets";
  if (!info_number(line, "", 10, &place) || !info_number(name, "[", 10, &inode))
    return "its state is not told";
  row->place = (uint32_t)place;
  row->descriptor = holder_of(sink, inode);
  return row->descriptor < 0 ? "registered sockets that no descriptor has" : 0;
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
  size_t filled = 0;
  int failed = 0;
  long result = info_open(&info, message->number);
  if (result < 0)
    return refuse_to_save(error, message, result, "fdinfo");
  for (const char *line = info_line_after(&info, "UserFiles:");
       !failed && !*reason && info_is_row(line); line = info_line(&info)) {
    if (is_empty(line))
      continue;
    *reason = read_row(sink, line, &rows[filled]);
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
