/* ask.c - `hwckpt ckpt` asks a running program for a checkpoint, and waits
 * until it is committed; `hwckpt rollback` to go back to its last one, within
 * its process (runtime/interface/ask_abi.h). */
#include "arguments.h"
#include "generation.h"
#include "proc_stat.h"
#include "running.h"
#include "selection.h"
#include "text.h"

#include "runtime/interface/ask_abi.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

/* Whom it asks; descriptors are -1 when there are none. */
struct asking {
  const char *name; /* as on the command line */
  uint32_t magic;   /* for what */
  pid_t pid;
  int pidfd, socket;
  uint32_t number;
};

static int no_answer(const struct asking *asking, int number,
                     const char *detail, struct hwckpt_error *error) {
  hwckpt_fail(error, HWCKPT_E_NO_ANSWER, number, asking->name, "%s", detail);
  return -HWCKPT_E_NO_ANSWER;
}

/* The process that the newest checkpoint of the application is of. */
static int find_in_cache(const char *cache, const char *name, pid_t *pid) {
  static struct selection selection;
  struct generation generation;
  struct hwckpt_error ignored;
  int failed = selection_open(&selection, cache, &ignored);
  if (!failed)
    failed = selection_find(&selection, name, &ignored);
  if (!failed && !strcmp(selection.application, name) &&
      !generation_open(selection.cache, selection.application, selection.number,
                       &generation, &ignored)) {
    *pid = generation.process.pid;
    generation_close(&generation);
  }
  selection_close(&selection);
  return *pid > 0 && running_has_runtime(*pid) ? 0 : -ESRCH;
}

static int find_program(struct asking *asking, const char *cache,
                        struct hwckpt_error *error) {
  char *end;
  long number = strtol(asking->name, &end, 10);
  if (!*end && end != asking->name && number > 0 && number <= INT32_MAX)
    asking->pid = (pid_t)number;
  else if (running_find(asking->name, &asking->pid, error) &&
           find_in_cache(cache, asking->name, &asking->pid))
    return -HWCKPT_E_NO_PROCESS;
  /* First, so that it is the process that is looked at. */
  asking->pidfd = (int)syscall(SYS_pidfd_open, asking->pid, 0);
  if (asking->pidfd < 0)
    return hwckpt_fail(error, HWCKPT_E_NO_PROCESS, errno, asking->name, "%s",
                       "");
  if (!running_has_runtime(asking->pid))
    return hwckpt_fail(error, HWCKPT_E_NO_PROCESS, 0, asking->name,
                       "the runtime is not seen in process %d", asking->pid);
  return 0;
}

static bool same_network(pid_t pid) {
  char path[64];
  struct stat own, other;
  snprintf(path, sizeof path, "/proc/%d/ns/net", proc_thread(pid));
  return stat(path, &other) || stat("/proc/self/ns/net", &own) ||
         (own.st_ino == other.st_ino && own.st_dev == other.st_dev);
}

static int listen_for_answer(struct asking *asking,
                             struct hwckpt_error *error) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  const int on = 1;
  asking->socket = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (asking->socket < 0 ||
      setsockopt(asking->socket, SOL_SOCKET, SO_PASSCRED, &on, sizeof on))
    return no_answer(asking, errno, "socket", error);
  do {
    if (getrandom(&asking->number, sizeof asking->number, 0) < 0)
      return no_answer(asking, errno, "getrandom", error);
    size_t length = (size_t)snprintf(address.sun_path + 1, ASK_NAME_MAX,
                                     ASK_NAME, asking->number);
    if (asking->number &&
        !bind(asking->socket, (struct sockaddr *)&address,
              (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + length)))
      return 0;
  } while (!asking->number || errno == EADDRINUSE);
  return no_answer(asking, errno, "bind", error);
}

