/* assembly_memory.c - memory that several processes of a tree have: anonymous
 * shared memory, files in memory and files without a name. Each is made once,
 * as a file, which all of them map.
 *
 * What it holds is in the generation of each of them, of the same moment: each
 * writes all it has. */
#include "assembly.h"
#include "command.h"

#include "../../runtime/support/huge_page.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct memory {
  uint64_t device, inode;
  uint64_t reach;     /* bytes */
  uint64_t huge_page; /* bytes of a page (MAP_HUGETLB), 0: ordinary */
  size_t part, parts; /* the last that has it, and how many have */
  int descriptor;
  char name[4096];
};

struct memories {
  struct memory *all;
  size_t count, room;
};

static struct memory *find(const struct memories *memories, const Area *area) {
  for (size_t i = 0; i < memories->count; i++)
    if (memories->all[i].inode == area->inode &&
        memories->all[i].device == area->device)
      return &memories->all[i];
  return NULL;
}

static struct memory *add(struct memories *memories, const Area *area) {
  if (memories->count == memories->room) {
    size_t room = memories->room * 2 + 16;
    struct memory *grown = reallocarray(memories->all, room, sizeof *grown);
    if (!grown)
      return NULL;
    memories->all = grown;
    memories->room = room;
  }
  struct memory *memory = &memories->all[memories->count++];
  *memory = (struct memory){.device = area->device,
                            .inode = area->inode,
                            .huge_page = area->huge_page,
                            .part = SIZE_MAX,
                            .descriptor = -1};
  snprintf(memory->name, sizeof memory->name, "%s", area->name);
  return memory;
}

static bool is_shared(const Area *area) {
  return area->kind == AreaKind_AREA_SHARED_MEMORY &&
         area->source != AreaSource_SOURCE_SYSTEM_V;
}

static bool note(struct memories *memories, const Area *area, size_t part) {
  struct memory *memory = find(memories, area);
  if (!memory)
    memory = add(memories, area);
  if (!memory)
    return false;
  uint64_t reach = area->source == AreaSource_SOURCE_FILE
                       ? area->file_size
                       : area->offset + (area->end - area->start);
  if (reach > memory->reach)
    memory->reach = reach;
  if (memory->part != part)
    memory->parts++;
  memory->part = part;
  return true;
}

static bool note_all(struct memories *memories,
                     const struct assembly_plan *plan) {
  for (size_t i = 0; i < plan->count; i++) {
    size_t cursor = 0;
    for (Area area;
         generation_next_area(&plan->parts[i]->generation, &cursor, &area);)
      if (is_shared(&area) && !note(memories, &area, i))
        return false;
  }
  return true;
}

/* Of the name that it had, "/memfd:NAME (deleted)"; of a file's, where that
 * was.
 */
static int create(const struct memory *memory) {
  static const char in_memory[] = "/memfd:", gone[] = " (deleted)";
  char name[sizeof memory->name];
  bool is_file = memory->name[0] == '/' && !memory->huge_page &&
                 strncmp(memory->name, in_memory, sizeof in_memory - 1) != 0 &&
                 strncmp(memory->name, "/dev/zero", 9) != 0;
  snprintf(name, sizeof name, "%s", memory->name);
  char *slash = strrchr(name, '/');
  if (is_file && slash) {
    slash[slash == name] = 0;
    int fd = open(name, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0)
      return fd;
    snprintf(name, sizeof name, "%s", memory->name);
  }
  size_t length = strlen(name), tail = sizeof gone - 1;
  if (length > tail && !strcmp(name + length - tail, gone))
    name[length - tail] = 0;
  const char *begin = strncmp(name, in_memory, sizeof in_memory - 1)
                          ? "shared"
                          : name + sizeof in_memory - 1;
  char brief[250];
  snprintf(brief, sizeof brief, "%.249s", begin);
  return memfd_create(brief, MFD_CLOEXEC | MFD_ALLOW_SEALING |
                                 huge_page_file_flags(memory->huge_page));
}

static int make(struct memory *memory, struct hwckpt_error *error) {
  memory->descriptor = create(memory);
  if (memory->descriptor >= 0 &&
      !ftruncate(memory->descriptor, (off_t)memory->reach))
    return 0;
  return hwckpt_fail(error, HWCKPT_E_TREE_FILE, errno, memory->name,
                     "memory of %zu processes, %llu bytes", memory->parts,
                     (unsigned long long)memory->reach);
}

static bool hand_out(struct part_memory *part, const struct memory *memory) {
  if (!part->memories)
    part->memories = calloc(RESTORE_MEMORIES, sizeof *part->memories);
  if (!part->memories || part->count == RESTORE_MEMORIES)
    return false;
  part->memories[part->count++] = (struct restore_memory){
      memory->device, memory->inode, memory->descriptor, 0};
  return true;
}

static bool has(const struct part_memory *part, const struct memory *memory) {
  for (size_t i = 0; i < part->count; i++)
    if (part->memories[i].descriptor == memory->descriptor)
      return true;
  return false;
}

static bool hand_out_all(const struct assembly_plan *plan,
                         const struct memories *memories,
                         struct part_memory *parts) {
  for (size_t i = 0; i < plan->count; i++) {
    size_t cursor = 0;
    for (Area area;
         generation_next_area(&plan->parts[i]->generation, &cursor, &area);) {
      const struct memory *memory =
          is_shared(&area) ? find(memories, &area) : NULL;
      if (memory && memory->parts > 1 && !has(&parts[i], memory) &&
          !hand_out(&parts[i], memory))
        return false;
    }
  }
  return true;
}

/* Whether a part before has it, who closes it then. */
static bool is_of_another(const struct part_memory *memory, size_t part,
                          int descriptor) {
  for (size_t i = 0; i < part; i++)
    for (size_t n = 0; n < memory[i].count; n++)
      if (memory[i].memories[n].descriptor == descriptor)
        return true;
  return false;
}

void assembly_memory_close(struct part_memory *memory, size_t parts) {
  for (size_t i = 0; i < parts; i++)
    for (size_t n = 0; n < memory[i].count; n++)
      if (!is_of_another(memory, i, memory[i].memories[n].descriptor))
        close(memory[i].memories[n].descriptor);
  for (size_t i = 0; i < parts; i++)
    free(memory[i].memories);
  free(memory);
}

struct part_memory *assembly_memory(const struct assembly_plan *plan,
                                    struct hwckpt_error *error) {
  struct memories memories = {0};
  struct part_memory *parts = calloc(plan->count, sizeof *parts);
  int failed = 0;
  bool good = parts && note_all(&memories, plan);
  for (size_t i = 0; good && !failed && i < memories.count; i++)
    if (memories.all[i].parts > 1)
      failed = make(&memories.all[i], error);
  if (good && !failed)
    good = hand_out_all(plan, &memories, parts);
  if (!good)
    failed = hwckpt_fail(error, HWCKPT_E_TREE_FILE, ENOMEM,
                         plan->parts[0]->generation.name,
                         "memory of several processes");
  free(memories.all);
  if (failed && parts)
    assembly_memory_close(parts, plan->count);
  return failed ? NULL : parts;
}
