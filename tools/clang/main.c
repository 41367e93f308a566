/* main.c - clang and flang with -fhwckpt.
 *
 * The real ones reject options they do not know. This program goes by their
 * names, takes -fhwckpt and the options that begin so out of the command
 * line, puts in what they stand for, and becomes the real one. Build systems
 * that link without the options they compile with are met halfway: a link of
 * instrumented objects alone is one with -fhwckpt. Invariant: without either
 * the real one sees the command line as it was.
 */
#include "argument_list.h"
#include "instrument.h"
#include "invocation.h"
#include "linker_inputs.h"
#include "problem.h"
#include "program_name.h"
#include "real_compiler.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

static void fail(struct problem problem) __attribute__((noreturn));
static void fail(struct problem problem) {
  for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++)
    if (messages[i].code == problem.code)
      fprintf(stderr, "%s: error: HWCKPT-E%d: %s: '%s'%s%s\n%s: note: %s\n",
              program_name, problem.code, messages[i].what, problem.object,
              problem.detail ? ": " : "", problem.detail ? problem.detail : "",
              program_name, messages[i].remedy);
  exit(1);
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
    fail((struct problem){HWCKPT_E_NO_PLUGIN, "/proc/self/exe", NULL});
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
  struct program_name name = program_name_read(argv[0]);
  program_name = name.text;
  struct real_compiler real;
  struct problem problem = real_compiler_find(&name, &real);
  if (problem.code)
    fail(problem);

  struct argument_list given = {0}, expanded = {0}, kept = {0};
  argument_list_add(&given, real.name);
  argument_list_add(&expanded, given.items[0]);
  for (int i = 1; i < argc; i++) {
    argument_list_add(&given, argv[i]);
    argument_list_add_expanded(&expanded, argv[i]);
  }

  struct invocation invocation;
  invocation_read(&expanded, &invocation, &kept);
  if (invocation.unknown_hook)
    fail((struct problem){HWCKPT_E_HOOK_OPTION, invocation.hook, NULL});
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
    become(real.path, &kept);

  if (invocation.links && invocation.lto && !invocation.lld &&
      !invocation.quiet)
    fprintf(stderr,
            "%s: warning: -fhwckpt with -flto has no effect on loops unless "
            "lld links: use -fuse-ld=lld\n",
            program_name);
  struct argument_list result = {0};
  problem = instrument(&invocation, &kept, &real, find_root(), &result);
  if (problem.code)
    fail(problem);
  become(real.path, &result);
}
