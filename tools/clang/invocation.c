/* invocation.c - what a clang or flang command line asks for.
 *
 * Not a copy of their option parser: it has to know which words are values of
 * the option before them, what keeps clang from linking, and what kind of file
 * the linker makes. Where it errs the additions are options that clang does not
 * use, about which it was told not to complain.
 */
#include "invocation.h"

#include "program_name.h"

#include <string.h>

#define LENGTH(table) (sizeof(table) / sizeof((table)[0]))

/* Options whose value is the next argument when they stand alone. */
static const char *const options_with_value[] = {
    "--config",
    "--define-macro",
    "--for-linker",
    "--imacros",
    "--include",
    "--include-directory",
    "--include-directory-after",
    "--language",
    "--library-directory",
    "--output",
    "--param",
    "--prefix",
    "--resource",
    "--serialize-diagnostics",
    "--sysroot",
    "--undefine-macro",
    "-B",
    "-D",
    "-F",
    "-G",
    "-I",
    "-J",
    "-L",
    "-MF",
    "-MJ",
    "-MQ",
    "-MT",
    "-T",
    "-Tbss",
    "-Tdata",
    "-Ttext",
    "-U",
    "-Xanalyzer",
    "-Xassembler",
    "-Xclang",
    "-Xclangas",
    "-Xcuda-fatbinary",
    "-Xcuda-ptxas",
    "-Xflang",
    "-Xlinker",
    "-Xoffload-linker",
    "-Xopenmp-target",
    "-Xpreprocessor",
    "-arch",
    "-ccc-gcc-name",
    "-ccc-install-dir",
    "-cxx-isystem",
    "-e",
    "-fdebug-compilation-dir",
    "-fmodule-name",
    "-fmodules-user-build-path",
    "-framework",
    "-ftrapv-handler",
    "-gen-cdb-fragment-path",
    "-idirafter",
    "-iframework",
    "-imacros",
    "-imultilib",
    "-include",
    "-include-pch",
    "-index-store-path",
    "-iprefix",
    "-iquote",
    "-isysroot",
    "-isystem",
    "-isystem-after",
    "-ivfsoverlay",
    "-iwithprefix",
    "-iwithprefixbefore",
    "-iwithsysroot",
    "-l",
    "-mllvm",
    "-mmlir",
    "-module-dir",
    "-mthread-model",
    "-o",
    "-rpath",
    "-serialize-diagnostics",
    "-stdlib++-isystem",
    "-target",
    "-u",
    "-working-directory",
    "-x",
    "-z",
};

/* Options with which clang stops before the linker, or does no work at all. */
static const char *const options_without_link[] = {
    "--analyze",
    "--assemble",
    "--compile",
    "--dependencies",
    "--help",
    "--precompile",
    "--preprocess",
    "--user-dependencies",
    "--version",
    "-E",
    "-M",
    "-MM",
    "-S",
    "-c",
    "-dumpmachine",
    "-dumpspecs",
    "-dumpversion",
    "-emit-ast",
    "-emit-interface-stubs",
    "-extract-api",
    "-fsyntax-only",
    "-help",
    "-rewrite-legacy-objc",
    "-rewrite-objc",
    "-verify-pch",
};

/* Words, to the compiler or to the linker, for outputs that are no programs. */
static const char *const options_not_executable[] = {
    "--relocatable", "--shared", "-Bshareable", "-dynamiclib", "-r", "-shared",
};

/* Names of files that clang precompiles when it is given them. */
static const char *const header_suffixes[] = {
    ".h", ".hh", ".hpp", ".hxx", ".h++", ".hp", ".H", ".tcc",
};

/* Values of -fhwckpt-hook=. */
static const char *const hooks[] = {"auto", "insn", "interrupt", "syscall",
                                    "trap"};

/* Words for programs without libc, which the runtime needs. */
static const char *const options_without_libc[] = {
    "--no-standard-libraries",
    "-nodefaultlibs",
    "-nolibc",
    "-nostdlib",
};

