/* linker_inputs.c - whether a link takes code that needs the runtime.
 *
 * Runs before every link of an executable, so it reads little: of an object
 * the tables of its symbols, of those only the names of undefined ones, of
 * bitcode the table of names. Invariant: nothing outside the file is read,
 * whatever is in it.
 */
#include "linker_inputs.h"

#include "intrinsics/hwckpt_isa.h"

#include <elf.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* Bytes in the file. */
struct part {
  const unsigned char *data;
  size_t size;
};

/* What is looked for. */
enum role { USES_RUNTIME, IS_RUNTIME };

static const char symbol[] = HWCKPT_REGISTER_SYMBOL;

/* The bytes [offset, offset + size), none if they are not wholly inside. */
static struct part slice(struct part whole, uint64_t offset, uint64_t size) {
  if (offset > whole.size || size > whole.size - offset)
    return (struct part){0};
  return (struct part){whole.data + offset, size};
}

/* Copies the structure at offset, so that no alignment is asked of it. */
static bool copy(struct part whole, uint64_t offset, void *out, size_t size) {
  struct part from = slice(whole, offset, size);
  if (from.size != size)
    return false;
  memcpy(out, from.data, size);
  return true;
}

static bool begins_with(struct part part, const void *magic, size_t size) {
  return part.size >= size && memcmp(part.data, magic, size) == 0;
}

/* ---- native objects ---- */

static bool symbols_have(struct part table, uint64_t first, struct part names,
                         enum role role) {
  Elf64_Sym entry;
  for (uint64_t i = first; i < table.size / sizeof(entry); i++) {
    if (!copy(table, i * sizeof(entry), &entry, sizeof(entry)))
      return false;
    if ((entry.st_shndx == SHN_UNDEF) == (role == USES_RUNTIME) &&
        begins_with(slice(names, entry.st_name, sizeof(symbol)), symbol,
                    sizeof(symbol)))
      return true;
  }
  return false;
}

static bool object_has(struct part file, enum role role) {
  Elf64_Ehdr header;
  if (!copy(file, 0, &header, sizeof(header)) ||
      header.e_ident[EI_CLASS] != ELFCLASS64 ||
      header.e_ident[EI_DATA] != ELFDATA2LSB || header.e_type != ET_REL ||
      header.e_machine != EM_X86_64 || header.e_shentsize != sizeof(Elf64_Shdr))
    return false;
  Elf64_Shdr section;
  uint64_t count = header.e_shnum;
  /* Very many are counted in the first one. */
  if (count == 0 && copy(file, header.e_shoff, &section, sizeof(section)))
    count = section.sh_size;
  struct part sections = slice(file, header.e_shoff, count * sizeof(section));
  /* From the end, where compilers have the symbols. */
  for (uint64_t i = sections.size / sizeof(section); i-- > 0;) {
    if (!copy(sections, i * sizeof(section), &section, sizeof(section)))
      return false;
    if (section.sh_type != SHT_SYMTAB)
      continue;
    struct part table = slice(file, section.sh_offset, section.sh_size);
    uint64_t first = section.sh_info; /* that is not local */
    if (!copy(sections, (uint64_t)section.sh_link * sizeof(section), &section,
              sizeof(section)))
      return false;
    return symbols_have(table, first,
                        slice(file, section.sh_offset, section.sh_size), role);
  }
  return false;
}

/* ---- bitcode ---- */

/* A file is a row of blocks, each headed by two words: what it is and how many
 * words follow. Only the names are searched. What is defined is not told from
 * what is used; a runtime is no bitcode. */
static bool bitcode_has(struct part file, enum role role) {
  enum { ENTER_BLOCK = 1, ABBREVIATION_BITS = 2, NAMES_BLOCK = 23 };
  uint32_t head[2];
  if (role != USES_RUNTIME)
    return false;
  for (uint64_t at = 4; copy(file, at, head, sizeof(head));) {
    at += sizeof(head);
    uint64_t size = (uint64_t)head[1] * 4;
    if ((head[0] & 3) != ENTER_BLOCK)
      return false;
    struct part block = slice(file, at, size);
    if (((head[0] >> ABBREVIATION_BITS) & 0xFF) == NAMES_BLOCK && block.data &&
        memmem(block.data, block.size, symbol, sizeof(symbol) - 1))
      return true;
    at += size;
  }
  return false;
}

