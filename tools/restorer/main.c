/* main.c - the restorer: becomes the program that a generation describes.
 *
 * usage: hwckpt-restorer N, by `hwckpt restore` only; N is the descriptor of
 * a struct restore_plan. No libc: it must leave no trace in the program.
 */
#include "restorer.h"

#include "../../runtime/arch/arch.h"
#include "../../runtime/arch/sys.h"
#include "../../runtime/support/resume_abi.h"

#include <fcntl.h>
#include <linux/prctl.h>
#include <signal.h>
#include <sys/mman.h>

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

/* Debian's libzstd looks for its canary at the thread pointer. */
static void use_own_tls(void) {
  static char block[CACHE_PAGE_SIZE] __attribute__((aligned(4096)));
  arch_set_tls((uint64_t)arch_tls_fill(block), 0);
}

static void block_signals(void) {
  uint64_t all = ~(uint64_t)0;
  SYS(rt_sigprocmask, SIG_SETMASK, &all, NULL, sizeof all);
}

static void read_plan(const char *argument) {
  struct restore_plan *plan = &restorer.plan;
  plan->status_fd = -1;
  long fd = 0;
  for (const char *p = argument; *p >= '0' && *p <= '9'; p++)
    fd = fd * 10 + (*p - '0');
  long got = SYS(pread64, fd, plan, sizeof *plan, 0);
  if (got != sizeof *plan || plan->magic != RESTORE_PLAN_MAGIC ||
      plan->size != sizeof *plan)
    SYS(exit_group, 125); /* nobody to tell */
}

static struct cache_reader *open_generation(const struct cache_env *env) {
  struct cache *cache;
  struct cache_reader *reader;
  if (cache_open(env, restorer.plan.cache, false, &cache, &failure) < 0 ||
      cache_reader_open(cache, restorer.plan.application,
                        restorer.plan.generation, &reader, &failure) < 0)
    fail();
  return reader;
}

/* ---- in the copy ---- */

/* struct prctl_mm_map: what /proc and brk() take from the kernel. Not fatal:
 * without CONFIG_CHECKPOINT_RESTORE the program runs all the same. */
static void set_memory_map(Process *process) {
  long exe = SYS(openat, AT_FDCWD, process->program, O_RDONLY | O_CLOEXEC, 0);
  struct prctl_mm_map map = {
      .start_code = process->start_code,
      .end_code = process->end_code,
      .start_data = process->start_data,
      .end_data = process->end_data,
      .start_brk = process->start_brk,
      .brk = process->brk,
      .start_stack = process->start_stack,
      .arg_start = process->arg_start,
      .arg_end = process->arg_end,
      .env_start = process->env_start,
      .env_end = process->env_end,
      .auxv = (__u64 *)(void *)process->auxv.bytes,
      .auxv_size = process->auxv.size,
      .exe_fd = exe < 0 ? (__u32)-1 : (__u32)exe,
  };
  /* Only the privileged may set the program file. */
  if (SYS(prctl, PR_SET_MM, PR_SET_MM_MAP, &map, sizeof map, 0) < 0) {
    map.exe_fd = (__u32)-1;
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

static void become_program(void *unused) {
  (void)unused;
  use_own_tls();
  struct cache_reader *reader = open_generation(&arena_env);
  move_kernel_areas(reader);
  place_areas(reader);
  Process *process = &restorer.process;
  set_memory_map(process);
  set_personality(process->personality);

  bool lazily = lazy_hand_over();

  size_t count = count_records(reader);
  struct resume_info info = {
      .abi = RESUME_ABI,
      .restores = restorer.plan.restores,
      .restorer_begin = restorer.memory.begin,
      .restorer_end = restorer.memory.end,
      .record_count = count,
      .records = list_records(reader, count),
      .generation = restorer.plan.generation,
      .cache = restorer.plan.cache,
      .application = restorer.plan.application,
      .options = restorer.plan.options,
      .status_fd = restorer.plan.status_fd,
      .keep_ids = restorer.plan.keep_ids,
      .lazily = lazily,
  };
  struct resource_file *files;
  info.mapped_count = shared_memory_files(&files);
  info.mapped = files;
  close_descriptors(files, info.mapped_count);
  ((resume_entry *)process->resume_entry)(&info);
  FAIL(HWCKPT_E_RESUME, 0, process->program, "resume code returned");
}

/* ---- in the image the kernel loaded ---- */

struct saved {
  struct cache_range *ranges;
  size_t count;
  bool has_entry; /* the resume code lies in one of them */
};

static void add_saved(const Area *area, void *context) {
  struct saved *saved = context;
  uint64_t entry = restorer.process.resume_entry;
  if (area->protection & PROT_EXEC && entry >= area->start && entry < area->end)
    saved->has_entry = true;
  saved->ranges[saved->count++] = (struct cache_range){area->start, area->end};
}

void restorer_start(const uint64_t *stack, char *base);
void restorer_start(const uint64_t *stack, char *base) {
  relocate_image(base);
  block_signals();
  use_own_tls();
  if (stack[0] < 2)
    SYS(exit_group, 125);
  read_plan((const char *)stack[2]);

  struct cache_reader *reader = open_generation(&cache_env_kernel);
  read_process(reader, &restorer.process);
  struct saved saved = {
      cache_env_kernel.map(count_records(reader) * sizeof *saved.ranges), 0,
      false};
  if (!saved.ranges)
    FAIL(HWCKPT_E_RESTORE_MEMORY, 0, "the restorer's own memory",
         "list of areas");
  each_area(reader, add_saved, &saved);
  if (!saved.has_entry)
    FAIL(HWCKPT_E_RESUME, 0, restorer.process.program,
         "resume code at %llx is in no saved area",
         (unsigned long long)restorer.process.resume_entry);
  cache_reader_close(reader);
  relocate_and_run(saved.ranges, saved.count, become_program);
}
