/* ring_buffers.c - see ring_buffers.h.
 *
 * The kernel holds on to their pages and fills them past the page tables, where
 * no tracking sees it: they are captured in each stop, in which nothing is
 * under way. It tells where they are, by io_uring/fdinfo.c of Linux.
 */
#include "ring_buffers.h"

#include "../arch/sys.h"
#include "../support/record_types.h"
#include "borrow.h"
#include "info.h"

#include <errno.h>

#define REGISTER_BUFFERS 15u        /* IORING_REGISTER_BUFFERS2 */
#define REGISTER_BUFFERS_UPDATE 16u /* IORING_REGISTER_BUFFERS_UPDATE */
#define REGISTER_SPARSE 1u          /* IORING_RSRC_REGISTER_SPARSE */
#define PAGE 4096ull

/* As struct iovec: a row of the table; all zeros: an empty one. */
struct row {
  uint64_t address, length;
};
#define ROWS (RESOURCE_SCRATCH_DATA / sizeof(struct row))

/* ---- saving ---- */

/* The kernel holds the pages also when nothing is mapped there any more. */
static bool is_mapped(const struct row *row) {
  unsigned char resident[1024];
  uint64_t end = (row->address + row->length + PAGE - 1) & -PAGE;
  for (uint64_t at = row->address & -PAGE; at < end;) {
    uint64_t some = sizeof resident * PAGE;
    some = some < end - at ? some : end - at;
    if (SYS(mincore, at, some, resident) < 0)
      return false;
    at += some;
  }
  return true;
}

/* "    0: 0x55e844c42064/5000", "    1: <none>"; an empty one of older kernels
 * is at the end of all addresses. */
static const char *read_row(const char *line, struct row *row) {
  *row = (struct row){0};
  if (!info_number(line, ": 0x", 16, &row->address) || !~row->address)
    *row = (struct row){0};
  else if (!info_number(line, "/", 10, &row->length) || !row->address)
    return "registered buffers that are no memory of the program";
  else if (!is_mapped(row))
    return "registered buffers whose memory is not mapped any more";
  return 0;
}

static int put_rows(struct resource_sink *sink, size_t count,
                    struct hwckpt_error *error) {
  return count ? sink->put(sink, RECORD_IO_URING_BUFFERS, sink->scratch,
                           count * sizeof(struct row), error)
               : 0;
}

int ring_buffers_save(struct resource_sink *sink, const Descriptor *message,
                      uint64_t count, const char **reason,
                      struct hwckpt_error *error) {
  struct row *rows = sink->scratch;
  struct info info;
  uint64_t seen = 0;
  size_t filled = 0;
  int failed = 0;
  long result = info_open(&info, message->number);
  if (result < 0)
    return refuse_to_save(error, message, result, "fdinfo");
  for (const char *line = info_line_after(&info, "UserBufs:");
       !failed && !*reason && info_is_row(line); line = info_line(&info)) {
    struct row *row = &rows[filled];
    *reason = read_row(line, row);
    if (!*reason && row->length)
      sink->pinned(sink, row->address, row->address + row->length);
    seen++;
    if (++filled < ROWS)
      continue;
    failed = put_rows(sink, filled, error);
    filled = 0;
  }
  info_close(&info);
  if (!*reason && seen != count)
    *reason = "its state is not told";
  return failed || *reason ? failed : put_rows(sink, filled, error);
}

/* ---- restoring ---- */

/* struct io_uring_rsrc_register and io_uring_rsrc_update2 */
struct registration {
  uint32_t count, flags;
  uint64_t unused, rows, tags;
};
struct update {
  uint32_t first, unused;
  uint64_t rows, tags;
  uint32_t count, unused_too;
};

static long update(int ring, uint32_t first,
                   const struct resource_record *record) {
  struct update update = {
      .first = first,
      .rows = (uint64_t)record->data,
      .count = record->length / (uint32_t)sizeof(struct row),
  };
  long done = SYS(io_uring_register, ring, REGISTER_BUFFERS_UPDATE, &update,
                  sizeof(update));
  if (done < 0)
    return done;
  return done == (long)update.count ? 0 : -EINVAL;
}

long ring_buffers_restore(const struct resource_source *source, int ring,
                          uint32_t count) {
  struct registration all = {.count = count, .flags = REGISTER_SPARSE};
  if (!count)
    return 0;
  long result =
      SYS(io_uring_register, ring, REGISTER_BUFFERS, &all, sizeof(all));
  uint32_t done = 0;
  for (size_t i = resource_first_own(source); result >= 0 && i < source->at;
       i++) {
    const struct resource_record *record = &source->records[i];
    if (record->type != RECORD_IO_URING_BUFFERS)
      continue;
    result = update(ring, done, record);
    done += record->length / (uint32_t)sizeof(struct row);
  }
  return result < 0 ? result : done == count ? 0 : -EBADMSG;
}
