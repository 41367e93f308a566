/* checks.c - whether the program, its files, the kernel and the processor are
 * those of the checkpoint.
 *
 * Invariant: nothing is changed on disk, and no file is opened that could act
 * on being opened (devices, pipes). A restore that passes can still fail, as
 * files may change in between: the restorer looks again at what it opens. */
#include "checks.h"
#include "arch/features.h"
#include "elf_file.h"

#include "runtime/arch/arch.h"
#include "runtime/own_mode.h"

#include <errno.h>
#include <fcntl.h>
#include <gnu/libc-version.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

/* close_range(2) and CAP_CHECKPOINT_RESTORE. */
#define KERNEL_MAJOR 5
#define KERNEL_MINOR 9

static int check_kernel(struct hwckpt_error *error) {
  struct utsname system;
  unsigned major = 0, minor = 0;
  uname(&system);
  if (sscanf(system.release, "%u.%u", &major, &minor) == 2 &&
      (major > KERNEL_MAJOR ||
       (major == KERNEL_MAJOR && minor >= KERNEL_MINOR)))
    return 0;
  return hwckpt_fail(error, HWCKPT_E_RESTORE_KERNEL, 0, system.release,
                     "Linux %d.%d or newer is needed", KERNEL_MAJOR,
                     KERNEL_MINOR);
}

/* Processors are free to choose where in a frame a component is, and do. */
static int check_offsets(const struct generation *generation,
                         const struct arch_xstate *here,
                         struct hwckpt_error *error) {
  const Process *process = &generation->process;
  for (unsigned i = 2; i < process->xstate_offsets_count; i++)
    if (process->xstate_used >> i & 1 &&
        (i >= ARCH_XSTATE_PARTS ||
         process->xstate_offsets[i] != here->offset[i]))
      return hwckpt_fail(error, HWCKPT_E_STATE_OFFSETS, 0, generation->name,
                         "%s: at byte %u then, at %u now", feature_name(i),
                         process->xstate_offsets[i],
                         i < ARCH_XSTATE_PARTS ? here->offset[i] : 0);
  return 0;
}

static int check_processor(const struct generation *generation,
                           struct hwckpt_error *error) {
  const Process *process = &generation->process;
  struct arch_xstate here;
  arch_xstate_look(&here);
  /* Older generations say what there was, not what was used. */
  uint64_t used =
      process->xstate_used ? process->xstate_used : process->xstate_features;
  uint64_t missing = used & ~here.features;
  if (!missing)
    return check_offsets(generation, &here, error);
  char names[256] = "";
  const char *last = "";
  for (unsigned bit = 0; bit < 64; bit++) {
    const char *name = feature_name(bit);
    if (!(missing >> bit & 1) || !strcmp(name, last))
      continue;
    size_t used = strlen(names);
    snprintf(names + used, sizeof names - used, "%s%s", used ? ", " : "", name);
    last = name;
  }
  return hwckpt_fail(error, HWCKPT_E_CPU_FEATURES, 0, generation->name,
                     "%s (XCR0 bits %" PRIx64 ")", names, missing);
}

/* Of where the program was started and of here. */
static void describe_systems(const struct generation *generation, char *text,
                             size_t size) {
  const Process *process = &generation->process;
  struct utsname system;
  uname(&system);
  snprintf(text, size, "Linux %.71s%s%s then, Linux %.71s, glibc %s now",
           process->kernel_release, *process->libc ? ", glibc " : "",
           process->libc, system.release, gnu_get_libc_version());
}

/* Adds that to an error that another kernel or libc explains. */
static void say_systems(const struct generation *generation,
                        struct hwckpt_error *error) {
  size_t length = error ? strlen(error->detail) : 0;
  if (!error || length + 4 >= sizeof error->detail)
    return;
  memcpy(error->detail + length, "; ", 2);
  describe_systems(generation, error->detail + length + 2,
                   sizeof error->detail - length - 2);
}

