/* fabricate.c - writes a generation whose records say what a test wants.
 *
 * usage: fabricate CACHE NAME [WORD=VALUE...]
 *
 * Without words the generation describes a program that could be restored here
 * and now: this one, with a free process id. Words, in any order:
 *
 *   parent=N       a delta on generation N
 *   pages=N        pages in it
 *   pid=N          process id
 *   like=PID       process id and address space of a running process
 *   program=PATH   build-id=HEX   arguments=TEXT   directory=PATH
 *   features=HEX   processor features, as XCR0; used=HEX, those in use
 *   offset=I:N     where component I of them is in a frame
 *   instructions=W:HEX  a word of instruction sets; libc=TEXT
 *   thread=TID     one more thread
 *   vdso=BYTES     size of an area "[vdso]"
 *   map=PATH       a private mapping of a file as it is now; shared=PATH shared
 *   map-id=PATH    the same, with a build-id that no file has
 *   read=PATH      a descriptor open for reading; write=PATH, for writing
 *   raw=TYPE:HEX   a record with these bytes, before all others
 *   more=TYPE:HEX  the same, behind the Process
 *   gate=ADDRESS   of the program's gate
 *   event=N        pause=NS   statistics
 *   repeat=N       N generations like this
 *   at=SECONDS     the time of day at which they are written
 *
 * Prints the name of the last generation, APP/N. */
#include "runtime/cache/cache.h"
#include "runtime/support/record_types.h"

#include "records.pb.h"
#include "resources.pb.h"

#include <errno.h>
#include <fcntl.h>
#include <pb_encode.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define MANY 32

static struct {
  struct cache_write_options options;
  size_t pages, repeat;
  Process process;
  Statistics statistics;
  FileSystem file_system;
  Area areas[MANY];
  Descriptor descriptors[MANY];
  int threads[MANY];
  const char *raws[MANY], *more[MANY];
  size_t area_count, descriptor_count, thread_count, raw_count, more_count;
} what;

static struct hwckpt_error error;

static struct cache_io io;
static struct cache_env env;
static uint64_t time_of_day;

static uint64_t given_time(void) { return time_of_day; }

static void set_time(uint64_t ns) {
  time_of_day = ns;
  io.realtime_ns = given_time;
}

static void check(int failed) {
  if (!failed)
    return;
  char text[2048];
  hwckpt_error_text(&error, "fabricate", text, sizeof text);
  fputs(text, stderr);
  exit(1);
}

/* Fields of /proc/PID/stat (proc(5)) that tell one process from another. */
static void be_like(const char *pid) {
  char path[64], text[2048] = "";
  snprintf(path, sizeof path, "/proc/%s/stat", pid);
  FILE *file = fopen(path, "r");
  if (!file || !fgets(text, sizeof text, file))
    exit(1);
  fclose(file);
  what.process.pid = (int)strtol(pid, NULL, 10);
  unsigned field = 3;
  for (char *word = strtok(strrchr(text, ')') + 1, " "); word;
       word = strtok(NULL, " "), field++) {
    uint64_t value = strtoull(word, NULL, 10);
    if (field == 26)
      what.process.start_code = value;
    else if (field == 28)
      what.process.start_stack = value;
    else if (field == 48)
      what.process.arg_start = value;
  }
}

static size_t read_hex(const char *text, unsigned char *bytes, size_t size) {
  size_t count = 0;
  for (unsigned byte; count < size && sscanf(text, "%2x", &byte) == 1;
       text += 2)
    bytes[count++] = (unsigned char)byte;
  return count;
}

static struct stat look_at(const char *path) {
  struct stat status;
  if (stat(path, &status)) {
    perror(path);
    exit(1);
  }
  return status;
}

static Area *add_area(const char *name, AreaKind kind) {
  Area *area = &what.areas[what.area_count];
  area->start = 0x10000000 + 0x1000000 * what.area_count++;
  area->end = area->start + 0x2000;
  area->kind = kind;
  area->protection = 1;
  snprintf(area->name, sizeof area->name, "%s", name);
  return area;
}

static void add_map(const char *path, AreaKind kind) {
  struct stat status = look_at(path);
  Area *area = add_area(path, kind);
  area->device = status.st_dev;
  area->inode = status.st_ino;
  area->file_size = (uint64_t)status.st_size;
  area->file_mtime_ns = (uint64_t)status.st_mtim.tv_sec * 1000000000 +
                        (uint64_t)status.st_mtim.tv_nsec;
}

