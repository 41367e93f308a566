/* registry.c - all kinds of kernel objects: who saves and restores what, in
 * which order. */
#include "registry.h"
#include "info.h"
#include "multicast.h"
#include "socket_options.h"
#include "unix_relation.h"

#include "../arch/sys.h"
#include "../support/record_types.h"

#include <errno.h>
#include <fcntl.h>
#include <pb_decode.h>
#include <pb_encode.h>
#include <string.h>

#define PROCESS_KIND(name)                                                     \
  extern const struct resource_kind hwckpt_resource_##name;
#define THREAD_KIND(name) extern const struct thread_kind hwckpt_thread_##name;
#define DESCRIPTOR_KIND(name)                                                  \
  extern const struct descriptor_kind hwckpt_descriptor_##name;
#include "kinds.def"

#define PROCESS_KIND(name) &hwckpt_resource_##name,
static const struct resource_kind *const kinds[] = {
#include "kinds.def"
    0};

#define THREAD_KIND(name) &hwckpt_thread_##name,
static const struct thread_kind *const thread_kinds[] = {
#include "kinds.def"
    0};

#define DESCRIPTOR_KIND(name) &hwckpt_descriptor_##name,
const struct descriptor_kind *const hwckpt_descriptor_kinds[] = {
#include "kinds.def"
    0};

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

size_t resource_first_own(const struct resource_source *source) {
  size_t first = source->at;
  while (first && source->records[first - 1].type != RECORD_DESCRIPTOR)
    first--;
  return first;
}

int resource_get_own(const struct resource_source *source, uint32_t type,
                     const pb_msgdesc_t *fields, void *message,
                     struct hwckpt_error *error) {
  for (size_t i = source->at;
       i-- > 0 && source->records[i].type != RECORD_DESCRIPTOR;)
    if (source->records[i].type == type)
      return resource_get(&source->records[i], fields, message, error);
  return hwckpt_fail(error, HWCKPT_E_RECORD, 0, "descriptor",
                     "no record of type %u", type);
}

bool resource_next(const struct resource_source *source, uint32_t type,
                   size_t *index) {
  for (size_t i = *index + 1; i < source->count; i++)
    if (source->records[i].type == type) {
      *index = i;
      return true;
    }
  return false;
}

int resource_tid(const struct resource_source *source, int32_t saved,
                 struct hwckpt_error *error) {
  for (size_t i = 0; i < source->thread_count; i++)
    if (source->threads[i].saved == saved)
      return source->threads[i].now;
  return hwckpt_fail(error, HWCKPT_E_RECORD, 0, "thread", "%d is not recorded",
                     (int)saved);
}

int resource_unsupported(struct resource_sink *sink, struct hwckpt_error *error,
                         const char *object, const char *detail, ...) {
  char text[sizeof error->detail];
  struct hwckpt_error warning;
  va_list args;
  va_start(args, detail);
  hwckpt_vformat(text, sizeof(text), detail, args);
  va_end(args);
  if (!sink->go_on)
    return hwckpt_fail(error, HWCKPT_E_NOT_SUPPORTED, 0, object, "%s", text);
  hwckpt_fail(&warning, HWCKPT_E_UNSUPPORTED, 0, object, "%s", text);
  sink->warn(sink, &warning);
  return 0;
}

void resource_not_set(struct resource_source *source, long result,
                      const char *object, const char *detail, ...) {
  struct hwckpt_error warning;
  char text[sizeof warning.detail];
  va_list args;
  va_start(args, detail);
  hwckpt_vformat(text, sizeof(text), detail, args);
  va_end(args);
  hwckpt_fail(&warning, HWCKPT_E_ATTRIBUTE, (int)-result, object, "%s", text);
  source->warn(source, &warning);
}

void resources_begin(void) {
  info_look_at(0);
  info_hold_from(0);
  unix_relations_forget();
  for (size_t i = 0; kinds[i]; i++)
    if (kinds[i]->begin)
      kinds[i]->begin();
  for (size_t i = 0; thread_kinds[i]; i++)
    if (thread_kinds[i]->begin)
      thread_kinds[i]->begin();
  for (size_t i = 0; hwckpt_descriptor_kinds[i]; i++)
    if (hwckpt_descriptor_kinds[i]->begin)
      hwckpt_descriptor_kinds[i]->begin();
}

/* ---- saving ---- */

