/* real_compiler.c - the compiler that this program becomes.
 *
 * llvm_versions.def, made by CMake, has a line for each LLVM that hwckpt was
 * built for, the base first. Invariant: what is found is another program than
 * this one, which would start itself for ever.
 */
#include "real_compiler.h"

#include "argument_list.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct {
  unsigned llvm;
  const char *clang, *flang; /* flang: "" where it is not installed */
} known[] = {
#define HWCKPT_LLVM(version, clang, flang) {version, clang, flang},
#include "llvm_versions.def"
#undef HWCKPT_LLVM
};
#define KNOWN_COUNT (sizeof(known) / sizeof(known[0]))

bool real_compiler_is_known(unsigned llvm) {
  for (size_t i = 0; i < KNOWN_COUNT; i++)
    if (known[i].llvm == llvm)
      return true;
  return false;
}

const char *real_compiler_versions(void) {
  struct argument_list text = {0};
  argument_list_addf(&text, "%u", known[0].llvm);
  for (size_t i = 1; i < KNOWN_COUNT; i++)
    argument_list_addf(&text, "%s%s%u", text.items[i - 1],
                       i + 1 == KNOWN_COUNT ? " and " : ", ", known[i].llvm);
  return text.items[text.count - 1];
}

static bool is_another_program(const char *path) {
  struct stat self, real;
  if (access(path, X_OK) != 0 || stat(path, &real) != 0 ||
      !S_ISREG(real.st_mode))
    return false;
  return stat("/proc/self/exe", &self) != 0 || self.st_dev != real.st_dev ||
         self.st_ino != real.st_ino;
}

/* The name it is called by: its own folder, where it looks for its files, and
 * our last component, which says clang or clang++ and may name a target. */
static const char *called_by(const char *path, const char *name) {
  const char *slash = strrchr(path, '/');
  int folder = slash ? (int)(slash + 1 - path) : 0;
  struct argument_list text = {0};
  argument_list_addf(&text, "%.*s%s", folder, path, name);
  return text.items[0];
}

struct problem real_compiler_find(const struct program_name *name,
                                  struct real_compiler *compiler) {
  const char *path =
      getenv(name->fortran ? "HWCKPT_REAL_FLANG" : "HWCKPT_REAL_CLANG");
  *compiler = (struct real_compiler){0};
  if (path && *path) {
    compiler->path = path;
  } else {
    for (size_t i = 0; i < KNOWN_COUNT && !compiler->llvm; i++)
      if (!name->llvm || name->llvm == known[i].llvm) {
        compiler->llvm = known[i].llvm;
        compiler->path = name->fortran ? known[i].flang : known[i].clang;
      }
    if (!compiler->llvm) {
      struct argument_list detail = {0};
      argument_list_addf(&detail, "hwckpt was built for LLVM %s",
                         real_compiler_versions());
      return (struct problem){HWCKPT_E_LLVM_VERSION, name->text,
                              detail.items[0]};
    }
  }
  if (!is_another_program(compiler->path))
    return (struct problem){HWCKPT_E_NO_COMPILER,
                            *compiler->path ? compiler->path : name->text,
                            NULL};
  compiler->name = called_by(compiler->path, name->text);
  return (struct problem){0};
}

/* ---- its version ---- */

/* A number that is all of text up to a dot or the end of the line, or 0. */
static unsigned major_version(const char *text) {
  char *end;
  unsigned long number = strtoul(text, &end, 10);
  if (end == text || (*end && *end != '.' && *end != '\n') || number > UINT_MAX)
    return 0;
  return (unsigned)number;
}

/* Beside a compiler are the files it brings, in ../lib/clang/VERSION; that does
 * not tell where several versions share the folder. */
static unsigned version_of_folder(const char *compiler) {
  char path[PATH_MAX];
  if (!realpath(compiler, path))
    return 0;
  for (int up = 0; up < 2; up++) {
    char *slash = strrchr(path, '/');
    if (slash)
      *slash = '\0';
  }
  struct argument_list folder = {0};
  argument_list_addf(&folder, "%s/lib/clang", path);
  DIR *stream = opendir(folder.items[0]);
  if (!stream)
    return 0;
  unsigned found = 0;
  bool ambiguous = false;
  for (struct dirent *entry; (entry = readdir(stream));) {
    unsigned version = major_version(entry->d_name);
    ambiguous |= version && found && version != found;
    if (version)
      found = version;
  }
  closedir(stream);
  return ambiguous ? 0 : found;
}

/* What the program says when it is asked. */
static unsigned version_of_program(const char *path) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0)
    return 0;
  pid_t child = fork();
  if (child == 0) {
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0 || dup2(null, STDIN_FILENO) < 0 ||
        dup2(null, STDERR_FILENO) < 0 || dup2(ends[1], STDOUT_FILENO) < 0)
      _exit(1);
    execl(path, path, "-dumpversion", (char *)NULL);
    _exit(1);
  }
  close(ends[1]);
  char text[64];
  size_t length = 0;
  ssize_t got;
  while ((got = read(ends[0], text + length, sizeof(text) - 1 - length)) > 0 ||
         (got < 0 && errno == EINTR))
    length += got > 0 ? (size_t)got : 0;
  text[length] = '\0';
  close(ends[0]);
  int status;
  while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
    ;
  return child < 0 ? 0 : major_version(text);
}

unsigned real_compiler_llvm(const struct real_compiler *compiler) {
  unsigned llvm = compiler->llvm;
  if (!llvm)
    llvm = version_of_folder(compiler->path);
  if (!llvm)
    llvm = version_of_program(compiler->path);
  return llvm;
}