static void add_descriptor(const char *path, unsigned flags) {
  struct stat status = look_at(path);
  Descriptor *descriptor = &what.descriptors[what.descriptor_count];
  descriptor->number = 3 + (int)what.descriptor_count++;
  descriptor->flags = flags;
  descriptor->same_as = -1;
  descriptor->mode = status.st_mode;
  descriptor->size = (uint64_t)status.st_size;
  descriptor->inode = status.st_ino;
  snprintf(descriptor->path, sizeof descriptor->path, "%s", path);
}

static void set_word(const char *word, const char *value) {
  uint64_t number = strtoull(value, NULL, 10);
  if (!strcmp(word, "parent"))
    what.options.parent = number;
  else if (!strcmp(word, "pages"))
    what.pages = number;
  else if (!strcmp(word, "repeat"))
    what.repeat = number;
  else if (!strcmp(word, "at"))
    set_time(number * 1000000000);
  else if (!strcmp(word, "pid"))
    what.process.pid = (int)number;
  else if (!strcmp(word, "like"))
    be_like(value);
  else if (!strcmp(word, "program"))
    snprintf(what.process.program, sizeof what.process.program, "%s", value);
  else if (!strcmp(word, "build-id"))
    what.process.build_id.size = (pb_size_t)read_hex(
        value, what.process.build_id.bytes, sizeof what.process.build_id.bytes);
  else if (!strcmp(word, "arguments"))
    snprintf(what.process.arguments, sizeof what.process.arguments, "%s",
             value);
  else if (!strcmp(word, "directory"))
    snprintf(what.file_system.directory, sizeof what.file_system.directory,
             "%s", value);
  else if (!strcmp(word, "features"))
    what.process.xstate_features = strtoull(value, NULL, 16);
  else if (!strcmp(word, "used"))
    what.process.xstate_used = strtoull(value, NULL, 16);
  else if (!strcmp(word, "offset")) {
    char *end;
    unsigned long i = strtoul(value, &end, 10) % 20;
    what.process.xstate_offsets[i] = (uint32_t)strtoul(end + 1, NULL, 10);
    if (what.process.xstate_offsets_count <= i)
      what.process.xstate_offsets_count = (pb_size_t)i + 1;
  } else if (!strcmp(word, "libc"))
    snprintf(what.process.libc, sizeof what.process.libc, "%s", value);
  else if (!strcmp(word, "instructions")) {
    char *end;
    unsigned long i = strtoul(value, &end, 10) % 16;
    what.process.instructions[i] = (uint32_t)strtoul(end + 1, NULL, 16);
    if (what.process.instructions_count <= i)
      what.process.instructions_count = (pb_size_t)i + 1;
  } else if (!strcmp(word, "thread"))
    what.threads[what.thread_count++] = (int)number;
  else if (!strcmp(word, "vdso")) {
    Area *area = add_area("[vdso]", AreaKind_AREA_KERNEL);
    area->end = area->start + number;
  } else if (!strcmp(word, "map"))
    add_map(value, AreaKind_AREA_FILE_PRIVATE);
  else if (!strcmp(word, "shared"))
    add_map(value, AreaKind_AREA_FILE_SHARED);
  else if (!strcmp(word, "map-id")) {
    add_map(value, AreaKind_AREA_FILE_PRIVATE);
    what.areas[what.area_count - 1].build_id.size = 20;
  } else if (!strcmp(word, "read"))
    add_descriptor(value, O_RDONLY);
  else if (!strcmp(word, "write"))
    add_descriptor(value, O_WRONLY | O_APPEND);
  else if (!strcmp(word, "raw"))
    what.raws[what.raw_count++] = value;
  else if (!strcmp(word, "more"))
    what.more[what.more_count++] = value;
  else if (!strcmp(word, "gate"))
    what.process.gate = strtoull(value, NULL, 16);
  else if (!strcmp(word, "event"))
    what.statistics.event = (Event)number;
  else if (!strcmp(word, "pause"))
    what.statistics.pause_ns = number;
  else {
    fprintf(stderr, "fabricate: %s?\n", word);
    exit(2);
  }
}