/* It has asked the processor what there is, where it began, and chosen. */
static int check_instructions(const struct generation *generation,
                              struct hwckpt_error *error) {
  const Process *process = &generation->process;
  uint32_t here[ARCH_INSTRUCTION_WORDS];
  char names[256] = "", systems[256];
  size_t used = 0;
  arch_instructions(here);
  for (unsigned word = 0; word < process->instructions_count; word++) {
    uint32_t missing = process->instructions[word] &
                       ~(word < ARCH_INSTRUCTION_WORDS ? here[word] : 0);
    for (; missing; missing &= missing - 1) {
      unsigned bit = (unsigned)__builtin_ctz(missing);
      int length = snprintf(names + used, sizeof names - used, "%s%s",
                            used ? ", " : "", arch_instruction_name(word, bit));
      if (length > 0 && (size_t)length < sizeof names - used)
        used += (size_t)length;
      else
        names[used] = 0;
    }
  }
  if (!used)
    return 0;
  describe_systems(generation, systems, sizeof systems);
  return hwckpt_fail(error, HWCKPT_E_INSTRUCTIONS, 0, generation->name,
                     "%s (%s)", names, systems);
}

/* ---- what the kernel maps into every process ---- */

#define KERNEL_AREA_MAX 16

struct kernel_areas {
  struct {
    char name[32];
    uint64_t start, size;
  } area[KERNEL_AREA_MAX];
  size_t count;
};

/* Those of our own process: "[vdso]", "[vvar]", "[vvar_vclock]". */
static void own_kernel_areas(struct kernel_areas *own) {
  char line[512];
  own->count = 0;
  FILE *maps = fopen("/proc/self/maps", "re");
  while (maps && own->count < KERNEL_AREA_MAX &&
         fgets(line, sizeof line, maps)) {
    uint64_t start, end;
    char name[32];
    if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %*s %*s %*s %*s [%30[^]\n]",
               &start, &end, name) != 3 ||
        (strncmp(name, "vdso", 4) != 0 && strncmp(name, "vvar", 4) != 0))
      continue;
    snprintf(own->area[own->count].name, sizeof own->area->name, "[%.*s]", 28,
             name);
    own->area[own->count].start = start;
    own->area[own->count++].size = end - start;
  }
  if (maps)
    fclose(maps);
}

static int vdso_changed(const struct generation *generation, const Area *area,
                        struct hwckpt_error *error, const char *detail, ...)
    __attribute__((format(printf, 4, 5)));
static int vdso_changed(const struct generation *generation, const Area *area,
                        struct hwckpt_error *error, const char *detail, ...) {
  char text[128];
  va_list arguments;
  va_start(arguments, detail);
  vsnprintf(text, sizeof text, detail, arguments);
  va_end(arguments);
  int failed =
      hwckpt_fail(error, HWCKPT_E_VDSO_CHANGED, 0, area->name, "%s", text);
  say_systems(generation, error);
  return failed;
}

static int check_kernel_area(const struct generation *generation,
                             const struct kernel_areas *own, const Area *area,
                             struct hwckpt_error *error) {
  for (size_t i = 0; i < own->count; i++) {
    if (strcmp(own->area[i].name, area->name) != 0)
      continue;
    if (own->area[i].size != area->end - area->start)
      return vdso_changed(generation, area, error,
                          "%" PRIu64 " bytes then, %" PRIu64 " now",
                          area->end - area->start, own->area[i].size);
    unsigned char id[BUILD_ID_MAX];
    size_t length =
        area->build_id.size
            ? elf_build_id_in_memory((const void *)own->area[i].start,
                                     own->area[i].size, id)
            : 0;
    if (area->build_id.size && (length != area->build_id.size ||
                                memcmp(id, area->build_id.bytes, length) != 0))
      return vdso_changed(generation, area, error, "its build-id differs");
    return 0;
  }
  return vdso_changed(generation, area, error, "this kernel has none");
}

/* Whether it is known where the program calls the kernel's functions. */
static bool functions_recorded(const struct generation *generation) {
  Area area;
  bool found = false;
  for (size_t cursor = 0;
       !found && generation_next_area(generation, &cursor, &area);)
    found = area.kind == AreaKind_AREA_KERNEL && area.functions_count > 0;
  return found;
}

bool checks_other_kernel(const struct generation *generation) {
  struct kernel_areas own;
  Area area;
  bool differs = getenv("HWCKPT_OTHER_KERNEL") != NULL;
  own_kernel_areas(&own);
  for (size_t cursor = 0;
       !differs && generation_next_area(generation, &cursor, &area);)
    differs = area.kind == AreaKind_AREA_KERNEL &&
              check_kernel_area(generation, &own, &area, NULL);
  return differs && functions_recorded(generation);
}

