/* exec.c - libc's exec functions: the program that takes the place of one that
 * is checkpointed gets the runtime too.
 *
 * A script that ends with `exec PROGRAM`, and `env`, `nice` or `timeout`
 * --foreground, make no process of their own. A preloaded runtime has left
 * LD_PRELOAD when the program began (start.c), and is put back here, in the
 * process that it serves, and in its children where all processes are
 * checkpointed together. Not where the new program has a runtime linked in, or
 * no dynamic linker that could load one.
 *
 * The coordinator may have sent the stop signal, which kills who does not
 * handle it: it is blocked until the new program's runtime is there, and
 * ignored where there will be none.
 *
 * As libc's: may be called from signal handlers and after vfork (system calls,
 * the stack, nothing else), return -1 with errno when the kernel refuses. An
 * object of its own like interpose.c. */
#include "exec.h"
#include "../../intrinsics/hwckpt_isa.h"
#include "../arch/sys.h"
#include "../support/handlers.h"
#include "ending.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#define EXPORTED __attribute__((weak, visibility("default")))
#define STOP_SIGNAL 33

static const char preload_key[] = "LD_PRELOAD=",
                  options_key[] = "HWCKPT_OPTIONS=";

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

enum program {
  PROGRAM_UNKNOWN, /* nothing that could be executed, most likely */
  PROGRAM_WITHOUT, /* a runtime, and without a way to get one */
  PROGRAM_LOADS,   /* a preloaded one */
  PROGRAM_HAS      /* its own */
};

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
    if (segment.p_type == PT_INTERP)
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

/* What runtime the program in a file will have; of a script, its interpreter.
 */
