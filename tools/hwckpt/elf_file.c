/* elf_file.c - what hwckpt looks up in ELF files. */
#include "elf_file.h"

#include "intrinsics/hwckpt_isa.h"
#include "runtime/interface/loader_name.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

int elf_open(struct elf_file *elf, const char *path) {
  struct stat status;
  *elf = (struct elf_file){.fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  if (elf->fd < 0)
    return -errno;
  int failed = 0;
  if (fstat(elf->fd, &status))
    failed = -errno;
  else if (!S_ISREG(status.st_mode) ||
           status.st_size < (off_t)sizeof(Elf64_Ehdr))
    failed = -ENOEXEC;
  else {
    void *data =
        mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, elf->fd, 0);
    if (data == MAP_FAILED)
      failed = -errno;
    else {
      elf->data = data;
      elf->size = (size_t)status.st_size;
      const Elf64_Ehdr *header = data;
      if (memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 ||
          header->e_ident[EI_CLASS] != ELFCLASS64 ||
          header->e_ident[EI_DATA] != ELFDATA2LSB)
        failed = -ENOEXEC;
    }
  }
  if (failed)
    elf_close(elf);
  return failed;
}

void elf_close(struct elf_file *elf) {
  if (elf->data)
    munmap((void *)elf->data, elf->size);
  if (elf->fd >= 0)
    close(elf->fd);
  *elf = (struct elf_file){.fd = -1};
}

/* The i-th entry of a table in the file, copied so that no alignment is asked
 * of it; false when it is not wholly inside. */
static bool entry(const void *data, size_t size, uint64_t table, uint64_t i,
                  void *copy, size_t length) {
  uint64_t offset;
  if (__builtin_mul_overflow(i, length, &offset) ||
      __builtin_add_overflow(offset, table, &offset) || offset > size ||
      size - offset < length)
    return false;
  memcpy(copy, (const unsigned char *)data + offset, length);
  return true;
}

struct note {
  const char *name;
  uint32_t type;
  const unsigned char *content;
  size_t length;
};

/* Looks for a note of this name and type at [offset, offset + length). */
static bool find_note_in(const unsigned char *data, size_t size,
                         uint64_t offset, uint64_t length, struct note *note) {
  if (offset > size || length > size - offset)
    return false;
  const unsigned char *notes = data + offset;
  for (uint64_t at = 0; length - at >= sizeof(Elf64_Nhdr);) {
    Elf64_Nhdr head;
    memcpy(&head, notes + at, sizeof head);
    at += sizeof head;
    uint64_t name = ((uint64_t)head.n_namesz + 3) & ~3ull;
    uint64_t content = ((uint64_t)head.n_descsz + 3) & ~3ull;
    if (name > length - at || head.n_descsz > length - at - name)
      return false;
    if (head.n_type == note->type && head.n_namesz == strlen(note->name) + 1 &&
        !memcmp(notes + at, note->name, head.n_namesz)) {
      note->content = notes + at + name;
      note->length = head.n_descsz;
      return true;
    }
    if (content > length - at - name)
      return false;
    at += name + content;
  }
  return false;
}

/* in_memory: the segments lie at their address, not at their file offset. */
static bool find_note(const void *data, size_t size, bool in_memory,
                      struct note *note) {
  Elf64_Ehdr header;
  Elf64_Phdr segment;
  if (!entry(data, size, 0, 0, &header, sizeof header) ||
      memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 ||
      header.e_phentsize != sizeof segment)
    return false;
  for (unsigned i = 0; i < header.e_phnum; i++) {
    if (!entry(data, size, header.e_phoff, i, &segment, sizeof segment))
      return false;
    if (segment.p_type == PT_NOTE &&
        find_note_in(data, size, in_memory ? segment.p_vaddr : segment.p_offset,
                     segment.p_filesz, note))
      return true;
  }
  return false;
}

static size_t find_build_id(const void *data, size_t size, bool in_memory,
                            unsigned char id[BUILD_ID_MAX]) {
  struct note note = {.name = "GNU", .type = NT_GNU_BUILD_ID};
  if (!find_note(data, size, in_memory, &note) || note.length > BUILD_ID_MAX)
    return 0;
  memcpy(id, note.content, note.length);
  return note.length;
}

size_t elf_build_id(const struct elf_file *elf,
                    unsigned char id[BUILD_ID_MAX]) {
  return find_build_id(elf->data, elf->size, false, id);
}

size_t elf_build_id_in_memory(const void *image, size_t size,
                              unsigned char id[BUILD_ID_MAX]) {
  return find_build_id(image, size, true, id);
}

