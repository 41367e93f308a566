/* instrument.c - what -fhwckpt adds to a clang or flang command line.
 *
 * The additions go in front: what the user says later decides, and no state of
 * the command line (-x, -Wl,--as-needed, "--") reaches them. Paths for the
 * linker follow -Xlinker, since -Wl, would take them apart at commas. Flang has
 * neither -Xlinker (it came after 19) nor --start-no-unused-arguments, and does
 * not complain of options that it does not use.
 */
#include "instrument.h"

#include "plugin_note.h"

#include <unistd.h>

struct files {
  char *pass, *front_end, *include, *builtins, *interpose, *threads, *archive;
};

static char *below(const char *root, const char *path) {
  struct argument_list text = {0};
  argument_list_addf(&text, "%s/%s", root, path);
  return (char *)text.items[0];
}

static struct files find_files(const char *root, unsigned llvm) {
  struct argument_list plugins = {0};
  argument_list_addf(&plugins, "%s/lib/hwckpt/%u", root, llvm);
  return (struct files){
      .pass = below(plugins.items[0], "hwckpt-pass.so"),
      .front_end = below(plugins.items[0], "hwckpt-fe.so"),
      .include = below(root, "lib/hwckpt/include"),
      .builtins = below(root, "lib/hwckpt/builtins.h"),
      .interpose = below(root, "lib/hwckpt/hwckpt_interpose-x86_64.o"),
      .threads = below(root, "lib/hwckpt/hwckpt_interpose_threads-x86_64.o"),
      .archive = below(root, "lib/hwckpt/libclang_rt.hwckpt-x86_64.a"),
  };
}

static bool is_missing(const char *path) { return access(path, R_OK) != 0; }

/* LLVM's versions do not take each other's plugins: what they do to them ranges
 * from a message without names to a crash. */
static struct problem check_plugin(const char *path, unsigned llvm) {
  unsigned own = plugin_note_llvm(path);
  struct argument_list detail = {0};
  if (is_missing(path))
    return (struct problem){HWCKPT_E_NO_PLUGIN, path, NULL};
  if (own == llvm)
    return (struct problem){0};
  if (own)
    argument_list_addf(&detail, "it is for LLVM %u, the compiler is LLVM %u",
                       own, llvm);
  else
    argument_list_addf(&detail,
                       "it does not say for which LLVM, the compiler is LLVM "
                       "%u",
                       llvm);
  return (struct problem){HWCKPT_E_LLVM_VERSION, path, detail.items[0]};
}

/* That there are plugins for the compiler, and which they are for. */
static struct problem check_compiler(const struct invocation *invocation,
                                     const struct real_compiler *compiler,
                                     unsigned llvm, const struct files *files) {
  struct argument_list detail = {0};
  if (!real_compiler_is_known(llvm) && is_missing(files->pass)) {
    if (llvm)
      argument_list_addf(&detail,
                         "it is LLVM %u, there are plugins for LLVM %s", llvm,
                         real_compiler_versions());
    else
      argument_list_addf(&detail,
                         "it does not tell its version, there are plugins for "
                         "LLVM %s",
                         real_compiler_versions());
    return (struct problem){HWCKPT_E_LLVM_VERSION, compiler->path,
                            detail.items[0]};
  }
  struct problem problem = check_plugin(files->pass, llvm);
  if (!problem.code && !invocation->fortran)
    problem = check_plugin(files->front_end, llvm);
  return problem;
}

/* An option of the front end's, through the driver. */
static void add_front_end_option(const struct invocation *invocation,
                                 struct argument_list *result,
                                 const char *argument) {
  argument_list_add(result, invocation->fortran ? "-Xflang" : "-Xclang");
  argument_list_add(result, argument);
}

static void add_linker(const struct invocation *invocation,
                       struct argument_list *result, const char *argument) {
  if (invocation->fortran) {
    argument_list_addf(result, "-Wl,%s", argument);
  } else {
    argument_list_add(result, "-Xlinker");
    argument_list_add(result, argument);
  }
}

static void add_linker_input(const struct invocation *invocation,
                             struct argument_list *result, const char *path) {
  if (!invocation->fortran)
    argument_list_add(result, "-Xlinker");
  argument_list_add(result, path);
}

/* For clang -cc1 and flang -fc1, which the driver would have told so. */
static void add_front_end(const struct invocation *invocation,
                          const struct files *files,
                          struct argument_list *result) {
  if (!invocation->fortran) {
    argument_list_add(result, "-load");
    argument_list_add(result, files->front_end);
  }
  argument_list_add(result, "-load");
  argument_list_add(result, files->pass);
  argument_list_addf(result, "-fpass-plugin=%s", files->pass);
  argument_list_add(result, "-D__HWCKPT__=1");
  if (!invocation->fortran) {
    argument_list_add(result, "-idirafter");
    argument_list_add(result, files->include);
  }
  if (invocation->hook) {
    argument_list_add(result, "-mllvm");
    argument_list_addf(result, "-hwckpt-hook=%s", invocation->hook);
  }
  for (size_t i = 0; i < invocation->ignorelists.count; i++) {
    argument_list_add(result, "-mllvm");
    argument_list_addf(result, "-hwckpt-ignorelist=%s",
                       invocation->ignorelists.items[i]);
  }
}

