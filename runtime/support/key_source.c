/* key_source.c - see key_source.h.
 *
 * The command runs as a child with the exit signal 0, which no wait of the
 * program's sees, without the program's handlers, descriptors and, so that it
 * is not checkpointed itself, HWCKPT_OPTIONS. It shares memory with us until it
 * executes, so that nothing is copied for it.
 */
#include "key_source.h"

#include "../arch/arch.h"
#include "../arch/sys.h"
#include "../cache/cipher.h"
#include "../cache/secret.h"
#include "private.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#ifndef CLONE_CLEAR_SIGHAND
#define CLONE_CLEAR_SIGHAND 0x100000000ull
#endif

#define STACK ((size_t)16 << 10)
#define ENVIRONMENT ((size_t)256 << 10) /* bytes of its text */
#define VARIABLES 4096u

struct work {
  unsigned char secret[SECRET_MAX + 1];
  const char *command;
  int output; /* of the command, where it writes */
  char *variables[VARIABLES + 1];
  char environment[ENVIRONMENT];
  char stack[STACK];
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

/* 0 when there is something, or it has ended; a negative errno. */
static long wait_for(int fd, const struct timespec *patience) {
  struct timespec left = *patience; /* the kernel counts it down */
  struct pollfd source = {.fd = fd, .events = POLLIN};
  long ready;
  do
    ready = SYS(ppoll, &source, 1, &left, 0, 8);
  while (ready == -EINTR);
  return ready > 0 ? 0 : ready < 0 ? ready : -ETIMEDOUT;
}

/* To its end, or to where it is too long; without patience nothing of it is
 * waited for. Negative: an errno. */
static long read_all(int fd, void *room, size_t size,
                     const struct timespec *patience) {
  size_t length = 0;
  long got = 1;
  while (length < size && got > 0) {
    long failed = patience ? wait_for(fd, patience) : 0;
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
  struct statx status;
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

/* In the child, on a stack of its own in our memory. */
static void execute(void *argument) {
  struct work *work = argument;
  const char *arguments[] = {"sh", "-c", work->command, NULL};
  uint64_t none = 0;
  SYS(prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  long input = SYS(openat, AT_FDCWD, "/dev/null", O_RDONLY, 0);
  if (SYS(dup3, work->output, 1, 0) >= 0) {
    if (input > 0)
      SYS(dup3, input, 0, 0);
    SYS(close_range, 3, ~0u, 0);
    SYS(rt_sigprocmask, SIG_SETMASK, &none, 0, 8);
    SYS(execve, "/bin/sh", arguments, work->variables);
  }
  for (;;)
    SYS(exit_group, 127);
}

/* Its process, or a negative errno; *from is where its output is read. */
static long start(struct work *work, int *from) {
  uint64_t all = ~0ull, before = 0;
  int ends[2] = {-1, -1};
  long failed = SYS(pipe2, ends, O_CLOEXEC);
  if (failed < 0)
    return failed;
  work->output = ends[1];
  *from = ends[0];
  SYS(rt_sigprocmask, SIG_SETMASK, &all, &before, 8);
  long pid = arch_spawn(CLONE_VM | CLONE_VFORK | CLONE_CLEAR_SIGHAND,
                        work->stack + STACK, 0, execute, work);
  SYS(rt_sigprocmask, SIG_SETMASK, &before, 0, 8);
  SYS(close, ends[1]);
  if (pid < 0)
    SYS(close, ends[0]);
  return pid;
}

/* Whether it ends in time; where no descriptor can be had for it, its end is
 * waited for however long. */
static bool ends(long pid, const struct timespec *patience) {
  long fd = SYS(pidfd_open, pid, 0);
  if (fd < 0)
    return true;
  long failed = wait_for((int)fd, patience);
  SYS(close, fd);
  return failed == 0;
}

/* Its status; null: it has been patience enough. */
static int end(long pid, const struct timespec *patience) {
  int status = 0;
  long result;
  if (!patience || !ends(pid, patience))
    SYS(kill, pid, SIGKILL);
  do
    result = SYS(wait4, pid, &status, __WALL, 0);
  while (result == -EINTR);
  return result == pid ? status : -1;
}

static int run(struct work *work, const char *command,
               const struct timespec *patience, struct cache_key *key,
               struct hwckpt_error *error) {
  int from;
  work->command = command;
  long failed = read_environment(work);
  if (failed < 0)
    return refuse(command, failed, "environment", error);
  long pid = start(work, &from);
  if (pid < 0)
    return refuse(command, pid, "start", error);
  long length = read_all(from, work->secret, sizeof work->secret, patience);
  SYS(close, from);
  int status = end(pid, length < 0 ? NULL : patience);
  int result = make_key(work, length, command, key, error);
  return result == 0 && status != 0 ? refuse(command, 0, "it failed", error)
                                    : result;
}

int key_source_command(const char *command, const struct timespec *patience,
                       struct cache_key *key, struct hwckpt_error *error) {
  struct work *work = begin_work(command, error);
  if (!work)
    return -HWCKPT_E_KEY_SOURCE;
  int result = run(work, command, patience, key, error);
  end_work(work);
  return result;
}