static enum program look_at(int folder, const char *path, int flags) {
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

/* ---- the stop signal ---- */

struct stop_signal {
  bool blocked, ignored;
  uint64_t mask;
  struct sigaction_raw action;
};

static void put_off_stop(struct stop_signal *before, enum program program) {
  uint64_t stop = 1ull << (STOP_SIGNAL - 1);
  struct sigaction_raw ignore = {.handler = 1 /* SIG_IGN */};
  if (program == PROGRAM_WITHOUT)
    before->ignored =
        SYS(rt_sigaction, STOP_SIGNAL, &ignore, &before->action, 8) == 0;
  else
    before->blocked =
        SYS(rt_sigprocmask, SIG_BLOCK, &stop, &before->mask, 8) == 0;
}

/* Nothing was executed. */
static void take_stop_again(const struct stop_signal *before) {
  if (before->ignored)
    SYS(rt_sigaction, STOP_SIGNAL, &before->action, 0, 8);
  if (before->blocked)
    SYS(rt_sigprocmask, SIG_SETMASK, &before->mask, 0, 8);
}

/* ---- its environment ---- */

static bool is_of(const char *entry, const char *key) {
  return entry && strncmp(entry, key, strlen(key)) == 0;
}

static size_t count_of(char *const list[]) {
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

/* execveat() with an environment in which the runtime is handed on. */
static int replace(int folder, const char *path, char *const arguments[],
                   char *const environment[], int flags) {
  static char *const nothing[] = {NULL};
  struct hwckpt_successor we;
  if (!environment)
    environment = nothing;
  size_t count = count_of(environment), kept = 0;
  const char *others = "";
  long failed;
  if (!__hwckpt_successor(&we)) {
    failed = SYS(execveat, folder, path, arguments, environment, flags);
    errno = (int)-failed;
    return -1;
  }
  enum program program = look_at(folder, path, flags);
  bool preload = program == PROGRAM_LOADS && *we.preload;
  const char *entries[count + 3];
  for (size_t i = 0; i < count; i++)
    if (is_of(environment[i], preload_key) && preload)
      others = environment[i] + sizeof preload_key - 1;
    else if (!is_of(environment[i], options_key))
      entries[kept++] = environment[i];
  char options[sizeof options_key + strlen(we.options)];
  joined(joined(options, options_key), we.options);
  entries[kept++] = options;
  char list[sizeof preload_key + strlen(we.preload) + 1 + strlen(others)];
  if (preload) {
    char *end = joined(joined(list, preload_key), we.preload);
    if (*others)
      joined(joined(end, ":"), others);
    entries[kept++] = list;
  }
  entries[kept] = NULL;
  struct stop_signal before = {0};
  if (we.together)
    put_off_stop(&before, program == PROGRAM_LOADS && !preload ? PROGRAM_WITHOUT
                                                               : program);
  __hwckpt_await_written();
  failed = SYS(execveat, folder, path, arguments, entries, flags);
  take_stop_again(&before);
  errno = (int)-failed;
  return -1;
}

/* ---- libc's functions ---- */

EXPORTED int execve(const char *path, char *const arguments[],
                    char *const environment[]) {
  return replace(AT_FDCWD, path, arguments, environment, 0);
}

EXPORTED int execveat(int folder, const char *path, char *const arguments[],
                      char *const environment[], int flags) {
  return replace(folder, path, arguments, environment, flags);
}

EXPORTED int fexecve(int file, char *const arguments[],
                     char *const environment[]) {
  if (file >= 0)
    return replace(file, "", arguments, environment, AT_EMPTY_PATH);
  errno = EINVAL;
  return -1;
}

EXPORTED int execv(const char *path, char *const arguments[]) {
  return execve(path, arguments, environ);
}

/* What the kernel knows no format of is a script for the shell. */
static void try_one(const char *path, char *const arguments[],
                    char *const environment[]) {
  execve(path, arguments, environment);
  if (errno != ENOEXEC)
    return;
  size_t count = count_of(arguments);
  char *shell[count + 3];
  shell[0] = (char *)"/bin/sh";
  shell[1] = (char *)path;
  for (size_t i = 1; i <= count; i++)
    shell[i + 1] = arguments[i];
  shell[count > 1 ? count + 1 : 2] = NULL;
  execve(shell[0], shell, environment);
}

/* Whether the search goes on to the next folder after this error. */
static bool is_elsewhere_perhaps(int error) {
  return error == ENOENT || error == ENOTDIR || error == EACCES ||
         error == ESTALE || error == ENODEV || error == ETIMEDOUT;
}

EXPORTED int execvpe(const char *name, char *const arguments[],
                     char *const environment[]) {
  const char *folders = NULL;
  for (char **entry = environ; entry && *entry; entry++)
    if (is_of(*entry, "PATH="))
      folders = *entry + 5;
  if (!folders)
    folders = "/bin:/usr/bin";
  size_t length = strlen(name);
  if (strchr(name, '/') || !length) {
    try_one(name, arguments, environment);
    return -1;
  }
  bool was_refused = false;
  for (const char *end;; folders = end + 1) {
    end = strchrnul(folders, ':');
    size_t span = (size_t)(end - folders);
    char path[span + length + 2];
    memcpy(path, folders, span);
    path[span] = '/';
    memcpy(path + span + (span > 0), name, length + 1);
    try_one(path, arguments, environment);
    was_refused |= errno == EACCES;
    if (!is_elsewhere_perhaps(errno) || !*end)
      break;
  }
  if (was_refused && is_elsewhere_perhaps(errno))
    errno = EACCES;
  return -1;
}

EXPORTED int execvp(const char *name, char *const arguments[]) {
  return execvpe(name, arguments, environ);
}

/* The arguments of the execl functions, up to the null pointer. */
static size_t count_arguments(va_list more) {
  size_t count = 1;
  while (va_arg(more, char *))
    count++;
  return count;
}

#define COLLECT(first)                                                         \
  va_list more;                                                                \
  va_start(more, first);                                                       \
  size_t count = count_arguments(more);                                        \
  va_end(more);                                                                \
  char *arguments[count + 1];                                                  \
  va_start(more, first);                                                       \
  arguments[0] = (char *)first;                                                \
  for (size_t i = 1; i <= count; i++)                                          \
  arguments[i] = va_arg(more, char *)

EXPORTED int execl(const char *path, const char *first, ...) {
  COLLECT(first);
  va_end(more);
  return execve(path, arguments, environ);
}

EXPORTED int execlp(const char *name, const char *first, ...) {
  COLLECT(first);
  va_end(more);
  return execvpe(name, arguments, environ);
}

EXPORTED int execle(const char *path, const char *first, ...) {
  COLLECT(first);
  char *const *environment = va_arg(more, char *const *);
  va_end(more);
  return execve(path, arguments, environment);
}
