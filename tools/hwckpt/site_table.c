/* site_table.c - the site table of a program's file.
 *
 * Invariant: every site that is handed out lies in the file's code; a table
 * with one that does not is refused whole. */
#include "site_table.h"

#include "intrinsics/hwckpt_isa.h"

#include <elf.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const struct {
  const char *section, *word;
} kinds[HWCKPT_KIND_COUNT] = {
    [HWCKPT_KIND_LOOP] = {HWCKPT_SECTION_LOOP, "loop"},
    [HWCKPT_KIND_RECURSION] = {HWCKPT_SECTION_RECURSION, "recursion"},
    [HWCKPT_KIND_ANNOTATED] = {HWCKPT_SECTION_ANNOTATED, "annotated"},
};

const char *site_kind(unsigned kind) {
  return kind < HWCKPT_KIND_COUNT ? kinds[kind].word : "unknown";
}

/* The kind whose table the section is; HWCKPT_KIND_COUNT: none. */
static unsigned kind_of(const struct elf_section *section) {
  unsigned kind = 0;
  while (kind < HWCKPT_KIND_COUNT &&
         strcmp(section->name, kinds[kind].section) != 0)
    kind++;
  return kind;
}

/* Appends the sites of one section. */
static int read_section(const struct elf_file *elf, const char *path,
                        const struct elf_section *section, unsigned kind,
                        struct site_table *table, struct hwckpt_error *error) {
  if (!section->data)
    return hwckpt_fail(error, HWCKPT_E_NOT_ELF, 0, path,
                       "it holds only debug information");
  int32_t distance;
  size_t count = section->size / sizeof distance;
  if (section->size % sizeof distance)
    return hwckpt_fail(error, HWCKPT_E_ELF_DAMAGED, 0, path,
                       "%s is not a row of %zu-byte entries", section->name,
                       sizeof distance);
  if (!count)
    return 0;
  struct site *sites =
      realloc(table->sites, (table->count + count) * sizeof *sites);
  if (!sites)
    return hwckpt_fail(error, HWCKPT_E_RESTORE_MEMORY, ENOMEM, path,
                       "%zu sites", table->count + count);
  table->sites = sites;
  for (size_t i = 0; i < count; i++) {
    memcpy(&distance, section->data + i * sizeof distance, sizeof distance);
    uint64_t address =
        section->address + i * sizeof distance + (uint64_t)(int64_t)distance;
    if (!elf_is_code(elf, address))
      return hwckpt_fail(error, HWCKPT_E_ELF_DAMAGED, 0, path,
                         "%s entry %zu leads to 0x%llx, where no code is",
                         section->name, i, (unsigned long long)address);
    sites[table->count++] = (struct site){address, kind};
  }
  return 0;
}

static int by_address(const void *left, const void *right) {
  const struct site *a = left, *b = right;
  if (a->address != b->address)
    return a->address < b->address ? -1 : 1;
  return (int)a->kind - (int)b->kind;
}

/* The machine's own program or shared object? */
static int check_type(const struct elf_file *elf, const char *path,
                      struct hwckpt_error *error) {
  unsigned machine = elf_machine(elf), type = elf_type(elf);
  if (machine != EM_X86_64)
    return hwckpt_fail(error, HWCKPT_E_NOT_ELF, 0, path,
                       "it is for another processor (ELF machine %u)", machine);
  if (type == ET_REL)
    return hwckpt_fail(error, HWCKPT_E_NOT_ELF, 0, path,
                       "it is an object that is not linked yet");
  if (type != ET_EXEC && type != ET_DYN)
    return hwckpt_fail(error, HWCKPT_E_NOT_ELF, 0, path, "ELF type %u", type);
  return 0;
}

int site_table_read(const struct elf_file *elf, const char *path,
                    struct site_table *table, struct hwckpt_error *error) {
  struct elf_section section;
  uint64_t index = 0;
  *table = (struct site_table){0};
  int failed = check_type(elf, path, error), got = 0;
  for (; !failed && !(got = elf_section(elf, index, &section)); index++) {
    unsigned kind = kind_of(&section);
    if (kind < HWCKPT_KIND_COUNT)
      failed = read_section(elf, path, &section, kind, table, error);
  }
  if (!failed && got == -EBADMSG)
    failed = hwckpt_fail(error, HWCKPT_E_ELF_DAMAGED, 0, path,
                         "section %llu is not wholly in the file",
                         (unsigned long long)index);
  /* A program that needs no site has no table, but the runtime. */
  if (!failed && !table->count && (!index || !elf_has_runtime(elf)))
    failed = hwckpt_fail(error, HWCKPT_E_NOT_INSTRUMENTED, 0, path,
                         index ? "there is no site table in it"
                               : "it has no section headers to find one by");
  if (failed)
    site_table_free(table);
  else if (table->count)
    qsort(table->sites, table->count, sizeof *table->sites, by_address);
  return failed;
}

void site_table_free(struct site_table *table) {
  free(table->sites);
  *table = (struct site_table){0};
}