/* What several kinds read of. */
static int read_status(struct resource_sink *sink, struct hwckpt_error *error) {
  char path[64];
  info_path(path, "status");
  char *text = (char *)sink->scratch + RESOURCE_SCRATCH_STATUS;
  size_t room = RESOURCE_SCRATCH_UNIX - RESOURCE_SCRATCH_STATUS - 1;
  long fd = SYS(openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
  long length = fd < 0 ? fd : SYS(read, fd, text, room);
  if (fd >= 0)
    SYS(close, fd);
  if (length < 0)
    return hwckpt_fail(error, HWCKPT_E_CAPTURE, (int)-length, path, "read");
  text[length] = 0;
  sink->status = text;
  return 0;
}

static int save_threads(struct resource_sink *sink,
                        struct hwckpt_error *error) {
  int result = 0;
  for (size_t i = 0; thread_kinds[i]; i++)
    for (size_t thread = 0; !result && thread < sink->thread_count; thread++)
      result = thread_kinds[i]->save(sink, &sink->threads[thread], error);
  return result;
}

void resources_look(void) {
  for (size_t i = 0; kinds[i]; i++)
    if (kinds[i]->look)
      kinds[i]->look();
}

static int save_all(struct resource_sink *sink, struct hwckpt_error *error) {
  for (size_t i = 0; kinds[i]; i++)
    if (kinds[i]->first)
      kinds[i]->first();
  int result = read_status(sink, error);
  for (size_t i = 0; kinds[i] && !result; i++)
    if (kinds[i]->save)
      result = kinds[i]->save(sink, error);
  if (!result)
    result = save_threads(sink, error);
  return result ? result : descriptors_save(sink, error);
}

int resources_save(struct resource_sink *sink, struct hwckpt_error *error) {
  socket_options_begin();
  multicast_begin();
  unix_relations_begin(sink);
  int result = save_all(sink, error);
  unix_relations_end();
  return result;
}

void resources_let_go(void) {
  for (size_t i = 0; hwckpt_descriptor_kinds[i]; i++)
    if (hwckpt_descriptor_kinds[i]->let_go)
      hwckpt_descriptor_kinds[i]->let_go();
}

int resources_confirm(struct resource_sink *sink, struct hwckpt_error *error) {
  int result = 0;
  for (size_t i = 0; hwckpt_descriptor_kinds[i]; i++) {
    const struct descriptor_kind *kind = hwckpt_descriptor_kinds[i];
    int failed = kind->confirm ? kind->confirm(sink, result ? 0 : error) : 0;
    result = result ? result : failed;
  }
  return result;
}

/* ---- restoring ---- */

int resources_restore(struct resource_source *source, int *keep,
                      struct hwckpt_error *error) {
  int result = 0;
  resources_begin();
  for (size_t i = 0; kinds[i] && !result; i++)
    if (kinds[i]->restore)
      result = kinds[i]->restore(source, error);
  return result ? result : descriptors_restore(source, keep, error);
}

int resources_settle(struct resource_source *source,
                     struct hwckpt_error *error) {
  return descriptors_settle(source, error);
}

int resources_check(struct resource_source *source,
                    struct hwckpt_error *error) {
  int result = 0;
  for (size_t i = 0; kinds[i] && !result; i++)
    if (kinds[i]->check)
      result = kinds[i]->check(source, error);
  return result ? result : descriptors_check(source, error);
}

int resources_roll_back(struct resource_source *source,
                        struct hwckpt_error *error) {
  int result = 0;
  for (size_t i = 0; kinds[i] && !result; i++)
    if (kinds[i]->restore)
      result = kinds[i]->restore(source, error);
  return result ? result : descriptors_roll_back(source, error);
}

static int restore_threads(struct resource_source *source,
                           const struct thread_kind *kind,
                           struct hwckpt_error *error) {
  int result = 0;
  for (size_t at = (size_t)-1;
       !result && resource_next(source, kind->type, &at);)
    result = kind->restore(source, &source->records[at], error);
  return result;
}

void resources_go_on(struct resource_source *source) {
  for (size_t i = 0; kinds[i]; i++)
    if (kinds[i]->go_on)
      kinds[i]->go_on(source);
}

int resources_finish(struct resource_source *source,
                     struct hwckpt_error *error) {
  int result = 0;
  for (size_t i = 0; thread_kinds[i] && !result; i++)
    result = restore_threads(source, thread_kinds[i], error);
  for (size_t i = 0; kinds[i] && !result; i++)
    if (kinds[i]->finish)
      result = kinds[i]->finish(source, error);
  return result ? result : descriptors_finish(source, error);
}