/* Names of files that clang compiles; it leaves all others to the linker. */
static const char *const source_suffixes[] = {
    ".C",   ".CC",  ".CPP",  ".CXX",   ".F",    ".F03",  ".F08", ".F90",
    ".F95", ".FOR", ".FPP",  ".H",     ".M",    ".S",    ".adb", ".ads",
    ".asm", ".ast", ".bc",   ".c",     ".c++",  ".cc",   ".ccm", ".cir",
    ".cl",  ".cp",  ".cpp",  ".cu",    ".cui",  ".cxx",  ".f",   ".f03",
    ".f08", ".f90", ".f95",  ".for",   ".fpp",  ".gch",  ".h",   ".h++",
    ".hh",  ".hip", ".hipi", ".hlsl",  ".hp",   ".hpp",  ".hxx", ".i",
    ".ifs", ".ii",  ".iih",  ".iim",   ".iiv",  ".ixx",  ".ll",  ".m",
    ".mi",  ".mii", ".mm",   ".pch",   ".pcm",  ".rs",   ".s",   ".sx",
    ".tcc", ".C++", ".c++m", ".clcpp", ".cppm", ".cxxm",
};

static bool contains(const char *const *table, size_t length,
                     const char *word) {
  for (size_t i = 0; i < length; i++)
    if (strcmp(table[i], word) == 0)
      return true;
  return false;
}

static bool starts_with(const char *text, const char *start) {
  return strncmp(text, start, strlen(start)) == 0;
}

static bool ends_with(const char *text, const char *end) {
  size_t length = strlen(text), end_length = strlen(end);
  return length >= end_length && strcmp(text + length - end_length, end) == 0;
}

static bool is_header(const char *path) {
  for (size_t i = 0; i < LENGTH(header_suffixes); i++)
    if (ends_with(path, header_suffixes[i]))
      return true;
  return false;
}

static bool is_source(const char *path) {
  const char *dot = strrchr(path, '.');
  return strcmp(path, "-") == 0 ||
         (dot && contains(source_suffixes, LENGTH(source_suffixes), dot));
}

/* True if one of the words between commas says it makes no program. */
static bool linker_words_not_executable(const char *words) {
  while (*words) {
    size_t length = strcspn(words, ",");
    for (size_t i = 0; i < LENGTH(options_not_executable); i++)
      if (strlen(options_not_executable[i]) == length &&
          strncmp(options_not_executable[i], words, length) == 0)
        return true;
    words += length + (words[length] == ',');
  }
  return false;
}

/* What is known while the arguments are read, in order. */
struct reading {
  struct invocation *invocation;
  bool stops_early;     /* an option of options_without_link */
  bool has_input;       /* something to link */
  bool compiles;        /* something that is no object */
  bool not_executable;  /* an option of options_not_executable */
  bool without_libc;    /* an option of options_without_libc */
  const char *language; /* -x, null: by suffix */
};

static void read_input(struct reading *reading, const char *path) {
  bool header = reading->language
                    ? ends_with(reading->language, "-header") ||
                          ends_with(reading->language, "-header-unit")
                    : is_header(path);
  if (!header)
    reading->has_input = true;
  if (reading->language || is_source(path))
    reading->compiles = true;
  else
    argument_list_add(&reading->invocation->objects, path);
}

static void read_ours(struct reading *reading, const char *argument) {
  struct invocation *invocation = reading->invocation;
  if (strcmp(argument, "-fhwckpt") == 0 ||
      strcmp(argument, "-fno-hwckpt") == 0) {
    invocation->instrument = strcmp(argument, "-fhwckpt") == 0;
    invocation->refuse = !invocation->instrument;
  } else if (starts_with(argument, "-fhwckpt-ignorelist=")) {
    argument_list_add(&invocation->ignorelists, strchr(argument, '=') + 1);
  } else {
    invocation->hook = strchr(argument, '=') + 1;
    invocation->unknown_hook =
        !contains(hooks, LENGTH(hooks), invocation->hook);
  }
}

static void read_value(struct reading *reading, const char *option,
                       const char *value) {
  if (strcmp(option, "-x") == 0 || strcmp(option, "--language") == 0) {
    reading->language = strcmp(value, "none") == 0 ? NULL : value;
  } else if (strcmp(option, "-Xlinker") == 0 ||
             strcmp(option, "--for-linker") == 0) {
    reading->has_input = true;
    if (linker_words_not_executable(value))
      reading->not_executable = true;
  } else if (strcmp(option, "-l") == 0) {
    reading->has_input = true;
  }
}