/* ---- files ---- */

/* What a file was at the checkpoint. */
struct identity {
  const unsigned char *build_id;
  size_t build_id_size; /* 0: size and time decide */
  uint64_t size, mtime_ns;
};

static void hex(const unsigned char *id, size_t size,
                char text[2 * BUILD_ID_MAX + 1]) {
  text[0] = 0;
  for (size_t i = 0; i < size; i++)
    sprintf(text + 2 * i, "%02x", id[i]);
}

static uint64_t mtime_ns(const struct stat *status) {
  return (uint64_t)status->st_mtim.tv_sec * 1000000000 +
         (uint64_t)status->st_mtim.tv_nsec;
}

static int file_gone(const char *path, const char *what,
                     struct hwckpt_error *error) {
  return errno == EACCES
             ? hwckpt_fail(error, HWCKPT_E_FILE_PERMISSION, errno, path, "%s",
                           what)
             : hwckpt_fail(error, HWCKPT_E_FILE_GONE, errno, path, "%s", what);
}

/* Whether the file at path still is what it was; else fails with `changed`. */
static int check_same(const char *path, const struct identity *then,
                      enum hwckpt_code changed, const char *what,
                      struct hwckpt_error *error) {
  struct stat status;
  if (stat(path, &status))
    return file_gone(path, what, error);
  /* Opening others may wait, and they cannot be mapped. */
  if (!S_ISREG(status.st_mode) && !S_ISCHR(status.st_mode) &&
      !S_ISBLK(status.st_mode))
    return hwckpt_fail(error, HWCKPT_E_FILE_GONE, 0, path,
                       "%s; something of another kind is there now", what);
  if (!then->build_id_size) {
    if (!S_ISREG(status.st_mode) || ((uint64_t)status.st_size == then->size &&
                                     mtime_ns(&status) == then->mtime_ns))
      return 0;
    return (uint64_t)status.st_size != then->size
               ? hwckpt_fail(error, changed, 0, path,
                             "%" PRIu64 " bytes then, %" PRIu64 " now",
                             then->size, (uint64_t)status.st_size)
               : hwckpt_fail(error, changed, 0, path,
                             "written since (no build-id to compare)");
  }
  unsigned char id[BUILD_ID_MAX];
  char expected[2 * BUILD_ID_MAX + 1], found[2 * BUILD_ID_MAX + 1];
  struct elf_file elf;
  int failed = elf_open(&elf, path);
  if (failed == -EACCES) {
    errno = EACCES;
    return file_gone(path, what, error);
  }
  size_t size = failed ? 0 : elf_build_id(&elf, id);
  if (!failed)
    elf_close(&elf);
  if (size == then->build_id_size && !memcmp(id, then->build_id, size))
    return 0;
  hex(then->build_id, then->build_id_size, expected);
  hex(id, size, found);
  return hwckpt_fail(error, changed, 0, path, "build-id %s then, %s now",
                     expected, size ? found : "none");
}

static bool is_of_file(const Area *area) {
  return (area->kind == AreaKind_AREA_FILE_PRIVATE ||
          area->kind == AreaKind_AREA_FILE_SHARED) &&
         area->name[0] == '/';
}

/* The program's file had been removed or replaced by the checkpoint, which
 * holds all that was mapped of it. */
static bool holds_program(const struct generation *generation) {
  const char *program = generation->process.program;
  char name[sizeof generation->process.program + sizeof " (deleted)"];
  Area area;
  bool found = false;
  for (size_t cursor = 0;
       !found && generation_next_area(generation, &cursor, &area);) {
    snprintf(name, sizeof name, "%s (deleted)", area.name);
    found = area.deleted && area.kind == AreaKind_AREA_ANONYMOUS &&
            (!strcmp(area.name, program) || !strcmp(name, program));
  }
  return found;
}

/* The program is one of the mapped files, but its error is its own. Without
 * build-id the mapping of it knows size and time. */
