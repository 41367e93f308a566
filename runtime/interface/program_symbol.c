/* program_symbol.c - see program_symbol.h. The file is the user's: every offset
 * is checked against its size before use. It is mapped for the time of the
 * call, which no checkpoint is taken in. */
#include "program_symbol.h"

#include "../arch/sys.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

struct image {
  const unsigned char *data;
  uint64_t size;
};

struct found {
  uint64_t value, size;
  bool any, global, several, other; /* other: of the name, and no variable */
};

/* Null: not wholly in the file, or not aligned. */
static const void *part(const struct image *image, uint64_t offset,
                        uint64_t size) {
  if (offset > image->size || size > image->size - offset || offset % 8)
    return 0;
  return image->data + offset;
}

static bool is_name(const struct image *image, const Elf64_Shdr *strings,
                    uint64_t at, const char *name) {
  uint64_t length = strlen(name) + 1;
  return strings->sh_offset <= image->size &&
         strings->sh_size <= image->size - strings->sh_offset &&
         at < strings->sh_size && strings->sh_size - at >= length &&
         memcmp(image->data + strings->sh_offset + at, name, length) == 0;
}

static void note(const Elf64_Sym *symbol, struct found *found) {
  bool global = ELF64_ST_BIND(symbol->st_info) != STB_LOCAL;
  unsigned type = ELF64_ST_TYPE(symbol->st_info);
  if (symbol->st_shndx == SHN_UNDEF)
    return;
  if ((type != STT_OBJECT && type != STT_NOTYPE) || !symbol->st_size) {
    found->other = true;
    return;
  }
  if (found->any && (found->global || !global)) {
    found->several |= !found->global && found->value != symbol->st_value;
    return;
  }
  *found = (struct found){.value = symbol->st_value,
                          .size = symbol->st_size,
                          .any = true,
                          .global = global};
}

static void look(const struct image *image, const Elf64_Shdr *sections,
                 unsigned count, uint32_t type, const char *name,
                 struct found *found) {
  for (unsigned i = 0; i < count; i++) {
    const Elf64_Shdr *table = &sections[i];
    const Elf64_Sym *symbols =
        table->sh_type == type && table->sh_link < count
            ? part(image, table->sh_offset, table->sh_size)
            : 0;
    for (uint64_t n = 0; symbols && n < table->sh_size / sizeof *symbols; n++)
      if (is_name(image, &sections[table->sh_link], symbols[n].st_name, name))
        note(&symbols[n], found);
  }
}

/* Of what the kernel told the program when it began. 0: not there. */
static uint64_t auxiliary(uint64_t type) {
  Elf64_auxv_t entry;
  uint64_t value = 0;
  long file = SYS(openat, AT_FDCWD, "/proc/self/auxv", O_RDONLY | O_CLOEXEC, 0);
  if (file < 0)
    return 0;
  while (SYS(read, file, &entry, sizeof entry) == sizeof entry && entry.a_type)
    if (entry.a_type == type)
      value = entry.a_un.a_val;
  SYS(close, file);
  return value;
}

/* How far from where it was linked the program is; false: it cannot be told. */
static bool displacement(const struct image *image, const Elf64_Ehdr *header,
                         uint64_t *distance) {
  const Elf64_Phdr *segments =
      part(image, header->e_phoff, header->e_phnum * sizeof *segments);
  uint64_t headers = auxiliary(AT_PHDR);
  for (unsigned i = 0; segments && headers && i < header->e_phnum; i++)
    if (segments[i].p_type == PT_LOAD &&
        header->e_phoff - segments[i].p_offset < segments[i].p_filesz) {
      *distance = headers - (header->e_phoff - segments[i].p_offset +
                             segments[i].p_vaddr);
      return true;
    }
  return false;
}

static int find(const struct image *image, const char *name, uint64_t *address,
                uint64_t *length) {
  struct found found = {0};
  const Elf64_Ehdr *header = part(image, 0, sizeof *header);
  uint64_t distance;
  if (!header || memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 ||
      header->e_ident[EI_CLASS] != ELFCLASS64 ||
      !displacement(image, header, &distance))
    return -ENOEXEC;
  const Elf64_Shdr *sections =
      part(image, header->e_shoff, header->e_shnum * sizeof *sections);
  if (!sections)
    return -ENOENT;
  look(image, sections, header->e_shnum, SHT_SYMTAB, name, &found);
  if (!found.any)
    look(image, sections, header->e_shnum, SHT_DYNSYM, name, &found);
  if (!found.any)
    return found.other ? -EINVAL : -ENOENT;
  if (found.several)
    return -ENOTUNIQ;
  *address = distance + found.value;
  *length = found.size;
  return 0;
}

int program_symbol(const char *name, uint64_t *address, uint64_t *length) {
  struct stat status;
  long file = SYS(openat, AT_FDCWD, "/proc/self/exe", O_RDONLY | O_CLOEXEC, 0);
  if (file < 0)
    return (int)file;
  long result = SYS(fstat, file, &status);
  struct image image = {0, result < 0 ? 0 : (uint64_t)status.st_size};
  if (result == 0)
    result = SYS(mmap, 0, image.size, PROT_READ, MAP_PRIVATE, file, 0);
  SYS(close, file);
  if (result < 0 && result > -4096)
    return (int)result;
  image.data = (const unsigned char *)result;
  int found = find(&image, name, address, length);
  SYS(munmap, image.data, image.size);
  return found;
}
