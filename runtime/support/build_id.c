/* build_id.c - see build_id.h. Source: elf(5), NT_GNU_BUILD_ID notes. */
#include "build_id.h"

#include "../arch/sys.h"

#include <elf.h>
#include <fcntl.h>
#include <string.h>

static size_t find_in_notes(const char *notes, size_t length, uint8_t *id,
                            size_t size) {
  size_t at = 0;
  while (at + sizeof(Elf64_Nhdr) <= length) {
    Elf64_Nhdr note;
    memcpy(&note, notes + at, sizeof note);
    size_t name = at + sizeof note;
    size_t value = name + ((note.n_namesz + 3u) & ~(size_t)3);
    size_t next = value + ((note.n_descsz + 3u) & ~(size_t)3);
    if (value > length || next > length || next < at)
      return 0;
    if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 &&
        memcmp(notes + name, "GNU", 4) == 0 && note.n_descsz <= size) {
      memcpy(id, notes + value, note.n_descsz);
      return note.n_descsz;
    }
    at = next;
  }
  return 0;
}

static size_t find(int fd, uint8_t *id, size_t size) {
  Elf64_Ehdr header;
  if (SYS(pread64, fd, &header, sizeof header, 0) != sizeof header ||
      memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 ||
      header.e_phentsize != sizeof(Elf64_Phdr))
    return 0;
  for (unsigned i = 0; i < header.e_phnum; i++) {
    Elf64_Phdr segment;
    char notes[1024];
    if (SYS(pread64, fd, &segment, sizeof segment,
            header.e_phoff + i * sizeof segment) != sizeof segment)
      return 0;
    if (segment.p_type != PT_NOTE)
      continue;
    size_t length =
        segment.p_filesz < sizeof notes ? segment.p_filesz : sizeof notes;
    long got = SYS(pread64, fd, notes, length, segment.p_offset);
    size_t found = got > 0 ? find_in_notes(notes, (size_t)got, id, size) : 0;
    if (found)
      return found;
  }
  return 0;
}

size_t build_id_read(const char *path, uint8_t *id, size_t size) {
  long fd = SYS(openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0);
  if (fd < 0)
    return 0;
  size_t length = find((int)fd, id, size);
  SYS(close, fd);
  return length;
}
