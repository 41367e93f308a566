/* vdso.c - see vdso.h. Source: the kernel's Documentation/ABI/stable/vdso, the
 * ELF specification. The kernel links the image at 0. */
#include "vdso.h"

#include <elf.h>
#include <stdbool.h>
#include <string.h>

static const char names[VDSO_FUNCTIONS][24] = {
    [VDSO_CLOCK_GETTIME] = "__vdso_clock_gettime",
    [VDSO_GETTIMEOFDAY] = "__vdso_gettimeofday",
    [VDSO_TIME] = "__vdso_time",
    [VDSO_GETCPU] = "__vdso_getcpu",
    [VDSO_CLOCK_GETRES] = "__vdso_clock_getres",
    [VDSO_GETRANDOM] = "__vdso_getrandom",
};

struct image {
  const char *bytes;
  size_t size;
};

static const void *at(struct image image, uint64_t offset, uint64_t length) {
  bool there = offset <= image.size && length <= image.size - offset;
  return there && offset % 4 == 0 ? image.bytes + offset : 0;
}

static const Elf64_Phdr *segment(struct image image, uint32_t type, size_t n) {
  const Elf64_Ehdr *head = at(image, 0, sizeof *head);
  if (!head || memcmp(head->e_ident, ELFMAG, SELFMAG) != 0 ||
      head->e_phentsize != sizeof(Elf64_Phdr))
    return 0;
  for (unsigned i = 0; i < head->e_phnum; i++) {
    const Elf64_Phdr *found =
        at(image, head->e_phoff + i * sizeof *found, sizeof *found);
    if (found && found->p_type == type && !n--)
      return found;
  }
  return 0;
}

struct symbols {
  uint64_t table, strings, strings_size;
};

static bool find_symbols(struct image image, struct symbols *symbols) {
  const Elf64_Phdr *dynamic = segment(image, PT_DYNAMIC, 0);
  *symbols = (struct symbols){0};
  for (uint64_t i = 0; dynamic && i < dynamic->p_filesz / sizeof(Elf64_Dyn);
       i++) {
    const Elf64_Dyn *entry =
        at(image, dynamic->p_offset + i * sizeof *entry, sizeof *entry);
    if (!entry || entry->d_tag == DT_NULL)
      break;
    if (entry->d_tag == DT_SYMTAB)
      symbols->table = entry->d_un.d_ptr;
    else if (entry->d_tag == DT_STRTAB)
      symbols->strings = entry->d_un.d_ptr;
    else if (entry->d_tag == DT_STRSZ)
      symbols->strings_size = entry->d_un.d_val;
  }
  return symbols->table && symbols->strings > symbols->table &&
         at(image, symbols->strings / 4 * 4, symbols->strings_size);
}

void vdso_find(const void *bytes, size_t size, uint32_t out[VDSO_FUNCTIONS]) {
  const struct image image = {bytes, size};
  struct symbols symbols;
  memset(out, 0, VDSO_FUNCTIONS * sizeof *out);
  if (!find_symbols(image, &symbols))
    return;
  /* The strings lie behind the symbols, of which nothing else tells how many
   * there are without a hash table. */
  uint64_t count = (symbols.strings - symbols.table) / sizeof(Elf64_Sym);
  for (uint64_t i = 0; i < count; i++) {
    const Elf64_Sym *symbol =
        at(image, symbols.table + i * sizeof *symbol, sizeof *symbol);
    if (!symbol || symbol->st_shndx == SHN_UNDEF ||
        ELF64_ST_TYPE(symbol->st_info) != STT_FUNC || symbol->st_value >= size)
      continue;
    for (unsigned k = 0; k < VDSO_FUNCTIONS; k++) {
      size_t length = strlen(names[k]) + 1;
      if (symbol->st_name < symbols.strings_size &&
          length <= symbols.strings_size - symbol->st_name &&
          symbols.strings + symbol->st_name + length <= size &&
          memcmp(image.bytes + symbols.strings + symbol->st_name, names[k],
                 length) == 0)
        out[k] = (uint32_t)symbol->st_value;
    }
  }
}

size_t vdso_build_id(const void *bytes, size_t size, uint8_t *id, size_t room) {
  const struct image image = {bytes, size};
  const Elf64_Phdr *notes;
  for (size_t n = 0; (notes = segment(image, PT_NOTE, n)); n++) {
    uint64_t next = notes->p_offset, end = next + notes->p_filesz;
    while (next < end) {
      const Elf64_Nhdr *note = at(image, next, sizeof *note + 4);
      if (!note)
        break;
      uint64_t text = next + sizeof *note;
      uint64_t data = text + (note->n_namesz + 3u) / 4u * 4u;
      const void *found = at(image, data, note->n_descsz);
      if (note->n_type == NT_GNU_BUILD_ID && note->n_namesz == 4 &&
          memcmp(image.bytes + text, "GNU", 4) == 0 && found &&
          note->n_descsz <= room) {
        memcpy(id, found, note->n_descsz);
        return note->n_descsz;
      }
      next = data + (note->n_descsz + 3u) / 4u * 4u;
    }
  }
  return 0;
}
