/* hand_on.c - see hand_on.h. System calls, and memory that the caller has:
 * nothing else, for it may be called in signal handlers and after vfork. */
#include "hand_on.h"
#include "../../intrinsics/hwckpt_isa.h"
#include "../arch/sys.h"
#include "loader_name.h"

#include <elf.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char preload_key[] = "LD_PRELOAD=",
                  options_key[] = "HWCKPT_OPTIONS=",
                  entered_key[] = ":entered=";

/* ---- what kind of file it is ---- */

static bool read_at(int file, void *to, size_t length, uint64_t offset) {
  return SYS(pread64, file, to, length, offset) == (long)length;
}

/* Whether the notes in a segment say that the runtime is linked in. */
static bool has_our_note(int file, const Elf64_Phdr *segment) {
  struct {
    Elf64_Nhdr head;
    char name[sizeof HWCKPT_NOTE_NAME];
  } note = {0};
  for (uint64_t at = 0; at + sizeof note <= segment->p_filesz;) {
    if (!read_at(file, &note, sizeof note, segment->p_offset + at))
      return false;
    if (note.head.n_type == HWCKPT_NOTE_RUNTIME &&
        note.head.n_namesz == sizeof note.name &&
        memcmp(note.name, HWCKPT_NOTE_NAME, sizeof note.name) == 0)
      return true;
    at += sizeof note.head + (((uint64_t)note.head.n_namesz + 3) & ~3ull) +
          (((uint64_t)note.head.n_descsz + 3) & ~3ull);
  }
  return false;
}

static bool has_foreign_loader(int file, const Elf64_Phdr *segment) {
  char name[LOADER_NAME_MAX] = "";
  return segment->p_filesz < sizeof name &&
         read_at(file, name, segment->p_filesz, segment->p_offset) &&
         loader_is_foreign(name);
}

static enum program look_at_elf(int file, const Elf64_Ehdr *header) {
  enum program found = PROGRAM_WITHOUT;
  Elf64_Phdr segment = {0};
  if (header->e_ident[EI_CLASS] != ELFCLASS64 ||
      header->e_machine != EM_X86_64 || header->e_phentsize != sizeof segment)
    return PROGRAM_WITHOUT;
  for (unsigned i = 0; i < header->e_phnum; i++) {
    if (!read_at(file, &segment, sizeof segment,
                 header->e_phoff + i * sizeof segment))
      return PROGRAM_WITHOUT;
    if (segment.p_type == PT_NOTE && has_our_note(file, &segment))
      return PROGRAM_HAS;
    if (segment.p_type == PT_INTERP && !has_foreign_loader(file, &segment))
      found = PROGRAM_LOADS;
  }
  return found;
}

/* Makes of the line "#!INTERPRETER ARGUMENT" the interpreter's path; null when
 * it is no such line. */
static const char *interpreter_in(char *line) {
  if (line[0] != '#' || line[1] != '!')
    return NULL;
  line += 2;
  line += strspn(line, " \t");
  line[strcspn(line, " \t\n")] = 0;
  return *line ? line : NULL;
}

enum program hand_on_look(int folder, const char *path, int flags) {
  union {
    Elf64_Ehdr header;
    char line[4096];
  } begin;
  for (int depth = 0; depth < 5; depth++) { /* the kernel's own limit */
    long file = flags & AT_EMPTY_PATH && !*path
                    ? SYS(dup, folder)
                    : SYS(openat, folder, path, O_RDONLY | O_CLOEXEC, 0);
    if (file < 0)
      return PROGRAM_UNKNOWN;
    memset(&begin, 0, sizeof begin.header);
    long length = SYS(pread64, file, begin.line, sizeof begin.line - 1, 0);
    begin.line[length > 0 ? length : 0] = 0;
    bool is_elf = length >= (long)sizeof begin.header &&
                  memcmp(begin.header.e_ident, ELFMAG, SELFMAG) == 0;
    enum program found =
        is_elf ? look_at_elf((int)file, &begin.header) : PROGRAM_UNKNOWN;
    SYS(close, file);
    if (is_elf || !(path = interpreter_in(begin.line)))
      return found;
    folder = AT_FDCWD;
    flags = 0;
  }
  return PROGRAM_UNKNOWN;
}

bool hand_on_is_raised(int folder, const char *path, int flags) {
  struct stat status;
  return SYS(newfstatat, folder, path, &status, flags) == 0 &&
         ((status.st_mode & S_ISUID && status.st_uid != (uid_t)SYS(geteuid)) ||
          (status.st_mode & S_ISGID && status.st_mode & S_IXGRP &&
           status.st_gid != (gid_t)SYS(getegid)));
}

/* ---- its environment ---- */

static bool is_of(const char *entry, const char *key) {
  return entry && strncmp(entry, key, strlen(key)) == 0;
}

size_t hand_on_count(char *const list[]) {
  size_t count = 0;
  while (list && list[count])
    count++;
  return count;
}

/* Copies text to `to`, where there is room; returns its end. */
static char *joined(char *to, const char *text) {
  size_t length = strlen(text);
  memcpy(to, text, length + 1);
  return to + length;
}

/* ---- where programs are ---- */

const char *hand_on_folders(void) {
  for (char **entry = environ; entry && *entry; entry++)
    if (is_of(*entry, "PATH="))
      return *entry + 5;
  return "/bin:/usr/bin";
}

bool hand_on_next(const char **folders, const char *name, char *path) {
  if (!*folders)
    return false;
  size_t span = strcspn(*folders, ":");
  memcpy(path, *folders, span);
  path[span] = '/';
  joined(path + span + (span > 0), name);
  *folders = (*folders)[span] ? *folders + span + 1 : NULL;
  return true;
}

/* ---- what it is given ---- */

size_t hand_on_size(const struct hwckpt_successor *we,
                    char *const environment[]) {
  const char *others = hand_on_others(environment);
  return (hand_on_count(environment) + 3) * sizeof(char *) +
         sizeof options_key + strlen(we->options) + sizeof entered_key +
         strlen(we->entered) + sizeof preload_key + strlen(we->preload) + 1 +
         strlen(others);
}

const char *hand_on_others(char *const environment[]) {
  for (; environment && *environment; environment++)
    if (is_of(*environment, preload_key))
      return *environment + sizeof preload_key - 1;
  return "";
}

char *const *hand_on(const struct hwckpt_successor *we,
                     char *const environment[], bool preload, void *room) {
  size_t count = hand_on_count(environment), kept = 0;
  const char *others = hand_on_others(environment);
  char **entries = room;
  char *text = (char *)(entries + count + 3);
  for (size_t i = 0; i < count; i++)
    if (!is_of(environment[i], options_key) &&
        !(preload && is_of(environment[i], preload_key)))
      entries[kept++] = environment[i];
  entries[kept++] = text;
  text = joined(joined(text, options_key), we->options);
  if (*we->entered)
    text = joined(joined(text, *we->options ? entered_key : entered_key + 1),
                  we->entered);
  text++;
  if (preload) {
    entries[kept++] = text;
    text = joined(joined(text, preload_key), we->preload);
    if (*others)
      joined(joined(text, ":"), others);
  }
  entries[kept] = NULL;
  return entries;
}
