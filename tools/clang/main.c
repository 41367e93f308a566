/* main.c - clang with -fhwckpt.
 *
 * The real clang rejects options it does not know. This program goes by clang's
 * names, takes -fhwckpt and the options that begin so out of the command
 * line, puts in what they stand for, and becomes the real clang. Build systems
 * that link without the options they compile with are met halfway: a link of
 * instrumented objects alone is one with -fhwckpt. Invariant: without either
 * the real clang sees the command line as it was.
 */
#include "argument_list.h"
#include "instrument.h"
#include "invocation.h"
#include "linker_inputs.h"

#include "runtime/error.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *last_component(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash ? slash + 1 : path;
}

/* ---- errors, in clang's form ---- */

static const char *program_name = "clang";

struct message {
  enum hwckpt_code code;
  const char *what, *remedy;
};

static const struct message messages[] = {
#define HWCKPT_ERROR(number, name, what, remedy)                               \
  {HWCKPT_E_##name, what, remedy},
#include "runtime/errors.def"
#undef HWCKPT_ERROR
};

static void fail(enum hwckpt_code code, const char *object)
    __attribute__((noreturn));
static void fail(enum hwckpt_code code, const char *object) {
  for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++)
    if (messages[i].code == code)
      fprintf(stderr, "%s: error: HWCKPT-E%d: %s: '%s'\n%s: note: %s\n",
              program_name, code, messages[i].what, object, program_name,
              messages[i].remedy);
  exit(1);
}

/* ---- the real clang ---- */

/* Its path: HWCKPT_REAL_CLANG, or the one hwckpt was built for. */
static const char *find_real_clang(void) {
  const char *path = getenv("HWCKPT_REAL_CLANG");
  if (!path || !*path)
    path = REAL_CLANG;
  struct stat self, real;
  if (access(path, X_OK) != 0 || stat(path, &real) != 0 ||
      !S_ISREG(real.st_mode))
    fail(HWCKPT_E_NO_COMPILER, path);
  /* It would start itself for ever. */
  if (stat("/proc/self/exe", &self) == 0 && self.st_dev == real.st_dev &&
      self.st_ino == real.st_ino)
    fail(HWCKPT_E_NO_COMPILER, path);
  return path;
}

/* The name it is called by: its own folder, where it looks for its files, and
 * our last component, which says clang or clang++ and may name a target. */
static const char *real_clang_name(const char *path) {
  struct argument_list name = {0};
  argument_list_addf(&name, "%.*s%s", (int)(last_component(path) - path), path,
                     program_name);
  return name.items[0];
}

static void become(const char *path, struct argument_list *arguments)
    __attribute__((noreturn));
static void become(const char *path, struct argument_list *arguments) {
  execv(path, (char *const *)arguments->items);
  if (errno == E2BIG && argument_list_to_response_file(arguments) == 0)
    execv(path, (char *const *)arguments->items);
  fprintf(stderr, "%s: error: cannot run '%s': %s\n", program_name, path,
          strerror(errno));
  exit(1);
}

/* ---- hwckpt's own files ---- */

/* The folder above the one this program is in. */
static const char *find_root(void) {
  static char path[PATH_MAX];
  ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 1);
  if (length < 0)
    fail(HWCKPT_E_NO_PLUGIN, "/proc/self/exe");
  path[length] = '\0';
  for (int up = 0; up < 2; up++) {
    char *slash = strrchr(path, '/');
    if (slash)
      *slash = '\0';
  }
  return path;
}

int main(int argc, char **argv) {
  if (argc < 1)
    return 1;
  program_name = last_component(argv[0]);
  const char *real = find_real_clang();

  struct argument_list given = {0}, expanded = {0}, kept = {0};
  argument_list_add(&given, real_clang_name(real));
  argument_list_add(&expanded, given.items[0]);
  for (int i = 1; i < argc; i++) {
    argument_list_add(&given, argv[i]);
    argument_list_add_expanded(&expanded, argv[i]);
  }

  struct invocation invocation;
  invocation_read(&expanded, &invocation, &kept);
  if (invocation.unknown_hook)
    fail(HWCKPT_E_HOOK_OPTION, invocation.hook);
  /* Response files stay as they are unless something is to be taken out. */
  if (kept.count != expanded.count) {
    struct argument_list ignored = {0};
    struct invocation direct;
    invocation_read(&given, &direct, &ignored);
    if (given.count - ignored.count == expanded.count - kept.count)
      kept = ignored;
  } else {
    kept = given;
  }
  if (!invocation.instrument && !invocation.refuse && invocation.only_links)
    invocation.instrument = linker_inputs_need_runtime(&invocation.objects);
  if (!invocation.instrument)
    become(real, &kept);

  if (invocation.links && invocation.lto && !invocation.lld &&
      !invocation.quiet)
    fprintf(stderr,
            "%s: warning: -fhwckpt with -flto has no effect on loops unless "
            "lld links: use -fuse-ld=lld\n",
            program_name);
  struct argument_list result = {0};
  const char *missing = NULL;
  enum hwckpt_code code =
      instrument(&invocation, &kept, find_root(), &result, &missing);
  if (code != HWCKPT_E_NONE)
    fail(code, missing);
  become(real, &result);
}
