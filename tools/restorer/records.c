/* records.c - the records of the generation that the restorer itself reads. */
#include "restorer.h"

#include "../../runtime/support/area_fault.h"
#include "../../runtime/support/resume_abi.h"

#include <pb_decode.h>
#include <string.h>

static _Noreturn void malformed(const char *what) {
  FAIL(HWCKPT_E_RECORD, 0, restorer.plan.application, "%s, generation %llu",
       what, (unsigned long long)restorer.plan.generation);
}

static void decode(const pb_msgdesc_t *fields, void *message, const void *data,
                   size_t length, const char *what) {
  pb_istream_t stream = pb_istream_from_buffer(data, length);
  if (!pb_decode(&stream, fields, message))
    malformed(what);
}

void each_area(const struct cache_reader *reader,
               void (*visit)(const Area *area, void *context), void *context) {
  static Area area;
  uint32_t type;
  const void *data;
  size_t length;
  uint64_t before = 0;
  for (size_t i = 0; cache_reader_record(reader, i, &type, &data, &length);
       i++) {
    if (type != RECORD_AREA)
      continue;
    memset(&area, 0, sizeof area);
    decode(Area_fields, &area, data, length, "Area record");
    if (area_fault(&area, before))
      malformed("range of an Area record");
    before = area.end;
    visit(&area, context);
  }
}

void each_thread(const struct cache_reader *reader,
                 void (*visit)(const Thread *thread, void *context),
                 void *context) {
  static Thread thread;
  uint32_t type;
  const void *data;
  size_t length;
  for (size_t i = 0; cache_reader_record(reader, i, &type, &data, &length);
       i++) {
    if (type != RECORD_THREAD)
      continue;
    memset(&thread, 0, sizeof thread);
    decode(Thread_fields, &thread, data, length, "Thread record");
    visit(&thread, context);
  }
}

void read_process(const struct cache_reader *reader, Process *process) {
  uint32_t type;
  const void *data;
  size_t length;
  if (!cache_reader_record(reader, 0, &type, &data, &length) ||
      type != RECORD_PROCESS)
    malformed("no Process record");
  memset(process, 0, sizeof *process);
  decode(Process_fields, process, data, length, "Process record");
  /* 1: as 2, but cannot be loaded while it runs; 2: has no mapped files. */
  if (process->resume_abi < 1 || process->resume_abi > RESUME_ABI)
    FAIL(HWCKPT_E_RESUME, 0, process->program,
         "resume interface %u, this hwckpt knows %u", process->resume_abi,
         RESUME_ABI);
}

size_t count_records(const struct cache_reader *reader) {
  uint32_t type;
  const void *data;
  size_t length, count = 0;
  while (cache_reader_record(reader, count, &type, &data, &length))
    count++;
  return count;
}