static int ask(const struct asking *asking, struct hwckpt_error *error) {
  siginfo_t info = {.si_signo = ASK_SIGNAL, .si_code = SI_QUEUE};
  info.si_pid = getpid();
  info.si_uid = getuid();
  info.si_value.sival_ptr =
      (void *)((uintptr_t)asking->magic << 32 | asking->number);
  return syscall(SYS_pidfd_send_signal, asking->pidfd, ASK_SIGNAL, &info, 0)
             ? no_answer(asking, errno, "the signal", error)
             : 0;
}

/* Whether there is an answer of the process that was asked. */
static bool receive(const struct asking *asking, struct ask_answer *answer) {
  union {
    struct cmsghdr header;
    char space[CMSG_SPACE(sizeof(struct ucred))];
  } control;
  struct iovec content = {answer, sizeof *answer};
  struct msghdr message = {.msg_iov = &content,
                           .msg_iovlen = 1,
                           .msg_control = &control,
                           .msg_controllen = sizeof control};
  ssize_t length = recvmsg(asking->socket, &message, MSG_DONTWAIT);
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  if (length < 0 || !ask_answer_take(answer, (size_t)length) || !header ||
      header->cmsg_type != SCM_CREDENTIALS)
    return false;
  struct ucred sender;
  memcpy(&sender, CMSG_DATA(header), sizeof sender);
  return sender.pid == asking->pid;
}

/* ---- whether there will be an answer ---- */

/* Between looks, and so many alike tell: of the name an older question may have
 * left, and of a program that is only slow to begin the thread. */
#define LOOK_MS 500
#define MUTE_LOOKS 4
#define DEAF_LOOKS 20

enum seen { SEEN_NOTHING, SEEN_MUTE, SEEN_DEAF };

/* Whether the signal has not come yet, or that is not known. */
static bool may_be_pending(pid_t pid) {
  char path[64], line[256];
  uint64_t pending = ~(uint64_t)0;
  snprintf(path, sizeof path, "/proc/%d/status", proc_thread(pid));
  FILE *file = fopen(path, "re");
  while (file && fgets(line, sizeof line, file))
    if (!strncmp(line, "ShdPnd:", 7))
      pending = strtoull(line + 7, NULL, 16);
  if (file)
    fclose(file);
  return pending >> (ASK_SIGNAL - 1) & 1;
}

static bool is_mute(const struct proc_stat *stat) {
  return !strcmp(stat->comm, ASK_MUTE);
}

static bool answers(const struct proc_stat *stat) {
  return !strcmp(stat->comm, ASK_THREAD) || is_mute(stat);
}

static enum seen look(pid_t pid) {
  if (may_be_pending(pid))
    return SEEN_NOTHING;
  if (!proc_find_thread(pid, answers))
    return SEEN_DEAF;
  return proc_find_thread(pid, is_mute) > 0 ? SEEN_MUTE : SEEN_NOTHING;
}

/* Counts looks that see the same. Why it never answers; null: it may. */
static const char *is_in_vain(pid_t pid, enum seen *before, unsigned *looks) {
  enum seen now = look(pid);
  *looks = now == *before ? *looks + 1 : 1;
  *before = now;
  if (now == SEEN_MUTE && *looks >= MUTE_LOOKS)
    return "it cannot answer: it may open no descriptor more, or a filter of "
           "system calls forbids that; hwckpt list tells what was taken";
  if (now == SEEN_DEAF && *looks >= DEAF_LOOKS)
    return "no thread of the runtime is seen in it";
  return NULL;
}

static int wait_for_answer(const struct asking *asking,
                           struct ask_answer *answer,
                           struct hwckpt_error *error) {
  enum seen before = SEEN_NOTHING;
  unsigned looks = 0;
  for (;;) {
    struct pollfd watched[] = {{.fd = asking->socket, .events = POLLIN},
                               {.fd = asking->pidfd, .events = POLLIN}};
    int ready = poll(watched, 2, LOOK_MS);
    if (ready < 0 && errno != EINTR)
      return no_answer(asking, errno, "poll", error);
    const char *why = ready ? NULL : is_in_vain(asking->pid, &before, &looks);
    if (why)
      return no_answer(asking, 0, why, error);
    /* It may have answered and ended. */
    if (watched[0].revents) {
      if (receive(asking, answer))
        return 0;
    } else if (watched[1].revents) {
      return no_answer(asking, 0, "it ended before that", error);
    }
  }
}

