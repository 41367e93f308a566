/* pid_namespace.c - a pid namespace of the program's own.
 *
 * Its first process, the init, is ours: it makes the program, reaps whatever is
 * left to it, and tells the tool how the program fares. It has no signals of
 * its own to pass on: the tool holds a pidfd of the program.
 *
 * Invariant: all of it dies with the tool (PR_SET_PDEATHSIG kills the init, its
 * death the namespace), unless the program ended first and left processes
 * behind; these go on, as they would without a namespace. */
#include "pid_namespace.h"
#include "secrets.h"
#include "supervise.h"
#include "time_namespace.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* The init's first message: 0, with a pidfd beside it, or what failed. */
struct hello {
  int sys_errno;
  char what[128];
  struct hwckpt_error error; /* of what was to be prepared */
};

static bool write_file(const char *path, const char *text) {
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0)
    return errno == ENOENT; /* a kernel without setgroups: nothing to deny */
  bool good = write(fd, text, strlen(text)) == (ssize_t)strlen(text);
  int number = errno;
  close(fd);
  errno = number;
  return good;
}

static const char *write_maps(uid_t user, gid_t group) {
  char line[64];
  if (!write_file("/proc/self/setgroups", "deny"))
    return "writing /proc/self/setgroups";
  snprintf(line, sizeof line, "%u %u 1", user, user);
  if (!write_file("/proc/self/uid_map", line))
    return "writing /proc/self/uid_map";
  snprintf(line, sizeof line, "%u %u 1", group, group);
  if (!write_file("/proc/self/gid_map", line))
    return "writing /proc/self/gid_map";
  return NULL;
}

/* Each user and group is itself in there; nobody else is anybody. */
static const char *map_ids(uid_t user, gid_t group) {
  bool kept = secrets_open_proc();
  const char *failed = write_maps(user, group);
  secrets_close_proc(kept);
  return failed;
}

/* The /proc that everyone sees counts in other numbers. Mounts made outside
 * still come in. */
static const char *mount_proc(void) {
  if (mount("none", "/", NULL, MS_REC | MS_SLAVE, NULL))
    return "making mounts private";
  if (mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL))
    return "mounting /proc";
  return NULL;
}

/* Ids that nobody chooses are above those that are chosen, one after the other.
 */
static void pass_over(pid_t highest) {
  char text[16];
  snprintf(text, sizeof text, "%d", (int)highest);
  write_file("/proc/sys/kernel/ns_last_pid", text);
}

static bool send_hello(int socket, const struct hello *hello, int pidfd) {
  union {
    struct cmsghdr header;
    char room[CMSG_SPACE(sizeof(int))];
  } control = {0};
  struct iovec content = {(void *)hello, sizeof *hello};
  struct msghdr message = {.msg_iov = &content, .msg_iovlen = 1};
  if (pidfd >= 0) {
    message.msg_control = &control;
    message.msg_controllen = sizeof control;
    control.header.cmsg_level = SOL_SOCKET;
    control.header.cmsg_type = SCM_RIGHTS;
    control.header.cmsg_len = CMSG_LEN(sizeof pidfd);
    memcpy(CMSG_DATA(&control.header), &pidfd, sizeof pidfd);
  }
  return sendmsg(socket, &message, MSG_NOSIGNAL) == sizeof *hello;
}

static bool receive_hello(int socket, struct hello *hello, int *pidfd) {
  union {
    struct cmsghdr header;
    char room[CMSG_SPACE(sizeof(int))];
  } control = {0};
  struct iovec content = {hello, sizeof *hello};
  struct msghdr message = {.msg_iov = &content,
                           .msg_iovlen = 1,
                           .msg_control = &control,
                           .msg_controllen = sizeof control};
  ssize_t length;
  while ((length = recvmsg(socket, &message, MSG_CMSG_CLOEXEC)) < 0 &&
         errno == EINTR)
    ;
  if (length != sizeof *hello)
    return false;
  const struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  if (header && header->cmsg_type == SCM_RIGHTS)
    memcpy(pidfd, CMSG_DATA(header), sizeof *pidfd);
  return true;
}

/* Keeps nothing of the caller's open: who reads a pipe the program writes waits
 * for its end, not for ours. */
static int let_go(int socket) {
  int kept = 0;
  if (socket != kept)
    dup2(socket, kept);
  syscall(SYS_close_range, 1u, ~0u, 0u);
  (void)!chdir("/");
  return kept;
}