static int check_program(const struct generation *generation,
                         struct hwckpt_error *error) {
  const Process *process = &generation->process;
  struct identity then = {process->build_id.bytes, process->build_id.size, 0,
                          0};
  Area area;
  bool mapped = false;
  for (size_t cursor = 0;
       !mapped && generation_next_area(generation, &cursor, &area);)
    mapped = is_of_file(&area) && !strcmp(area.name, process->program);
  if (!mapped && holds_program(generation))
    return 0;
  if (!then.build_id_size && mapped) {
    then.build_id = area.build_id.bytes;
    then.build_id_size = area.build_id.size;
    then.size = area.file_size;
    then.mtime_ns = area.file_mtime_ns;
  }
  if (then.build_id_size || mapped)
    return check_same(process->program, &then, HWCKPT_E_PROGRAM_CHANGED,
                      "the program itself", error);
  return access(process->program, F_OK)
             ? file_gone(process->program, "the program itself", error)
             : 0;
}

static int check_mapped_file(const struct generation *generation,
                             const Area *area, struct hwckpt_error *error) {
  if (area->deleted)
    return hwckpt_fail(error, HWCKPT_E_FILE_GONE, 0, area->name,
                       "it was mapped, and deleted before the checkpoint");
  /* The content of a shared mapping is the file's, whatever it is by now. */
  bool shared = area->kind == AreaKind_AREA_FILE_SHARED;
  struct stat now;
  if (shared && stat(area->name, &now))
    return file_gone(area->name, "it was mapped", error);
  if (shared && !S_ISFIFO(now.st_mode) && !S_ISSOCK(now.st_mode))
    return 0;
  struct identity then = {area->build_id.bytes, area->build_id.size,
                          area->file_size, area->file_mtime_ns};
  int failed = check_same(area->name, &then, HWCKPT_E_LIBRARY_CHANGED,
                          "it was mapped", error);
  if (failed == -HWCKPT_E_LIBRARY_CHANGED)
    say_systems(generation, error);
  return failed;
}

/* Whether the failure is of a file that may be as it was before long. */
static bool may_pass(const struct undo_paths *paths, int failed,
                     const char *path) {
  bool changed =
      failed == -HWCKPT_E_FILE_SHORTER || failed == -HWCKPT_E_LIBRARY_CHANGED;
  return (changed || failed == -HWCKPT_E_FILE_GONE) &&
         undo_may_bring(paths, path, changed);
}

static int check_kernel_areas(const struct generation *generation,
                              struct hwckpt_error *error) {
  struct kernel_areas own;
  Area area;
  int failed = 0;
  if (functions_recorded(generation)) /* calls are redirected */
    return 0;
  own_kernel_areas(&own);
  for (size_t cursor = 0;
       !failed && generation_next_area(generation, &cursor, &area);)
    if (area.kind == AreaKind_AREA_KERNEL)
      failed = check_kernel_area(generation, &own, &area, error);
  return failed;
}

static int check_mapped_files(const struct generation *generation,
                              const struct undo_paths *paths,
                              struct hwckpt_error *error) {
  Area area;
  char checked[sizeof area.name] =
      ""; /* a library has several areas in a row */
  for (size_t cursor = 0; generation_next_area(generation, &cursor, &area);) {
    if (!is_of_file(&area) || !strcmp(area.name, checked) ||
        !strcmp(area.name, generation->process.program))
      continue;
    int failed = check_mapped_file(generation, &area, error);
    /* What was noted of a file that the program writes to is of a moment after
     * the cut: when it is taken back, that has the last word. */
    bool passes = paths ? may_pass(paths, failed, area.name)
                        : failed == -HWCKPT_E_LIBRARY_CHANGED;
    if (failed && !passes)
      return failed;
    memcpy(checked, area.name, sizeof checked);
  }
  return 0;
}

/* ---- descriptors ---- */

