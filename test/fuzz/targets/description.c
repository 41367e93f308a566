/* What a generation says of a program, from a stranger, as the command line
 * takes it: decoded and checked, compared with files and kernel, planned for
 * loading, and, where it says that there are several processes, made a plan of
 * a tree. Up to three generations of one application.
 *
 * Input: u16 length of the first generation's records, u16 of the second's; the
 * records of each.
 */
#include "../Inputs/fake_files.h"
#include "../Inputs/memory_io.h"
#include "../Inputs/record_list.h"

#include "runtime/arch/arch.h"
#include "tools/hwckpt/assembly.h"
#include "tools/hwckpt/checks.h"
#include "tools/hwckpt/elf_file.h"
#include "tools/hwckpt/lazy.h"

#include "tools/hwckpt/family.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* ---- what is around ---- */

/* Nothing is left. */
bool tcp_free_left(const void *address) {
  (void)address;
  return false;
}

/* Of three paths there is one, another is a folder. */
int fake_status(const char *path, struct stat *status) {
  size_t length = strlen(path);
  memset(status, 0, sizeof *status);
  status->st_mode = length % 3 == 1 ? S_IFDIR | 0700 : S_IFREG | 0600;
  status->st_size = (off_t)length;
  errno = ENOENT;
  return length % 3 ? 0 : -1;
}

int elf_open(struct elf_file *elf, const char *path) {
  (void)elf;
  return strlen(path) % 2 ? 0 : -ENOEXEC;
}
void elf_close(struct elf_file *elf) { (void)elf; }

size_t elf_build_id(const struct elf_file *elf,
                    unsigned char id[BUILD_ID_MAX]) {
  (void)elf;
  memset(id, 1, BUILD_ID_MAX);
  return 20;
}

size_t elf_build_id_in_memory(const void *image, size_t size,
                              unsigned char id[BUILD_ID_MAX]) {
  (void)image, (void)size;
  memset(id, 1, BUILD_ID_MAX);
  return 20;
}

bool undo_may_bring(const struct undo_paths *paths, const char *path,
                    bool shorter) {
  (void)paths, (void)path, (void)shorter;
  return false;
}

bool undo_may_move(const struct undo_paths *paths, const char *path) {
  (void)paths, (void)path;
  return false;
}

void arch_xstate_look(struct arch_xstate *here) {
  *here = (struct arch_xstate){.features = 7, .offset[2] = 576};
}
void arch_instructions(uint32_t words[ARCH_INSTRUCTION_WORDS]) {
  memset(words, 0, ARCH_INSTRUCTION_WORDS * sizeof *words);
}
const char *arch_instruction_name(unsigned word, unsigned bit) {
  return word + bit == 0 ? "none" : "some";
}

pid_t clone_process_ending(uint64_t flags, int exit_signal, pid_t set_tid,
                           int *pidfd) {
  (void)flags, (void)exit_signal, (void)set_tid, (void)pidfd;
  abort();
}

/* Nothing is restored. */
void exchange_close(struct exchange *exchange) { (void)exchange; }
bool exchange_give(struct exchange *exchange, uint64_t key, int descriptor) {
  (void)exchange, (void)key, (void)descriptor;
  abort();
}

/* ---- what is done ---- */

static void run(void *context, int member) __attribute__((noreturn));
static void run(void *context, int member) {
  (void)context, (void)member;
  abort();
}

/* Parents are in the list, or outside; no process is its own ancestor. */
static void check_family(const struct relative *relatives, size_t count) {
  for (size_t i = 0; i < count; i++) {
    int at = (int)i;
    for (size_t steps = 0; at != FAMILY_OUTSIDE; steps++) {
      if (at < 0 || (size_t)at >= count || steps > count)
        abort();
      at = relatives[at].parent;
    }
  }
}

static void plan_tree(const struct assembly_plan *plan) {
  const struct family_entry entry = {.run = run};
  struct hwckpt_error error = {0};
  check_family(plan->relatives, plan->relative_count);
  struct part_memory *memory = assembly_memory(plan, &error);
  if (memory)
    assembly_memory_close(memory, plan->count);
  struct family *family =
      family_plan(plan->relatives, plan->relative_count, &entry);
  if (!family)
    return;
  family_highest(family);
  family_free(family);
}

static void walk(const struct generation *generation) {
  size_t areas = 0, threads = 0, descriptors = 0, cursor = 0;
  static Area area;
  static Thread thread;
  static Descriptor descriptor;
  static Attributes attributes;
  static Session session;
  static Pipe pipe;
  for (; generation_next_area(generation, &cursor, &area); areas++)
    if (!generation_area_kind(area.kind)[0])
      abort();
  for (cursor = 0; generation_next_thread(generation, &cursor, &thread);)
    threads++;
  for (cursor = 0; generation_next_descriptor(generation, &cursor, &descriptor);
       descriptors++)
    if (!generation_descriptor_kind(descriptor.kind)[0])
      abort();
  for (cursor = 0;
       generation_next_attributes(generation, &cursor, &attributes);)
    ;
  for (cursor = 0; generation_next_session(generation, &cursor, &session);)
    ;
  for (cursor = 0; generation_next_pipe(generation, &cursor, &pipe);)
    ;
  if (areas != generation->areas || threads != generation->threads ||
      descriptors != generation->descriptors)
    abort(); /* lists are made with room for so many */
  for (unsigned event = 0;
       (event = generation_next_event(&generation->statistics, event));)
    (void)generation_event((int)event);
}

static void look_at(struct selection *selection) {
  static struct generation generation;
  struct hwckpt_error error = {0};
  struct assembly_plan plan;
  struct cache_plan *loading;
  int failed = generation_open(selection->cache, MEMORY_APPLICATION, 1,
                               &generation, &error);
  if (failed) {
    if (failed != -(int)error.code || !error.object[0])
      abort();
    return;
  }
  walk(&generation);
  checks_before_restore(&generation, false, &error);
  checks_of_files(&generation, NULL, &error);
  checks_need_early(&generation, NULL);
  if (lazy_plan(&generation, &loading, &error) == 0)
    cache_plan_close(loading);
  if (assembly_read(selection, &generation, &plan, &error) == 0 && plan.count)
    plan_tree(&plan);
  assembly_free(&plan);
  generation_close(&generation);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static struct record_list list;
  static struct selection selection;
  if (size < 4)
    return 0;
  size_t lengths[3] = {data[0] | (size_t)data[1] << 8,
                       data[2] | (size_t)data[3] << 8, size};
  data += 4;
  size -= 4;
  memory_reset();
  struct cache *cache = memory_cache();
  for (uint64_t number = 1; number <= 3; number++) {
    size_t length = lengths[number - 1] < size ? lengths[number - 1] : size;
    if (!length)
      continue;
    record_list_read(&list, data, length);
    record_list_write(&list, cache, 0);
    record_list_free(&list);
    data += length;
    size -= length;
  }
  selection.cache = cache;
  selection.number = 1;
  strcpy(selection.application, MEMORY_APPLICATION);
  look_at(&selection);
  cache_close(cache);
  return 0;
}