static void put(struct cache_writer *writer, uint32_t type,
                const pb_msgdesc_t *fields, const void *message) {
  static unsigned char bytes[1 << 16];
  pb_ostream_t stream = pb_ostream_from_buffer(bytes, sizeof bytes);
  if (!pb_encode(&stream, fields, message)) {
    fprintf(stderr, "fabricate: %s\n", PB_GET_ERROR(&stream));
    exit(1);
  }
  check(cache_put_record(writer, type, bytes, stream.bytes_written, &error));
}

static void put_raw(struct cache_writer *writer, const char *text) {
  unsigned char bytes[4096];
  char *end;
  uint32_t type = (uint32_t)strtoul(text, &end, 10);
  size_t length = read_hex(end + 1, bytes, sizeof bytes);
  check(cache_put_record(writer, type, bytes, length, &error));
}

static void put_all(struct cache_writer *writer) {
  static unsigned char page[4096];
  for (size_t i = 0; i < what.raw_count; i++)
    put_raw(writer, what.raws[i]);
  put(writer, RECORD_PROCESS, Process_fields, &what.process);
  for (size_t i = 0; i < what.more_count; i++)
    put_raw(writer, what.more[i]);
  for (size_t i = 0; i < what.area_count; i++)
    put(writer, RECORD_AREA, Area_fields, &what.areas[i]);
  for (size_t i = 0; i <= what.thread_count; i++) {
    Thread thread = {.tid = i ? what.threads[i - 1] : what.process.pid};
    snprintf(thread.name, sizeof thread.name, "thread %zu", i);
    put(writer, RECORD_THREAD, Thread_fields, &thread);
  }
  put(writer, RECORD_FILE_SYSTEM, FileSystem_fields, &what.file_system);
  for (size_t i = 0; i < what.descriptor_count; i++)
    put(writer, RECORD_DESCRIPTOR, Descriptor_fields, &what.descriptors[i]);
  put(writer, RECORD_STATISTICS, Statistics_fields, &what.statistics);
  for (size_t i = 0; i < what.pages; i++) {
    memset(page, (int)i + 1, sizeof page);
    check(cache_put_pages(writer, 0x200000000 + i * sizeof page, page, 1,
                          &error));
  }
}

/* A number that no process has, nor gets: those below 300 (the kernel's
 * RESERVED_PIDS) are given to the first processes after a start and never
 * again, as long as nobody asks for them. */
static int free_pid(void) {
  unsigned random;
  for (int i = 0; i < 10000; i++) {
    if (getrandom(&random, sizeof random, 0) != sizeof random)
      exit(1);
    int pid = 2 + (int)(random % 298);
    if (kill(pid, 0) && errno == ESRCH)
      return pid;
  }
  exit(1);
}

int main(int argc, char **argv) {
  struct cache *cache;
  struct cache_writer *writer;
  struct cache_generation result = {0};
  if (argc < 3)
    return 2;
  io = cache_io_kernel;
  env = cache_env_kernel;
  env.io = &io;
  what.pages = 3;
  what.repeat = 1;
  what.process.resume_abi = 1;
  what.process.pid = free_pid();
  what.process.realtime_ns = cache_io_kernel.realtime_ns();
  strcpy(what.process.kernel_release, "6.7.0");
  strcpy(what.process.arguments, "fabricate --all");
  (void)!readlink("/proc/self/exe", what.process.program,
                  sizeof what.process.program - 1);
  what.statistics = (Statistics){.event = Event_EVENT_TIMER,
                                 .stop_ns = 20000,
                                 .pause_ns = 1234567,
                                 .threads = 1};
  for (int i = 3; i < argc; i++) {
    char word[32];
    int length = (int)strcspn(argv[i], "=");
    snprintf(word, sizeof word, "%.*s", length, argv[i]);
    set_word(word, argv[i] + length + 1);
  }
  check(cache_open(&env, argv[1], true, &cache, &error));
  check(cache_use_application(cache, argv[2], &error));
  while (what.repeat--) {
    check(cache_begin(cache, argv[2], &what.options, &writer, &error));
    put_all(writer);
    check(cache_commit(writer, &result, &error));
  }
  cache_close(cache);
  printf("%s/%llu\n", result.application, (unsigned long long)result.number);
  return 0;
}