static int check_descriptor(const Descriptor *descriptor,
                            struct hwckpt_error *error) {
  char place[48];
  struct stat status;
  const char *path = descriptor->path;
  unsigned mode = descriptor->flags & O_ACCMODE;
  bool writes = mode == O_WRONLY || mode == O_RDWR;
  snprintf(place, sizeof place, "descriptor %d", descriptor->number);
  if (descriptor->deleted)
    return hwckpt_fail(error, HWCKPT_E_FILE_GONE, 0, path,
                       "%s; it was deleted before the checkpoint", place);
  if (stat(path, &status))
    return file_gone(path, place, error);
  if ((status.st_mode & S_IFMT) != (descriptor->mode & S_IFMT))
    return hwckpt_fail(error, HWCKPT_E_FILE_GONE, 0, path,
                       "%s; something of another kind is there now", place);
  if (S_ISREG(status.st_mode) && writes &&
      (uint64_t)status.st_size < descriptor->size)
    return hwckpt_fail(error, HWCKPT_E_FILE_SHORTER, 0, path,
                       "%s; %" PRIu64 " bytes then, %" PRIu64 " now", place,
                       descriptor->size, (uint64_t)status.st_size);
  int wanted = (mode != O_WRONLY ? R_OK : 0) | (writes ? W_OK : 0);
  if (descriptor->flags & O_PATH)
    wanted = F_OK;
  if (faccessat(AT_FDCWD, path, wanted, AT_EACCESS) &&
      (errno != EACCES || !own_mode_may_open(&status)))
    return hwckpt_fail(error, HWCKPT_E_FILE_PERMISSION, errno, path, "%s",
                       place);
  return 0;
}

static int check_directory(const char *path, struct hwckpt_error *error) {
  static const char what[] = "its working directory";
  struct stat status;
  if (!*path)
    return 0;
  if (stat(path, &status))
    return file_gone(path, what, error);
  if (!S_ISDIR(status.st_mode))
    return hwckpt_fail(error, HWCKPT_E_FILE_GONE, 0, path,
                       "%s; something of another kind is there now", what);
  return access(path, X_OK) ? file_gone(path, what, error) : 0;
}

/* Files that tell of a process are there when it is. */
static bool comes_with_process(const char *path) {
  static const char begin[] = "/proc/", self[] = "/proc/self";
  size_t length = sizeof self - 1;
  char number =
      strncmp(path, begin, sizeof begin - 1) == 0 ? path[sizeof begin - 1] : 0;
  return (number >= '0' && number <= '9') ||
         (strncmp(path, self, length) == 0 &&
          (path[length] == '/' || !path[length]));
}

static int check_descriptors(const struct generation *generation,
                             const struct undo_paths *paths,
                             struct hwckpt_error *error) {
  Descriptor descriptor;
  for (size_t cursor = 0;
       generation_next_descriptor(generation, &cursor, &descriptor);) {
    if ((descriptor.kind != DescriptorKind_DESCRIPTOR_FILE &&
         descriptor.kind != DescriptorKind_DESCRIPTOR_DEVICE) ||
        descriptor.same_as >= 0 || comes_with_process(descriptor.path))
      continue;
    int failed = check_descriptor(&descriptor, error);
    if (failed && !may_pass(paths, failed, descriptor.path))
      return failed;
  }
  int failed = check_directory(generation->file_system.directory, error);
  return may_pass(paths, failed, generation->file_system.directory) ? 0
                                                                    : failed;
}

int checks_before_restore(const struct generation *generation,
                          bool any_processor, struct hwckpt_error *error) {
  int failed = check_kernel(error);
  if (!failed)
    failed = check_processor(generation, error);
  if (!failed && !any_processor)
    failed = check_instructions(generation, error);
  if (!failed)
    failed = check_program(generation, error);
  if (!failed)
    failed = check_kernel_areas(generation, error);
  return failed;
}

int checks_of_files(const struct generation *generation,
                    const struct undo_paths *paths,
                    struct hwckpt_error *error) {
  int failed = check_mapped_files(generation, paths, error);
  if (!failed)
    failed = check_descriptors(generation, paths, error);
  return failed;
}

bool checks_need_early(const struct generation *generation,
                       const struct undo_paths *paths) {
  Area area;
  bool early = undo_may_move(paths, generation->file_system.directory);
  for (size_t cursor = 0;
       !early && generation_next_area(generation, &cursor, &area);)
    early = (area.kind == AreaKind_AREA_FILE_SHARED &&
             undo_may_move(paths, area.name)) ||
            (area.kind == AreaKind_AREA_FILE_PRIVATE &&
             undo_may_bring(paths, area.name, true));
  return early;
}

bool checks_of_restart(const struct generation *generation) {
  const char *then = generation->process.boot_id;
  char now[sizeof generation->process.boot_id] = "";
  FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");
  if (file && !fgets(now, sizeof now, file))
    now[0] = 0;
  if (file)
    fclose(file);
  now[strcspn(now, "\n")] = 0;
  return *then && strcmp(now, then) != 0;
}
