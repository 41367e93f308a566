/* describe.c - see describe.h. Source of the numbers: proc(5). */
#include "describe.h"

#include "../arch/arch.h"
#include "../arch/sys.h"
#include "../resources/info.h"
#include "build_id.h"
#include "loaded.h"
#include "record_types.h"
#include "resume.h"
#include "rseq.h"
#include "task.h"
#include "vdso.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <time.h>

static uint64_t clock_ns(int clock) {
  struct timespec now;
  SYS(clock_gettime, clock, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* The fields of /proc/self/stat behind the name, numbered as proc(5) does. */
static void read_stat(uint64_t field[53]) {
  char text[2048];
  memset(field, 0, 53 * sizeof *field);
  if (task_read((int)SYS(gettid), "stat", text, sizeof text) <= 0)
    return;
  char *p = text;
  for (char *q = text; *q; q++)
    if (*q == ')')
      p = q;
  for (int i = 2; *p && i < 53; p++)
    if (*p == ' ')
      i++;
    else if (*p >= '0' && *p <= '9')
      field[i] = field[i] * 10 + (uint64_t)(*p - '0');
}

static long read_file(const char *path, void *buffer, size_t size) {
  long fd = SYS(openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
  if (fd < 0)
    return fd;
  long length = SYS(read, fd, buffer, size);
  SYS(close, fd);
  return length;
}

/* Of the processor that the program is on: asked before each stop. */
static struct arch_xstate xstate;

void describe_process(Process *process) {
  uint64_t field[53];
  memset(process, 0, sizeof *process);
  read_stat(field);
  process->resume_abi = RESUME_ABI;
  process->resume_entry = (uint64_t)resume;
  process->gate = loaded_gate();
  process->pid = (int)SYS(getpid);
  if (!info_personality(&process->personality))
    process->personality = (uint64_t)SYS(personality, 0xffffffffu);
  process->start_code = field[26];
  process->end_code = field[27];
  process->start_stack = field[28];
  process->start_data = field[45];
  process->end_data = field[46];
  process->start_brk = field[47];
  process->arg_start = field[48];
  process->arg_end = field[49];
  process->env_start = field[50];
  process->env_end = field[51];
  long length = read_file("/proc/thread-self/auxv", process->auxv.bytes,
                          sizeof process->auxv.bytes);
  process->auxv.size = (pb_size_t)(length > 0 ? length : 0);
  process->xstate_features = arch_xstate_features();
  arch_xstate_look(&xstate);
  process->xstate_offsets_count = ARCH_XSTATE_PARTS;
  memcpy(process->xstate_offsets, xstate.offset, sizeof xstate.offset);
}

void describe_stopped(Process *process, const struct parked *threads,
                      unsigned count) {
  process->realtime_ns = clock_ns(CLOCK_REALTIME);
  process->monotonic_ns = clock_ns(CLOCK_MONOTONIC);
  process->boottime_ns = clock_ns(CLOCK_BOOTTIME);
  process->brk = (uint64_t)SYS(brk, 0);
  for (unsigned i = 0; i < count; i++) {
    uint32_t size = arch_xstate_size(threads[i].context);
    if (size > process->xstate_size)
      process->xstate_size = size;
    process->xstate_used |= arch_xstate_used(&xstate, threads[i].context);
  }
}

/* The program's file and what it found, as of the start: a restored program
 * without privileges has the restorer's as its own. */
static struct {
  char path[sizeof((Process *)0)->program];
  unsigned char build_id[sizeof((Process *)0)->build_id.bytes];
  size_t build_id_size;
  /* Of where it was started, also after a restore elsewhere. */
  uint32_t instructions[ARCH_INSTRUCTION_WORDS];
  char libc[sizeof((Process *)0)->libc];
} program;

/* A constant of glibc's; of another libc, or a static program's, null. */
extern const char *gnu_get_libc_version(void) __attribute__((weak));

void describe_remember_program(void) {
  if (program.path[0])
    return;
  SYS(readlinkat, AT_FDCWD, "/proc/thread-self/exe", program.path,
      sizeof program.path - 1);
  program.build_id_size = build_id_read(
      "/proc/thread-self/exe", program.build_id, sizeof program.build_id);
  arch_instructions(program.instructions);
  if (gnu_get_libc_version)
    hwckpt_format(program.libc, sizeof program.libc, "%s",
                  gnu_get_libc_version());
}

void describe_program(Process *process) {
  memcpy(process->program, program.path, sizeof program.path);
  memcpy(process->build_id.bytes, program.build_id, sizeof program.build_id);
  process->build_id.size = (pb_size_t)program.build_id_size;
  memcpy(process->instructions, program.instructions,
         sizeof program.instructions);
  process->instructions_count = ARCH_INSTRUCTION_WORDS;
  memcpy(process->libc, program.libc, sizeof program.libc);
  long length = read_file("/proc/thread-self/cmdline", process->arguments,
                          sizeof process->arguments - 1);
  for (long i = 0; i < length; i++)
    if (!process->arguments[i])
      process->arguments[i] = i == length - 1 ? 0 : ' ';
  struct utsname name;
  if (SYS(uname, &name) == 0)
    hwckpt_format(process->kernel_release, sizeof process->kernel_release, "%s",
                  name.release);
}

void describe_boot(Process *process) {
  char *id = process->boot_id;
  long length = read_file("/proc/sys/kernel/random/boot_id", id,
                          sizeof process->boot_id - 1);
  id[length > 0 ? length : 0] = 0;
  if (length > 0 && id[length - 1] == '\n')
    id[length - 1] = 0;
}

int describe_put_process(struct stage *stage, const Process *process,
                         struct hwckpt_error *error) {
  return stage_message(stage, RECORD_PROCESS, Process_fields, process, error);
}

static AreaKind area_kind(enum area_type type) {
  static const AreaKind kinds[] = {
      [AREA_TYPE_ANONYMOUS] = AreaKind_AREA_ANONYMOUS,
      [AREA_TYPE_FILE_PRIVATE] = AreaKind_AREA_FILE_PRIVATE,
      [AREA_TYPE_FILE_SHARED] = AreaKind_AREA_FILE_SHARED,
      [AREA_TYPE_SHARED_MEMORY] = AreaKind_AREA_SHARED_MEMORY,
      [AREA_TYPE_KERNEL] = AreaKind_AREA_KERNEL,
      [AREA_TYPE_FILE_COPY] = AreaKind_AREA_ANONYMOUS,
  };
  return kinds[type];
}

static AreaSource area_source(enum area_source source) {
  static const AreaSource sources[] = {
      [AREA_SOURCE_ANONYMOUS] = AreaSource_SOURCE_ANONYMOUS,
      [AREA_SOURCE_FILE] = AreaSource_SOURCE_FILE,
      [AREA_SOURCE_SYSTEM_V] = AreaSource_SOURCE_SYSTEM_V,
  };
  return sources[source];
}

static void describe_file(Area *record) {
  struct stat status;
  if (SYS(newfstatat, AT_FDCWD, record->name, &status, 0) < 0)
    return;
  record->file_size = (uint64_t)status.st_size;
  record->file_mtime_ns = (uint64_t)status.st_mtim.tv_sec * 1000000000u +
                          (uint64_t)status.st_mtim.tv_nsec;
  record->build_id.size = (pb_size_t)build_id_read(
      record->name, record->build_id.bytes, sizeof record->build_id.bytes);
}

/* The vdso is the image of an ELF file, like a library. */
static void describe_kernel_area(Area *record) {
  const void *image = (const void *)record->start;
  size_t size = record->end - record->start;
  if (memcmp(record->name, "[vdso]", sizeof "[vdso]") != 0)
    return;
  vdso_find(image, size, record->functions);
  record->functions_count = VDSO_FUNCTIONS;
  record->build_id.size = (pb_size_t)vdso_build_id(
      image, size, record->build_id.bytes, sizeof record->build_id.bytes);
}

int describe_put_areas(struct stage *stage, const struct memory_map *map,
                       struct hwckpt_error *error) {
  static Area record;
  for (size_t i = 0; i < map->count; i++) {
    const struct area *area = &map->areas[i];
    bool same_file = area->inode && record.inode == area->inode &&
                     record.device == area->device;
    if (!same_file)
      memset(&record, 0, sizeof record);
    record.start = area->start;
    record.end = area->end;
    record.protection = area->protection;
    record.kind = area_kind(area->type);
    record.grows_down = area->grows_down;
    record.offset = area->offset;
    record.device = area->device;
    record.inode = area->inode;
    record.deleted = area->deleted;
    record.source = area_source(area->source);
    record.huge_page = area->huge_page;
    hwckpt_format(record.name, sizeof record.name, "%s", area->name);
    if (area->source == AREA_SOURCE_FILE)
      record.file_size = area->offset + (area->backed_end - area->start);
    else if (!same_file && area->inode && !area->deleted)
      describe_file(&record);
    if (area->type == AREA_TYPE_KERNEL)
      describe_kernel_area(&record);
    int result = stage_message(stage, RECORD_AREA, Area_fields, &record, error);
    if (result < 0)
      return result;
  }
  memset(&record, 0, sizeof record);
  return 0;
}

int describe_put_threads(struct stage *stage, const struct parked *threads,
                         unsigned count, struct hwckpt_error *error) {
  static Thread record;
  for (unsigned i = 0; i < count; i++) {
    const struct parked *thread = &threads[i];
    memset(&record, 0, sizeof record);
    record.tid = thread->tid;
    record.frame = (uint64_t)thread->context;
    record.fs_base = thread->fs_base;
    record.gs_base = thread->gs_base;
    record.clear_tid = thread->clear_tid;
    record.robust_list = thread->robust_list;
    record.robust_length = thread->robust_length;
    rseq_describe(&record, (enum rseq_kind)thread->settings.rseq);
    memcpy(record.name, thread->name, sizeof record.name);
    record.name[sizeof record.name - 1] = 0;
    record.in_save = thread->reason == PARK_SAVE;
    thread_settings_describe(&thread->settings, &record);
    int result =
        stage_message(stage, RECORD_THREAD, Thread_fields, &record, error);
    if (result < 0)
      return result;
  }
  return 0;
}

int describe_put_statistics(struct stage *stage, const Statistics *statistics,
                            struct hwckpt_error *error) {
  return stage_message(stage, RECORD_STATISTICS, Statistics_fields, statistics,
                       error);
}