static _Noreturn void reap(pid_t program, int socket) {
  for (;;) {
    struct init_report report = {0};
    pid_t pid = waitpid(-1, &report.status, WUNTRACED);
    if (pid < 0 && errno != EINTR)
      _exit(0);
    if (pid != program)
      continue;
    bool ended = !WIFSTOPPED(report.status);
    if (ended) {
      siginfo_t left;
      report.others = !waitid(P_ALL, 0, &left, WEXITED | WNOHANG | WNOWAIT);
      if (report.others)
        prctl(PR_SET_PDEATHSIG, 0);
    }
    (void)!send(socket, &report, sizeof report, MSG_NOSIGNAL);
    if (ended && !report.others)
      _exit(0);
  }
}

static _Noreturn void be_init(pid_t pid, bool map, uid_t user, gid_t group,
                              const int life[2], int socket,
                              const struct process_entry *entry) {
  struct hello hello = {0};
  int pidfd = -1;
  pid_t program = 0;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  supervise_leave_life(life);
  struct pollfd tool = {.fd = life[0]};
  if (poll(&tool, 1, 0) > 0)
    _exit(0);
  const char *failed = map ? map_ids(user, group) : NULL;
  if (!failed)
    failed = mount_proc();
  if (!failed && entry->highest)
    pass_over(entry->highest);
  if (!failed && entry->prepare &&
      entry->prepare(entry->context, true, &hello.error))
    failed = "preparing it";
  if (!failed) {
    int own_time = time_namespace_enter();
    program = clone_process(0, pid, &pidfd);
    if (!program)
      entry->run(entry->context);
    int others = program > 0 && entry->made ? entry->made(entry->context) : 0;
    time_namespace_leave(own_time);
    if (program < 0) {
      errno = -program;
      failed = "choosing the process id in it";
    } else if (others < 0) {
      errno = -others;
      failed = "processes beside the first";
    }
  }
  if (failed) {
    hello.sys_errno = errno;
    snprintf(hello.what, sizeof hello.what, "%s", failed);
  }
  if (!send_hello(socket, &hello, pidfd) || failed)
    _exit(0);
  prctl(PR_SET_NAME, "hwckpt-init");
  reap(program, let_go(socket));
}

/* The program's number in our own namespace, for messages and for looking whose
 * signals are its own: the "Pid:" line of the pidfd's fdinfo. */
static pid_t pid_of(int pidfd) {
  char path[64], line[128];
  int pid = 0;
  snprintf(path, sizeof path, "/proc/self/fdinfo/%d", pidfd);
  FILE *info = fopen(path, "re");
  while (info && fgets(line, sizeof line, info))
    if (!strncmp(line, "Pid:", 4))
      pid = (int)strtol(line + 4, NULL, 10);
  if (info)
    fclose(info);
  return pid;
}

int pid_namespace_make(pid_t pid, const int life[2],
                       const struct process_entry *entry,
                       struct supervised *program, struct hwckpt_error *error) {
  char number[32];
  int sockets[2];
  snprintf(number, sizeof number, "process id %d", pid);
  if (pid == 1)
    return hwckpt_fail(error, HWCKPT_E_NAMESPACE, 0, number,
                       "it is the namespace's own first process");
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets))
    return hwckpt_fail(error, HWCKPT_E_NAMESPACE, errno, number, "socketpair");
  uid_t user = geteuid();
  gid_t group = getegid();
  bool map = false;
  pid_t init = clone_process(CLONE_NEWPID | CLONE_NEWNS, 0, NULL);
  if (init == -EPERM) {
    map = true;
    init = clone_process(CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS, 0, NULL);
  }
  if (!init) {
    close(sockets[0]);
    be_init(pid, map, user, group, life, sockets[1], entry);
  }
  close(sockets[1]);
  struct hello hello = {0};
  int pidfd = -1, failed = 0;
  if (init < 0)
    failed = hwckpt_fail(error, HWCKPT_E_NAMESPACE, -init, number, "clone3%s",
                         map ? " of a user namespace" : "");
  else if (!receive_hello(sockets[0], &hello, &pidfd))
    failed = hwckpt_fail(error, HWCKPT_E_NAMESPACE, 0, number,
                         "its first process was killed");
  else if (hello.error.code) {
    *error = hello.error;
    failed = -(int)hello.error.code;
  } else if (hello.sys_errno)
    failed = hwckpt_fail(error, HWCKPT_E_NAMESPACE, hello.sys_errno, number,
                         "%s", hello.what);
  if (failed) {
    if (init > 0)
      waitpid(init, NULL, 0);
    close(sockets[0]);
    return failed;
  }
  *program = (struct supervised){.pid = pid_of(pidfd),
                                 .init = init,
                                 .pidfd = pidfd,
                                 .reports = sockets[0]};
  return 0;
}
