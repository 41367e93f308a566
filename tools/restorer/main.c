/* main.c - the restorer: becomes the program that a generation describes.
 *
 * usage: hwckpt-restorer N, by `hwckpt restore` only; N is the descriptor of
 * a struct restore_plan. No libc: it must leave no trace in the program.
 */
#include "restorer.h"

#include "../../runtime/arch/arch.h"
#include "../../runtime/arch/sys.h"
#include "../../runtime/cache/cipher.h"
#include "../../runtime/support/process_layout.h"
#include "../../runtime/support/resume_abi.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>

struct restorer restorer;
struct hwckpt_error failure;

_Noreturn void fail(void) {
  static struct restore_status status;
  status.kind = RESTORE_FAILED;
  status.ns = 0;
  status.error = failure;
  SYS(write, restorer.plan.status_fd, &status, sizeof status);
  for (;;)
    SYS(exit_group, 125);
}

void warn(const struct hwckpt_error *error) {
  const struct restore_status status = {.kind = RESTORE_WARNING,
                                        .error = *error};
  SYS(write, restorer.plan.status_fd, &status, sizeof status);
}

void give(enum restore_status_kind kind, int descriptor) {
  struct restore_status status = {.kind = kind};
  union {
    struct cmsghdr header;
    char room[CMSG_SPACE(sizeof descriptor)];
  } control = {0};
  struct iovec content = {&status, sizeof status};
  struct msghdr message = {.msg_iov = &content,
                           .msg_iovlen = 1,
                           .msg_control = &control,
                           .msg_controllen = sizeof control};
  control.header.cmsg_level = SOL_SOCKET;
  control.header.cmsg_type = SCM_RIGHTS;
  control.header.cmsg_len = CMSG_LEN(sizeof descriptor);
  memcpy(CMSG_DATA(&control.header), &descriptor, sizeof descriptor);
  long sent = SYS(sendmsg, restorer.plan.status_fd, &message, MSG_NOSIGNAL);
  if (sent != sizeof status)
    SYS(exit_group, 125); /* the tool is gone */
  SYS(close, descriptor);
}

/* Debian's libzstd looks for its canary at the thread pointer. */
static void use_own_tls(void) {
  static char block[CACHE_PAGE_SIZE] __attribute__((aligned(4096)));
  arch_set_tls((uint64_t)arch_tls_fill(block), 0);
}

static void block_signals(void) {
  uint64_t all = ~(uint64_t)0;
  SYS(rt_sigprocmask, SIG_SETMASK, &all, NULL, sizeof all);
}

/* Returns the descriptor. */
static int read_plan(const char *argument) {
  struct restore_plan *plan = &restorer.plan;
  plan->status_fd = -1;
  int fd = 0;
  for (const char *p = argument; *p >= '0' && *p <= '9'; p++)
    fd = fd * 10 + (*p - '0');
  long got = SYS(pread64, fd, plan, sizeof *plan, 0);
  if (got != sizeof *plan || plan->magic != RESTORE_PLAN_MAGIC ||
      plan->size != sizeof *plan)
    SYS(exit_group, 125); /* nobody to tell */
  return fd;
}

/* What is behind the plan. */
static void read_behind(int fd, void *to, size_t length, size_t at) {
  for (size_t done = 0; done < length;) {
    long got = SYS(pread64, fd, (char *)to + done, length - done,
                   sizeof restorer.plan + at + done);
    if (got <= 0)
      SYS(exit_group, 125);
    done += (size_t)got;
  }
}

/* Where the program's memory will be. */
static struct cache_range *read_ranges(int fd) {
  size_t length = restorer.plan.areas * sizeof(struct cache_range);
  struct cache_range *ranges = cache_env_kernel.map(length + 1);
  if (ranges)
    read_behind(fd, ranges, length, 0);
  if (restorer.plan.memories > RESTORE_MEMORIES)
    SYS(exit_group, 125);
  read_behind(fd, restorer.memories,
              restorer.plan.memories * sizeof *restorer.memories, length);
  if (!ranges)
    FAIL(HWCKPT_E_RESTORE_MEMORY, 0, "the restorer's own memory",
         "list of areas");
  return ranges;
}

/* In the copy, all of whose memory is gone when the program goes on. */
static void take_key(struct cache *cache) {
  struct cache_key key;
  const struct cache_range *memory = &restorer.memory;
  SYS(madvise, memory->begin, memory->end - memory->begin, MADV_DONTDUMP);
  memcpy(key.bytes, restorer.plan.key, sizeof key.bytes);
  cache_set_key(cache, &key, true);
  cipher_wipe(&key, sizeof key);
  cipher_wipe(restorer.plan.key, sizeof restorer.plan.key);
}

static struct cache_reader *open_generation(void) {
  struct cache *cache;
  struct cache_reader *reader;
  if (cache_open(&arena_env, restorer.plan.cache, false, &cache, &failure) < 0)
    fail();
  cache_set_warn(cache, warn);
  if (restorer.plan.has_key)
    take_key(cache);
  if (cache_reader_open_newest(cache, restorer.plan.application,
                               restorer.plan.generation, &reader, &failure) < 0)
    fail();
  return reader;
}

/* Until no memory has the key but the copy's, which no core has. Our own files
 * in /proc are not ours meanwhile. */
static void write_no_core(void) {
  restorer.dumpable = SYS(prctl, PR_GET_DUMPABLE, 0, 0, 0, 0) == 1;
  SYS(prctl, PR_SET_DUMPABLE, 0, 0, 0, 0);
}

static void write_cores(void) {
  SYS(prctl, PR_SET_DUMPABLE, restorer.dumpable, 0, 0, 0);
}

/* ---- in the copy ---- */

