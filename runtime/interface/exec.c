/* exec.c - libc's exec functions: the program that takes the place of one that
 * is checkpointed gets the runtime too.
 *
 * A script that ends with `exec PROGRAM`, and `env`, `nice` or `timeout`
 * --foreground, make no process of their own. The runtime is handed on
 * (hand_on.h) in the process that it serves, and in its children where all
 * processes are checkpointed together.
 *
 * The coordinator may have sent the stop signal, which kills who does not
 * handle it: it is blocked until the new program's runtime is there, and
 * ignored where there will be none.
 *
 * As libc's: may be called from signal handlers and after vfork (system calls,
 * the stack, nothing else), return -1 with errno when the kernel refuses. An
 * object of its own like interpose.c. */
#include "exec.h"
#include "../arch/sys.h"
#include "../support/handlers.h"
#include "ending.h"
#include "hand_on.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#define EXPORTED __attribute__((weak, visibility("default")))

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

/* ---- the call ---- */

/* execveat() with an environment in which the runtime is handed on. */
static int replace(int folder, const char *path, char *const arguments[],
                   char *const environment[], int flags) {
  static char *const nothing[] = {NULL};
  struct hwckpt_successor we;
  if (!environment)
    environment = nothing;
  long failed;
  if (!__hwckpt_successor(&we)) {
    failed = SYS(execveat, folder, path, arguments, environment, flags);
    errno = (int)-failed;
    return -1;
  }
  enum program program = hand_on_look(folder, path, flags);
  bool preload = program == PROGRAM_LOADS && *we.preload;
  alignas(char *) char room[hand_on_size(&we, environment)];
  char *const *entries = hand_on(&we, environment, preload, room);
  bool seen = program == PROGRAM_HAS || preload;
  seen = seen && !hand_on_is_raised(folder, path, flags);
  if (program != PROGRAM_UNKNOWN)
    __hwckpt_before_program(folder, *path ? path : NULL, seen);
  if (program != PROGRAM_UNKNOWN && !seen)
    __hwckpt_ends_with(*path ? path : "program");
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
  size_t count = hand_on_count(arguments);
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
  const char *folders = hand_on_folders();
  char path[strlen(folders) + strlen(name) + 2];
  bool was_refused = false;
  if (strchr(name, '/') || !*name) {
    try_one(name, arguments, environment);
    return -1;
  }
  while (hand_on_next(&folders, name, path)) {
    try_one(path, arguments, environment);
    was_refused |= errno == EACCES;
    if (!is_elsewhere_perhaps(errno))
      return -1;
  }
  if (was_refused)
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
