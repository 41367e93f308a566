/* spawn.c - posix_spawn(), posix_spawnp(), system() and popen(): what they
 * start gets the runtime, where all processes of the program are checkpointed
 * together.
 *
 * libc starts these programs without its exec functions that others may
 * replace (exec.c), so its own functions are called with what hands the runtime
 * on: an environment, or a command that first executes the shell again with it.
 * All else is as libc has it. The stop signal is ignored in the child until the
 * runtime is there, as libc ignores it between its clone and exec.
 *
 * May be called by any thread, not in signal handlers, as libc's. An object of
 * its own like interpose.c. */
#include "hand_on.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <paths.h>
#include <spawn.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXPORTED __attribute__((weak, visibility("default")))

/* ---- libc's own ---- */

typedef int spawns(pid_t *, const char *, const posix_spawn_file_actions_t *,
                   const posix_spawnattr_t *, char *const[], char *const[]);

/* In a program that is linked statically the driver defines the first four
 * (tools/clang/instrument.c); in others they are looked up. */
extern spawns __hwckpt_libc_posix_spawn __attribute__((weak));
extern spawns __hwckpt_libc_posix_spawnp __attribute__((weak));
extern int __hwckpt_libc_system(const char *) __attribute__((weak));
extern FILE *__hwckpt_libc_popen(const char *, const char *)
    __attribute__((weak));
extern void *dlsym(void *, const char *) __attribute__((weak));

static void *look_up(const char *name) {
  return dlsym ? dlsym(RTLD_NEXT, name) : NULL;
}

#define LIBC(name)                                                             \
  (__hwckpt_libc_##name ? __hwckpt_libc_##name                                 \
                        : (__typeof__(&__hwckpt_libc_##name))look_up(#name))

/* ---- posix_spawn ---- */

static bool is_handed_on(struct hwckpt_successor *we) {
  return __hwckpt_successor(we) && we->together && *we->preload;
}

/* What it finds, it says if nobody will see what that changes. */
static enum program look_at(const char *path) {
  enum program found = hand_on_look(AT_FDCWD, path, 0);
  if (found == PROGRAM_WITHOUT ||
      (found != PROGRAM_UNKNOWN && hand_on_is_raised(AT_FDCWD, path, 0)))
    __hwckpt_before_program(AT_FDCWD, path, 0);
  return found;
}

/* As the search of posix_spawnp() finds it. What is not found here may be there
 * after the file actions: most likely it can load a runtime. */
static enum program look_for(const char *name) {
  const char *folders = hand_on_folders();
  char path[strlen(folders) + strlen(name) + 2];
  enum program found = PROGRAM_UNKNOWN;
  while (found == PROGRAM_UNKNOWN && hand_on_next(&folders, name, path))
    found = look_at(path);
  return found;
}

static int spawn(spawns *libcs, bool search, pid_t *pid, const char *path,
                 const posix_spawn_file_actions_t *actions,
                 const posix_spawnattr_t *attributes, char *const arguments[],
                 char *const environment[]) {
  struct hwckpt_successor we;
  if (!libcs)
    return ENOSYS;
  if (!is_handed_on(&we))
    return libcs(pid, path, actions, attributes, arguments, environment);
  enum program program =
      search && !strchr(path, '/') ? look_for(path) : look_at(path);
  bool preload = program == PROGRAM_LOADS || program == PROGRAM_UNKNOWN;
  alignas(char *) char room[hand_on_size(&we, environment)];
  return libcs(pid, path, actions, attributes, arguments,
               hand_on(&we, environment, preload, room));
}

EXPORTED int posix_spawn(pid_t *pid, const char *path,
                         const posix_spawn_file_actions_t *actions,
                         const posix_spawnattr_t *attributes,
                         char *const arguments[], char *const environment[]) {
  return spawn(LIBC(posix_spawn), false, pid, path, actions, attributes,
               arguments, environment);
}

EXPORTED int posix_spawnp(pid_t *pid, const char *name,
                          const posix_spawn_file_actions_t *actions,
                          const posix_spawnattr_t *attributes,
                          char *const arguments[], char *const environment[]) {
  return spawn(LIBC(posix_spawnp), true, pid, name, actions, attributes,
               arguments, environment);
}

/* ---- commands for the shell ---- */

/* Adds text to a command, as one word of the shell. */
static char *add_quoted(char *to, const char *text) {
  *to++ = '\'';
  for (; *text; text++)
    if (*text == '\'')
      to = stpcpy(to, "'\\''");
    else
      *to++ = *text;
  return stpcpy(to, "'");
}

/* The command as the shell that libc starts is given it: it executes itself
 * anew with the runtime, under the name that it has. Null: as it is. The caller
 * frees it. */
static char *command_with_runtime(const char *command) {
  static const char again[] = " exec " _PATH_BSHELL " -c -- ";
  static const char preload[] = "LD_PRELOAD=", options[] = " HWCKPT_OPTIONS=";
  struct hwckpt_successor we;
  if (!command || !is_handed_on(&we) ||
      hand_on_look(AT_FDCWD, _PATH_BSHELL, 0) != PROGRAM_LOADS)
    return NULL;
  const char *others = hand_on_others(environ);
  /* A quote becomes four bytes. */
  char *whole = malloc(sizeof again + sizeof preload + sizeof options + 32 +
                       4 * (strlen(we.preload) + strlen(others) +
                            strlen(we.options) + strlen(command)));
  if (!whole)
    return NULL;
  char *to = add_quoted(stpcpy(whole, preload), we.preload);
  if (*others)
    to = add_quoted(stpcpy(to, ":"), others);
  to = add_quoted(stpcpy(to, options), we.options);
  stpcpy(add_quoted(stpcpy(to, again), command), " sh");
  return whole;
}

EXPORTED int system(const char *command) {
  int (*libcs)(const char *) = LIBC(system);
  char *handed_on = command_with_runtime(command);
  int status = -1;
  if (libcs)
    status = libcs(handed_on ? handed_on : command);
  else
    errno = ENOSYS;
  int error = errno;
  free(handed_on);
  errno = error;
  return status;
}

EXPORTED FILE *popen(const char *command, const char *mode) {
  FILE *(*libcs)(const char *, const char *) = LIBC(popen);
  char *handed_on = command_with_runtime(command);
  FILE *stream = NULL;
  if (libcs)
    stream = libcs(handed_on ? handed_on : command, mode);
  else
    errno = ENOSYS;
  int error = errno;
  free(handed_on);
  errno = error;
  return stream;
}