static void read_option(struct reading *reading, const char *option) {
  struct invocation *invocation = reading->invocation;
  if (contains(options_without_link, LENGTH(options_without_link), option) ||
      starts_with(option, "-print-") || starts_with(option, "--print-") ||
      strcmp(option, "--driver-mode=cpp") == 0) {
    reading->stops_early = true;
    if (strcmp(option, "-E") == 0 || strcmp(option, "--preprocess") == 0 ||
        strcmp(option, "--driver-mode=cpp") == 0)
      invocation->preprocesses = true;
  } else if (starts_with(option, "-save-temps") ||
             starts_with(option, "--save-temps") ||
             strcmp(option, "-no-integrated-cpp") == 0) {
    invocation->preprocesses = true;
  } else if (contains(options_not_executable, LENGTH(options_not_executable),
                      option)) {
    reading->not_executable = true;
  } else if (contains(options_without_libc, LENGTH(options_without_libc),
                      option)) {
    reading->without_libc = true;
  } else if (starts_with(option, "-Wl,")) {
    reading->has_input = true;
    if (linker_words_not_executable(option + strlen("-Wl,")))
      reading->not_executable = true;
  } else if (starts_with(option, "-x")) {
    read_value(reading, "-x", option + strlen("-x"));
  } else if (starts_with(option, "-l")) {
    reading->has_input = true;
  } else if (strcmp(option, "-flto") == 0 || starts_with(option, "-flto=")) {
    invocation->lto = strcmp(option, "-flto=none") != 0;
  } else if (strcmp(option, "-fno-lto") == 0) {
    invocation->lto = false;
  } else if (strcmp(option, "-static") == 0 ||
             strcmp(option, "--static") == 0 ||
             strcmp(option, "-static-pie") == 0) {
    invocation->fixed = true;
  } else if (strcmp(option, "-emit-llvm") == 0) {
    invocation->writes_ir = true;
  } else if (starts_with(option, "-fuse-ld=") ||
             starts_with(option, "--ld-path=")) {
    const char *name = strchr(option, '=') + 1;
    const char *slash = strrchr(name, '/');
    invocation->lld = strstr(slash ? slash : name, "lld") != NULL;
  } else if (strcmp(option, "-w") == 0) {
    invocation->quiet = true;
  }
}

bool invocation_is_ours(const char *argument) {
  return strcmp(argument, "-fhwckpt") == 0 ||
         strcmp(argument, "-fno-hwckpt") == 0 ||
         starts_with(argument, "-fhwckpt-hook=") ||
         starts_with(argument, "-fhwckpt-ignorelist=");
}

/* The arguments behind the name. */
static void read_arguments(struct reading *reading,
                           const struct argument_list *all,
                           struct argument_list *kept) {
  bool only_inputs = false; /* behind "--" */
  for (size_t i = 1; i < all->count; i++) {
    const char *argument = all->items[i];
    if (!only_inputs && invocation_is_ours(argument)) {
      read_ours(reading, argument);
      continue;
    }
    argument_list_add(kept, argument);
    if (only_inputs || argument[0] != '-' || argument[1] == '\0') {
      read_input(reading, argument);
    } else if (strcmp(argument, "--") == 0) {
      only_inputs = true;
    } else if (i + 1 < all->count &&
               (contains(options_with_value, LENGTH(options_with_value),
                         argument) ||
                starts_with(argument, "-Xarch_") ||
                starts_with(argument, "-Xopenmp-target="))) {
      const char *value = all->items[++i];
      argument_list_add(kept, value);
      read_value(reading, argument, value);
    } else {
      read_option(reading, argument);
    }
  }
}

void invocation_read(const struct argument_list *all,
                     struct invocation *invocation,
                     struct argument_list *kept) {
  *invocation = (struct invocation){0};
  struct reading reading = {.invocation = invocation};
  struct program_name name = program_name_read(all->items[0]);
  invocation->fortran = name.fortran;
  reading.stops_early = invocation->preprocesses = name.preprocessor;
  argument_list_add(kept, all->items[0]);
  if (all->count > 1) {
    const char *front_end = invocation->fortran ? "-fc1" : "-cc1";
    invocation->front_end = strcmp(all->items[1], front_end) == 0;
    invocation->assembler = strcmp(all->items[1], "-cc1as") == 0;
  }
  read_arguments(&reading, all, kept);

  invocation->links = reading.has_input && !reading.stops_early &&
                      !invocation->front_end && !invocation->assembler;
  invocation->executable = invocation->links && !reading.not_executable;
  invocation->only_links =
      invocation->executable && !reading.compiles && !reading.without_libc;
}
