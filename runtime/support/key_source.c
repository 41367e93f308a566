/* key_source.c - see key_source.h.
 *
 * The command runs without the program's handlers, descriptors and, so that it
 * is not checkpointed itself, HWCKPT_OPTIONS.
 */
#include "key_source.h"

#include "../arch/sys.h"
#include "../cache/cipher.h"
#include "../cache/secret.h"
#include "key_command.h"
#include "private.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define ENVIRONMENT ((size_t)256 << 10) /* bytes of its text */
#define VARIABLES 4096u

struct work {
  unsigned char secret[SECRET_MAX + 1];
  struct key_command command;
  char *variables[VARIABLES + 1];
  char environment[ENVIRONMENT];
};

static int refuse(const char *object, long number, const char *why,
                  struct hwckpt_error *error) {
  return hwckpt_fail(error, HWCKPT_E_KEY_SOURCE, number < 0 ? (int)-number : 0,
                     object, "%s", why);
}

static struct work *begin_work(const char *object, struct hwckpt_error *error) {
  struct work *work = private_map(sizeof *work);
  if (!work)
    refuse(object, -ENOMEM, "memory", error);
  return work;
}

static void end_work(struct work *work) {
  cipher_wipe(work->secret, sizeof work->secret);
  private_unmap(work, sizeof *work);
}

/* To its end, or to where it is too long; without patience nothing of it is
 * waited for. Negative: an errno. */
static long read_all(int fd, void *room, size_t size,
                     const struct timespec *patience) {
  size_t length = 0;
  long got = 1;
  while (length < size && got > 0) {
    long failed = patience ? key_command_wait(fd, patience) : 0;
    if (failed < 0)
      return failed;
    got = SYS(read, fd, (char *)room + length, size - length);
    length += got > 0 ? (size_t)got : 0;
  }
  return got < 0 ? got : (long)length;
}

static int make_key(const struct work *work, long length, const char *object,
                    struct cache_key *key, struct hwckpt_error *error) {
  if (length < 0)
    return refuse(object, length, "read", error);
  return secret_to_key(work->secret, (size_t)length, key)
             ? 0
             : refuse(object, 0, "it is to be 32 to 4096 bytes", error);
}

/* ---- a file ---- */

static int check_file(int fd, const char *path, struct hwckpt_error *error) {
  struct statx status = {0};
  long failed = SYS(statx, fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &status);
  if (failed < 0)
    return refuse(path, failed, "statx", error);
  /* It is read again for each cache that is opened. */
  if (!S_ISREG(status.stx_mode))
    return refuse(path, 0, "no regular file", error);
  if (status.stx_uid && status.stx_uid != (uint32_t)SYS(geteuid))
    return refuse(path, 0, "it belongs to another user, who knows it", error);
  return status.stx_mode & (S_IRWXG | S_IRWXO)
             ? refuse(path, 0, "others may read or write it", error)
             : 0;
}

int key_source_file(const char *path, struct cache_key *key,
                    struct hwckpt_error *error) {
  long fd = SYS(openat, AT_FDCWD, path,
                O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0);
  if (fd < 0)
    return refuse(path, fd, "open", error);
  struct work *work = begin_work(path, error);
  int result = work ? check_file((int)fd, path, error) : -HWCKPT_E_KEY_SOURCE;
  if (result == 0)
    result = make_key(
        work, read_all((int)fd, work->secret, sizeof work->secret, NULL), path,
        key, error);
  if (work)
    end_work(work);
  SYS(close, fd);
  return result;
}

/* ---- a command ---- */

/* The environment that the program was started with. */
static long read_environment(struct work *work) {
  static const char options[] = "HWCKPT_OPTIONS=";
  unsigned count = 0;
  long fd =
      SYS(openat, AT_FDCWD, "/proc/self/environ", O_RDONLY | O_CLOEXEC, 0);
  if (fd < 0)
    return fd;
  long length = read_all((int)fd, work->environment, ENVIRONMENT, NULL);
  SYS(close, fd);
  if (length < 0 || length == (long)ENVIRONMENT)
    return length < 0 ? length : -E2BIG;
  for (char *at = work->environment; at < work->environment + length;
       at += strlen(at) + 1)
    if (memcmp(at, options, sizeof options - 1) != 0 && *at) {
      if (count == VARIABLES)
        return -E2BIG;
      work->variables[count++] = at;
    }
  return 0;
}

static int run(struct work *work, const char *text, const char *directory,
               const struct timespec *patience, struct cache_key *key,
               struct hwckpt_error *error) {
  int from;
  long failed = read_environment(work);
  if (failed < 0)
    return refuse(text, failed, "environment", error);
  work->command.text = text;
  work->command.variables = work->variables;
  work->command.directory = directory;
  long keeper = key_command_start(&work->command, &from);
  if (keeper < 0)
    return refuse(text, keeper, "start", error);
  long length = read_all(from, work->secret, sizeof work->secret, patience);
  SYS(close, from);
  bool well = false;
  if (length < 0)
    key_command_end(keeper);
  else
    well = key_command_finish(keeper, patience);
  int result = make_key(work, length, text, key, error);
  return result == 0 && !well ? refuse(text, 0, "it failed", error) : result;
}

int key_source_command(const char *command, const char *directory,
                       const struct timespec *patience, struct cache_key *key,
                       struct hwckpt_error *error) {
  struct work *work = begin_work(command, error);
  if (!work)
    return -HWCKPT_E_KEY_SOURCE;
  int result = run(work, command, directory, patience, key, error);
  end_work(work);
  return result;
}
