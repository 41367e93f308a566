/* instrument.c - what -fhwckpt adds to a clang command line.
 *
 * The additions go in front: what the user says later decides, and no state of
 * the command line (-x, -Wl,--as-needed, "--") reaches them. Paths for the
 * linker follow -Xlinker, since -Wl, would take them apart at commas.
 */
#include "instrument.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct files {
  char *pass, *front_end, *include, *builtins, *interpose, *archive;
};

static char *below(const char *root, const char *path) {
  struct argument_list text = {0};
  argument_list_addf(&text, "%s/%s", root, path);
  return (char *)text.items[0];
}

static struct files find_files(const char *root) {
  return (struct files){
      .pass = below(root, "lib/hwckpt/" LLVM_FOLDER "/hwckpt-pass.so"),
      .front_end = below(root, "lib/hwckpt/" LLVM_FOLDER "/hwckpt-fe.so"),
      .include = below(root, "lib/hwckpt/include"),
      .builtins = below(root, "lib/hwckpt/builtins.h"),
      .interpose = below(root, "lib/hwckpt/hwckpt_interpose-x86_64.o"),
      .archive = below(root, "lib/hwckpt/libclang_rt.hwckpt-x86_64.a"),
  };
}

static bool is_missing(const char *path) { return access(path, R_OK) != 0; }

static void add_clang(struct argument_list *result, const char *argument) {
  argument_list_add(result, "-Xclang");
  argument_list_add(result, argument);
}

static void add_linker(struct argument_list *result, const char *argument) {
  argument_list_add(result, "-Xlinker");
  argument_list_add(result, argument);
}

/* For clang -cc1, which the driver would have told so. */
static void add_front_end(const struct invocation *invocation,
                          const struct files *files,
                          struct argument_list *result) {
  argument_list_add(result, "-load");
  argument_list_add(result, files->front_end);
  argument_list_add(result, "-load");
  argument_list_add(result, files->pass);
  argument_list_addf(result, "-fpass-plugin=%s", files->pass);
  argument_list_add(result, "-D__HWCKPT__=1");
  argument_list_add(result, "-idirafter");
  argument_list_add(result, files->include);
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

static void add_compiler(const struct invocation *invocation,
                         const struct files *files,
                         struct argument_list *result) {
  argument_list_addf(result, "-fplugin=%s", files->front_end);
  /* Loaded early as well, or its -mllvm options would not be known. */
  argument_list_addf(result, "-fplugin=%s", files->pass);
  argument_list_addf(result, "-fpass-plugin=%s", files->pass);
  argument_list_add(result, "-D__HWCKPT__=1");
  argument_list_add(result, "-idirafter");
  argument_list_add(result, files->include);
  if (invocation->lto) {
    add_clang(result, "-mllvm");
    add_clang(result, "-hwckpt-prelink");
  }
  if (invocation->hook) {
    add_clang(result, "-mllvm");
    argument_list_add(result, "-Xclang");
    argument_list_addf(result, "-hwckpt-hook=%s", invocation->hook);
  }
  for (size_t i = 0; i < invocation->ignorelists.count; i++) {
    const char *file = invocation->ignorelists.items[i];
    add_clang(result, "-mllvm");
    argument_list_add(result, "-Xclang");
    argument_list_addf(result, "-hwckpt-ignorelist=%s", file);
    /* What -MD writes names it too. */
    argument_list_add(result, "-Xclang");
    argument_list_addf(result, "-fdepfile-entry=%s", file);
  }
  /* Not the driver's -include, which would end its search for a precompiled
   * header. */
  if (invocation->preprocesses) {
    add_clang(result, "-include");
    add_clang(result, files->builtins);
  }
}

static void add_link(const struct invocation *invocation,
                     const struct files *files, struct argument_list *result) {
  if (invocation->lld) {
    argument_list_add(result, "-Xlinker");
    argument_list_addf(result, "--load-pass-plugin=%s", files->pass);
  }
  if (!invocation->executable)
    return;
  if (!is_missing(files->interpose))
    add_linker(result, files->interpose);
  /* Instrumented code refers to the runtime weakly, which draws nothing out of
   * an archive. */
  add_linker(result, "--whole-archive");
  add_linker(result, files->archive);
  add_linker(result, "--no-whole-archive");
  /* Shared objects find the runtime in the program. */
  add_linker(result, "--export-dynamic-symbol=__hwckpt_*");
  add_linker(result, "--export-dynamic-symbol=hwckpt_*");
}

enum hwckpt_code instrument(const struct invocation *invocation,
                            const struct argument_list *arguments,
                            const char *root, struct argument_list *result,
                            const char **missing) {
  struct files files = find_files(root);
  if (is_missing(*missing = files.pass) ||
      is_missing(*missing = files.front_end))
    return HWCKPT_E_NO_PLUGIN;
  if (invocation->executable && is_missing(*missing = files.archive))
    return HWCKPT_E_NO_RUNTIME;
  for (size_t i = 0; i < invocation->ignorelists.count; i++)
    if (is_missing(*missing = invocation->ignorelists.items[i]))
      return HWCKPT_E_IGNORELIST;

  size_t next = 0;
  argument_list_add(result, arguments->items[next++]);
  if (invocation->front_end) {
    argument_list_add(result, arguments->items[next++]);
    add_front_end(invocation, &files, result);
  } else if (!invocation->assembler) {
    argument_list_add(result, "--start-no-unused-arguments");
    add_compiler(invocation, &files, result);
    if (invocation->links)
      add_link(invocation, &files, result);
    argument_list_add(result, "--end-no-unused-arguments");
  }
  for (; next < arguments->count; next++)
    argument_list_add(result, arguments->items[next]);
  return HWCKPT_E_NONE;
}