static bool code_has(struct part file, enum role role) {
  if (begins_with(file, ELFMAG, SELFMAG))
    return object_has(file, role);
  if (begins_with(file, "BC\xC0\xDE", 4))
    return bitcode_has(file, role);
  return false;
}

/* ---- archives ---- */

struct member_header {
  char name[16], date[12], user[6], group[6], mode[8], size[10], end[2];
};

static bool file_has(const char *path, bool may_be_archive, enum role role);

/* A member of a thin archive is a file, named from the archive's folder. */
static bool thin_member_has(const char *archive,
                            const struct member_header *header,
                            struct part long_names, enum role role) {
  struct part name = {(const unsigned char *)header->name,
                      sizeof(header->name)};
  if (header->name[0] == '/') {
    char digits[sizeof(header->name)] = {0};
    memcpy(digits, header->name + 1, sizeof(header->name) - 1);
    uint64_t offset = strtoull(digits, NULL, 10);
    name = offset < long_names.size
               ? slice(long_names, offset, long_names.size - offset)
               : (struct part){0};
  }
  /* Ends with a slash, those of the long names also with a new line. */
  const unsigned char *end =
      name.size == sizeof(header->name)
          ? memchr(name.data, '/', name.size)
          : (name.data ? memmem(name.data, name.size, "/\n", 2) : NULL);
  if (!end)
    return false;
  const char *slash = strrchr(archive, '/');
  int folder = slash && name.data[0] != '/' ? (int)(slash + 1 - archive) : 0;
  struct argument_list path = {0};
  argument_list_addf(&path, "%.*s%.*s", folder, archive, (int)(end - name.data),
                     (const char *)name.data);
  return file_has(path.items[0], false, role);
}

static bool archive_has(const char *path, struct part file, bool thin,
                        enum role role) {
  struct member_header header;
  struct part long_names = {0};
  for (uint64_t at = 8; copy(file, at, &header, sizeof(header));) {
    at += sizeof(header);
    char digits[sizeof(header.size) + 1] = {0};
    memcpy(digits, header.size, sizeof(header.size));
    uint64_t size = strtoull(digits, NULL, 10);
    bool table = header.name[0] == '/' &&
                 (header.name[1] == ' ' || header.name[1] == '/' ||
                  header.name[1] == 'S');
    if (thin && !table) {
      if (thin_member_has(path, &header, long_names, role))
        return true;
      continue;
    }
    if (header.name[0] == '/' && header.name[1] == '/')
      long_names = slice(file, at, size);
    else if (!table && code_has(slice(file, at, size), role))
      return true;
    at += size + size % 2;
  }
  return false;
}

/* ---- files ---- */

static bool file_has(const char *path, bool may_be_archive, enum role role) {
  /* Asked before it is opened: to open a pipe is to use it. */
  struct stat status;
  if (stat(path, &status) != 0 || !S_ISREG(status.st_mode) ||
      status.st_size <= 0)
    return false;
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return false;
  void *data =
      mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
  close(fd);
  if (data == MAP_FAILED)
    return false;
  struct part file = {data, (size_t)status.st_size};
  bool thin = begins_with(file, "!<thin>\n", 8), has;
  if (thin || begins_with(file, "!<arch>\n", 8))
    has = may_be_archive && archive_has(path, file, thin, role);
  else
    has = code_has(file, role);
  munmap(data, file.size);
  return has;
}

static bool any_has(const struct argument_list *paths, enum role role) {
  for (size_t i = 0; i < paths->count; i++)
    if (file_has(paths->items[i], true, role))
      return true;
  return false;
}

bool linker_inputs_need_runtime(const struct argument_list *paths) {
  return any_has(paths, USES_RUNTIME) && !any_has(paths, IS_RUNTIME);
}