/* What only C and its relatives have: the builtin, headers. */
static void add_c(const struct invocation *invocation,
                  const struct files *files, struct argument_list *result) {
  argument_list_addf(result, "-fplugin=%s", files->front_end);
  argument_list_add(result, "-idirafter");
  argument_list_add(result, files->include);
  /* Not the driver's -include, which would end its search for a precompiled
   * header. */
  if (invocation->preprocesses) {
    add_front_end_option(invocation, result, "-include");
    add_front_end_option(invocation, result, files->builtins);
  }
}

static void add_compiler(const struct invocation *invocation,
                         const struct files *files,
                         struct argument_list *result) {
  if (!invocation->fortran)
    add_c(invocation, files, result);
  /* Loaded early as well, or its -mllvm options would not be known. */
  add_front_end_option(invocation, result, "-load");
  add_front_end_option(invocation, result, files->pass);
  argument_list_addf(result, "-fpass-plugin=%s", files->pass);
  argument_list_add(result, "-D__HWCKPT__=1");
  if (invocation->lto) {
    add_front_end_option(invocation, result, "-mllvm");
    add_front_end_option(invocation, result, "-hwckpt-prelink");
  }
  if (invocation->writes_ir) {
    add_front_end_option(invocation, result, "-mllvm");
    add_front_end_option(invocation, result, "-hwckpt-asm-sites");
  }
  if (invocation->hook) {
    struct argument_list option = {0};
    argument_list_addf(&option, "-hwckpt-hook=%s", invocation->hook);
    add_front_end_option(invocation, result, "-mllvm");
    add_front_end_option(invocation, result, option.items[0]);
  }
  for (size_t i = 0; i < invocation->ignorelists.count; i++) {
    const char *file = invocation->ignorelists.items[i];
    struct argument_list options = {0};
    argument_list_addf(&options, "-hwckpt-ignorelist=%s", file);
    add_front_end_option(invocation, result, "-mllvm");
    add_front_end_option(invocation, result, options.items[0]);
    if (invocation->fortran)
      continue;
    /* What -MD writes names it too. */
    argument_list_addf(&options, "-fdepfile-entry=%s", file);
    add_front_end_option(invocation, result, options.items[1]);
  }
}

/* libc's functions that are called by those that take their place
 * (runtime/interface/interpose.c, spawn.c) have other names in libc.a. */
static void add_interposed(const struct invocation *invocation,
                           const struct files *files,
                           struct argument_list *result) {
  static const char *const names[] = {
      "--defsym=__hwckpt_libc_pthread_create=__pthread_create",
      "--defsym=__hwckpt_libc_posix_spawn=__posix_spawn",
      "--defsym=__hwckpt_libc_posix_spawnp=__posix_spawnp",
      "--defsym=__hwckpt_libc_system=__libc_system",
      "--defsym=__hwckpt_libc_popen=_IO_popen"};
  add_linker_input(invocation, result, files->interpose);
  if (!invocation->fixed && !is_missing(files->threads))
    add_linker_input(invocation, result, files->threads);
  for (size_t i = 0; invocation->fixed && i < sizeof names / sizeof *names; i++)
    add_linker(invocation, result, names[i]);
}

static void add_link(const struct invocation *invocation,
                     const struct files *files, struct argument_list *result) {
  if (invocation->lld) {
    struct argument_list option = {0};
    argument_list_addf(&option, "--load-pass-plugin=%s", files->pass);
    add_linker(invocation, result, option.items[0]);
  }
  if (!invocation->executable)
    return;
  if (!is_missing(files->interpose))
    add_interposed(invocation, files, result);
  /* Instrumented code refers to the runtime weakly, which draws nothing out of
   * an archive. */
  add_linker(invocation, result, "--whole-archive");
  add_linker_input(invocation, result, files->archive);
  add_linker(invocation, result, "--no-whole-archive");
  /* Shared objects find the runtime in the program. */
  add_linker(invocation, result, "--export-dynamic-symbol=__hwckpt_*");
  add_linker(invocation, result, "--export-dynamic-symbol=hwckpt_*");
}

struct problem instrument(const struct invocation *invocation,
                          const struct argument_list *arguments,
                          const struct real_compiler *compiler,
                          const char *root, struct argument_list *result) {
  unsigned llvm = real_compiler_llvm(compiler);
  struct files files = find_files(root, llvm);
  struct problem problem = check_compiler(invocation, compiler, llvm, &files);
  if (problem.code)
    return problem;
  if (invocation->executable && is_missing(files.archive))
    return (struct problem){HWCKPT_E_NO_RUNTIME, files.archive, NULL};
  for (size_t i = 0; i < invocation->ignorelists.count; i++)
    if (is_missing(invocation->ignorelists.items[i]))
      return (struct problem){HWCKPT_E_IGNORELIST,
                              invocation->ignorelists.items[i], NULL};

  size_t next = 0;
  argument_list_add(result, arguments->items[next++]);
  if (invocation->front_end) {
    argument_list_add(result, arguments->items[next++]);
    add_front_end(invocation, &files, result);
  } else if (!invocation->assembler) {
    if (!invocation->fortran)
      argument_list_add(result, "--start-no-unused-arguments");
    add_compiler(invocation, &files, result);
    if (invocation->links)
      add_link(invocation, &files, result);
    if (!invocation->fortran)
      argument_list_add(result, "--end-no-unused-arguments");
  }
  for (; next < arguments->count; next++)
    argument_list_add(result, arguments->items[next]);
  return problem;
}