static int take(struct asking *asking, const char *cache,
                struct ask_answer *answer, struct hwckpt_error *error) {
  int failed = find_program(asking, cache, error);
  if (!failed && !same_network(asking->pid))
    failed = no_answer(asking, 0, "it is in another network namespace", error);
  if (!failed)
    failed = listen_for_answer(asking, error);
  if (!failed)
    failed = ask(asking, error);
  if (!failed)
    failed = wait_for_answer(asking, answer, error);
  if (!failed && answer->error.code) {
    *error = answer->error;
    if (error->code == HWCKPT_E_NO_ANSWER)
      snprintf(error->object, sizeof error->object, "%s", asking->name);
    failed = -(int)error->code;
  }
  return failed;
}

static int ask_for(const struct command *command, uint32_t magic, int argc,
                   char **argv) {
  static struct ask_answer answer;
  struct hwckpt_error error = {0};
  struct asking asking = {.magic = magic, .pidfd = -1, .socket = -1};
  const char *cache = NULL;
  char name[4 * sizeof answer.application];
  int status =
      arguments_of_cache(command, argc, argv, NULL, &cache, &asking.name);
  if (status)
    return status;
  if (!asking.name)
    return report_usage(command, "PID|NAME", "no program is named");
  if (take(&asking, cache, &answer, &error)) {
    status = report_error(&error);
  } else {
    text_escape(name, sizeof name, answer.application);
    printf("%s/%" PRIu64 "\n", name, answer.generation);
  }
  if (asking.socket >= 0)
    close(asking.socket);
  if (asking.pidfd >= 0)
    close(asking.pidfd);
  return status;
}

static int ckpt(int argc, char **argv) {
  return ask_for(&command_ckpt, ASK_MAGIC, argc, argv);
}

static int rollback(int argc, char **argv) {
  return ask_for(&command_rollback, ASK_ROLLBACK_MAGIC, argc, argv);
}

const struct command command_ckpt = {
    .name = "ckpt",
    .summary = "Ask a running program for a checkpoint",
    .help =
        "usage: hwckpt ckpt [OPTIONS] PID|NAME\n"
        "\n"
        "Asks a program that runs with hwckpt's runtime for a checkpoint,\n"
        "waits until it is committed, and prints its name, as APP/N. NAME is\n"
        "the name of the application, or of the program's file. The program\n"
        "needs no option for this, and does not see the request.\n"
        "\n"
        "  --cache DIR    where NAME is looked up when no process has it\n"
        "  --key-file FILE, --key-command COMMAND\n"
        "                 its key, where the cache is encrypted\n"
        "\n"
        "Exit status: 0; 125 when no checkpoint was taken, 2 when the command\n"
        "line is wrong.\n",
    .run = ckpt,
};

const struct command command_rollback = {
    .name = "rollback",
    .summary = "Have a running program go back to its last checkpoint",
    .help =
        "usage: hwckpt rollback [OPTIONS] PID|NAME\n"
        "\n"
        "Has a program that runs with hwckpt's runtime go back to its last\n"
        "checkpoint, within its process, as __builtin_ckpt_load() does, and\n"
        "prints which that is, as APP/N. NAME is the name of the application,\n"
        "or of the program's file. A program of several processes is refused.\n"
        "\n"
        "  --cache DIR    where NAME is looked up when no process has it\n"
        "  --key-file FILE, --key-command COMMAND\n"
        "                 its key, where the cache is encrypted\n"
        "\n"
        "Exit status: 0; 125 when it was not rolled back, 2 when the command\n"
        "line is wrong.\n",
    .run = rollback,
};