bool elf_has_runtime(const struct elf_file *elf) {
  struct note note = {.name = HWCKPT_NOTE_NAME, .type = HWCKPT_NOTE_RUNTIME};
  return find_note(elf->data, elf->size, false, &note);
}

static bool is_foreign(const struct elf_file *elf, const Elf64_Phdr *segment) {
  char name[LOADER_NAME_MAX] = "";
  if (segment->p_filesz >= sizeof name || segment->p_offset > elf->size ||
      segment->p_filesz > elf->size - segment->p_offset)
    return false;
  memcpy(name, elf->data + segment->p_offset, segment->p_filesz);
  return loader_is_foreign(name);
}

enum elf_loader elf_loader(const struct elf_file *elf) {
  Elf64_Ehdr header;
  Elf64_Phdr segment;
  if (!entry(elf->data, elf->size, 0, 0, &header, sizeof header) ||
      header.e_phentsize != sizeof segment)
    return ELF_LOADER_NONE;
  for (unsigned i = 0; i < header.e_phnum; i++)
    if (entry(elf->data, elf->size, header.e_phoff, i, &segment,
              sizeof segment) &&
        segment.p_type == PT_INTERP)
      return is_foreign(elf, &segment) ? ELF_LOADER_FOREIGN : ELF_LOADER_GLIBC;
  return ELF_LOADER_NONE;
}

unsigned elf_type(const struct elf_file *elf) {
  Elf64_Ehdr header;
  return entry(elf->data, elf->size, 0, 0, &header, sizeof header)
             ? header.e_type
             : ET_NONE;
}

unsigned elf_machine(const struct elf_file *elf) {
  Elf64_Ehdr header;
  return entry(elf->data, elf->size, 0, 0, &header, sizeof header)
             ? header.e_machine
             : EM_NONE;
}

bool elf_is_code(const struct elf_file *elf, uint64_t address) {
  Elf64_Ehdr header;
  Elf64_Phdr segment;
  if (!entry(elf->data, elf->size, 0, 0, &header, sizeof header) ||
      header.e_phentsize != sizeof segment)
    return false;
  for (unsigned i = 0; i < header.e_phnum; i++) {
    if (!entry(elf->data, elf->size, header.e_phoff, i, &segment,
               sizeof segment))
      return false;
    if (segment.p_type == PT_LOAD && (segment.p_flags & PF_X) &&
        address >= segment.p_vaddr &&
        address - segment.p_vaddr < segment.p_filesz)
      return true;
  }
  return false;
}

/* Bytes [offset, offset + size) of the file, or null when it ends before. */
static const unsigned char *bytes(const struct elf_file *elf, uint64_t offset,
                                  uint64_t size) {
  return offset <= elf->size && size <= elf->size - offset ? elf->data + offset
                                                           : NULL;
}

int elf_section(const struct elf_file *elf, uint64_t index,
                struct elf_section *section) {
  Elf64_Ehdr header;
  Elf64_Shdr first, names, it;
  if (!entry(elf->data, elf->size, 0, 0, &header, sizeof header))
    return -EBADMSG;
  if (!header.e_shoff)
    return -ENOENT;
  if (header.e_shentsize != sizeof it ||
      !entry(elf->data, elf->size, header.e_shoff, 0, &first, sizeof first))
    return -EBADMSG;
  /* Numbers that do not fit into the header are in the first section's. */
  uint64_t count = header.e_shnum ? header.e_shnum : first.sh_size;
  uint64_t strings =
      header.e_shstrndx == SHN_XINDEX ? first.sh_link : header.e_shstrndx;
  if (index >= count)
    return -ENOENT;
  if (!entry(elf->data, elf->size, header.e_shoff, strings, &names,
             sizeof names) ||
      !entry(elf->data, elf->size, header.e_shoff, index, &it, sizeof it))
    return -EBADMSG;
  const unsigned char *text = bytes(elf, names.sh_offset, names.sh_size);
  if (!text || it.sh_name >= names.sh_size ||
      !memchr(text + it.sh_name, 0, names.sh_size - it.sh_name))
    return -EBADMSG;
  *section = (struct elf_section){.name = (const char *)text + it.sh_name,
                                  .address = it.sh_addr,
                                  .size = it.sh_size};
  if (it.sh_type == SHT_NOBITS || it.sh_type == SHT_NULL)
    return 0;
  section->data = bytes(elf, it.sh_offset, it.sh_size);
  return section->data ? 0 : -EBADMSG;
}