static void look_for_program(const Area *area, void *context) {
  const char *program = restorer.process.program;
  if ((area->kind == AreaKind_AREA_FILE_PRIVATE ||
       area->kind == AreaKind_AREA_FILE_SHARED) &&
      memcmp(area->name, program, strlen(program) + 1) == 0)
    *(bool *)context = true;
}

/* What has the program's name is another file where it is not mapped: the
 * program's own had been removed by the checkpoint.
 * Not fatal: without CONFIG_CHECKPOINT_RESTORE the program runs all the same. */
static void set_memory_map(const struct cache_reader *reader) {
  const Process *process = &restorer.process;
  bool mapped = false;
  each_area(reader, look_for_program, &mapped);
  long exe =
      mapped ? SYS(openat, AT_FDCWD, process->program, O_RDONLY | O_CLOEXEC, 0)
             : -ENOENT;
  struct prctl_mm_map map =
      process_layout(process, exe < 0 ? LAYOUT_SAME_PROGRAM : (uint32_t)exe);
  /* Only the privileged may set the program file. */
  if (SYS(prctl, PR_SET_MM, PR_SET_MM_MAP, &map, sizeof map, 0) < 0) {
    map.exe_fd = LAYOUT_SAME_PROGRAM;
    SYS(prctl, PR_SET_MM, PR_SET_MM_MAP, &map, sizeof map, 0);
  }
}

static void set_personality(uint64_t personality) {
  if ((uint64_t)SYS(personality, 0xffffffff) != personality)
    SYS(personality, personality);
}

/* All but the standard ones, those that the resume code gets, and the status.
 */
static void close_descriptors(const struct resource_file *files, size_t count) {
  for (unsigned from = 3, next;; from = next + 1) {
    unsigned status = (unsigned)restorer.plan.status_fd;
    next = status >= from ? status : ~0u;
    for (size_t i = 0; i < count; i++)
      if ((unsigned)files[i].descriptor >= from &&
          (unsigned)files[i].descriptor < next)
        next = (unsigned)files[i].descriptor;
    if (next > from)
      SYS(close_range, from, next == ~0u ? next : next - 1, 0);
    if (next == ~0u)
      return;
  }
}

static struct resume_record *list_records(const struct cache_reader *reader,
                                          size_t count) {
  struct resume_record *records = arena_map(count * sizeof *records);
  if (!records)
    FAIL(HWCKPT_E_RESTORE_MEMORY, 0, "the restorer's own memory", "%zu records",
         count);
  for (size_t i = 0; i < count; i++) {
    size_t length;
    cache_reader_record(reader, i, &records[i].type, &records[i].data, &length);
    records[i].length = (uint32_t)length;
  }
  return records;
}

static void look_for_entry(const Area *area, void *context) {
  uint64_t entry = restorer.process.resume_entry;
  if (area->protection & PROT_EXEC && entry >= area->start && entry < area->end)
    *(bool *)context = true;
}

static void check_entry(const struct cache_reader *reader) {
  bool found = false;
  each_area(reader, look_for_entry, &found);
  if (!found)
    FAIL(HWCKPT_E_RESUME, 0, restorer.process.program,
         "resume code at %llx is in no saved area",
         (unsigned long long)restorer.process.resume_entry);
}

/* Waits until the restore is counted: its number. */
static uint32_t await_go(void) {
  struct restore_go go = {0};
  long got;
  do
    got = SYS(read, restorer.plan.status_fd, &go, sizeof go);
  while (got == -EINTR);
  if (got != sizeof go || !go.restores)
    SYS(exit_group, 125); /* the tool knows, or is gone */
  return go.restores;
}

static void become_program(void *unused) {
  (void)unused;
  use_own_tls();
  arena_open();
  struct cache_reader *reader = open_generation();
  read_process(reader, &restorer.process);
  check_entry(reader);
  move_kernel_areas(reader);
  place_areas(reader);
  write_cores();
  check_redirected(reader);
  set_memory_settings(reader);
  Process *process = &restorer.process;
  set_memory_map(reader);
  set_personality(process->personality);

  bool lazily = lazy_hand_over();
  /* What it saves first under another name builds on nothing. */
  bool renamed = restorer.plan.name[0];
  if (!renamed && (!lazily || restorer.plan.lazy == RESTORE_LAZILY_TRACKED))
    track_memory(reader, lazily);

  size_t count = count_records(reader);
  struct resume_info info = {
      .abi = RESUME_ABI,
      .restores = await_go(),
      .restorer_begin = restorer.memory.begin,
      .restorer_end = restorer.memory.end,
      .record_count = count,
      .records = list_records(reader, count),
      .generation = renamed ? 0 : restorer.plan.generation,
      .cache = restorer.plan.cache,
      .application = renamed ? restorer.plan.name : restorer.plan.application,
      .options = restorer.plan.options,
      .status_fd = restorer.plan.status_fd,
      .keep_ids = restorer.plan.keep_ids,
      .lazily = lazily,
      .in_tree = restorer.plan.in_tree,
  };
  struct resource_file *files;
  info.mapped_count = shared_memory_files(&files);
  info.mapped = files;
  close_descriptors(files, info.mapped_count);
  ((resume_entry *)process->resume_entry)(&info);
  FAIL(HWCKPT_E_RESUME, 0, process->program, "resume code returned");
}

/* ---- in the image the kernel loaded ---- */

void restorer_start(const uint64_t *stack, char *base);
void restorer_start(const uint64_t *stack, char *base) {
  relocate_image(base);
  block_signals();
  use_own_tls();
  if (stack[0] < 2)
    SYS(exit_group, 125);
  write_no_core();
  int plan = read_plan((const char *)stack[2]);
  if (!restorer.plan.has_key)
    write_cores();
  relocate_and_run(read_ranges(plan), restorer.plan.areas, become_program);
}
