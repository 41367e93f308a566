/* plugin_note.c - which LLVM a plugin is for.
 *
 * Runs before each compilation, so it reads the program headers and the notes
 * they lead to, a few hundred bytes. Invariant: nothing outside the file is
 * read, whatever is in it.
 */
#include "plugin_note.h"

#include "intrinsics/hwckpt_isa.h"

#include <elf.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

/* Notes are few and short; what is longer than this is not ours. */
#define NOTES_MAX 4096

static bool read_at(int fd, uint64_t offset, void *out, size_t size) {
  return offset <= INT64_MAX &&
         pread(fd, out, size, (off_t)offset) == (ssize_t)size;
}

static size_t padded(uint64_t size, uint64_t alignment) {
  return (size + alignment - 1) / alignment * alignment;
}

/* The note's version among size bytes of notes, or 0. */
static unsigned find_note(const unsigned char *notes, size_t size,
                          uint64_t alignment) {
  static const char name[] = HWCKPT_NOTE_NAME;
  Elf64_Nhdr header;
  for (size_t at = 0; size - at >= sizeof(header);) {
    memcpy(&header, notes + at, sizeof(header));
    at += sizeof(header);
    size_t name_size = padded(header.n_namesz, alignment);
    size_t value_size = padded(header.n_descsz, alignment);
    if (name_size > size - at || value_size > size - at - name_size)
      return 0;
    uint32_t value;
    if (header.n_type == HWCKPT_NOTE_LLVM && header.n_namesz == sizeof(name) &&
        memcmp(notes + at, name, sizeof(name)) == 0 &&
        header.n_descsz == sizeof(value)) {
      memcpy(&value, notes + at + name_size, sizeof(value));
      return value;
    }
    at += name_size + value_size;
  }
  return 0;
}

static unsigned note_of_file(int fd) {
  Elf64_Ehdr header;
  if (!read_at(fd, 0, &header, sizeof(header)) ||
      memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 ||
      header.e_ident[EI_CLASS] != ELFCLASS64 ||
      header.e_phentsize != sizeof(Elf64_Phdr))
    return 0;
  for (unsigned i = 0; i < header.e_phnum; i++) {
    Elf64_Phdr segment;
    unsigned char notes[NOTES_MAX];
    if (!read_at(fd, header.e_phoff + i * sizeof(segment), &segment,
                 sizeof(segment)))
      return 0;
    if (segment.p_type != PT_NOTE || segment.p_filesz > sizeof(notes) ||
        !read_at(fd, segment.p_offset, notes, segment.p_filesz))
      continue;
    unsigned llvm =
        find_note(notes, segment.p_filesz, segment.p_align == 8 ? 8 : 4);
    if (llvm)
      return llvm;
  }
  return 0;
}

unsigned plugin_note_llvm(const char *path) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return 0;
  unsigned llvm = note_of_file(fd);
  close(fd);
  return llvm;
}
