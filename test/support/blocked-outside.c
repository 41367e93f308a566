// As blocked-calls.c, for calls on objects that do not come back yet: stopped
// again and again, each goes on waiting and ends as it would have.
// RUN: %behaviour -I%S/Inputs %s -o %t && %hwckpt run -o on_unsupported=warn -- %t 2>%t.err || (cat %t.err; exit 1)
#include "blocked.h"
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/wait.h>

static int listening, pair[2], message_pair[2], epoll, event, watched, timer;
static int semaphores, messages, locked[2];
static pid_t child;
static struct sockaddr_un address = {.sun_family = AF_UNIX};

static long call_accept(void) {
  int fd = accept(listening, NULL, NULL);
  return fd < 0 ? -errno : 0;
}
static void wake_accept(pid_t tid) {
  (void)tid;
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  CHECK_EQUAL(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
}
static long call_recv(void) {
  char text[10];
  return or_errno(recv(pair[0], text, sizeof text, 0));
}
static void wake_recv(pid_t tid) {
  (void)tid;
  CHECK_EQUAL(send(pair[1], "abc", 3, 0), 3);
}
static long call_recvmsg(void) {
  char text[10];
  struct iovec part = {text, sizeof text};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
  return or_errno(recvmsg(message_pair[0], &message, 0));
}
static void wake_recvmsg(pid_t tid) {
  (void)tid;
  CHECK_EQUAL(send(message_pair[1], "abcd", 4, 0), 4);
}
static long call_epoll(void) {
  struct epoll_event got;
  return or_errno(epoll_wait(epoll, &got, 1, -1));
}
static long call_epoll_long(void) {
  struct epoll_event got;
  return or_errno(epoll_pwait(epoll, &got, 1, 86400000, NULL));
}
static void wake_epoll(pid_t tid) {
  (void)tid;
  CHECK_EQUAL(eventfd_write(watched, 1), 0);
}
static long call_eventfd(void) {
  eventfd_t value;
  return or_errno(eventfd_read(event, &value));
}
static void wake_eventfd(pid_t tid) {
  (void)tid;
  CHECK_EQUAL(eventfd_write(event, 1), 0);
}
static long call_timerfd(void) {
  unsigned long ticks;
  return or_errno(read(timer, &ticks, sizeof ticks));
}
static void wake_timerfd(pid_t tid) {
  (void)tid;
  struct itimerspec soon = {.it_value.tv_nsec = 1};
  CHECK_EQUAL(timerfd_settime(timer, 0, &soon, NULL), 0);
}
static long call_semop(void) {
  struct sembuf take = {.sem_op = -1};
  return or_errno(semop(semaphores, &take, 1));
}
static void wake_semop(pid_t tid) {
  (void)tid;
  struct sembuf give = {.sem_op = 1};
  CHECK_EQUAL(semop(semaphores, &give, 1), 0);
}
struct message {
  long type;
  char text[4];
};
static long call_msgrcv(void) {
  struct message message;
  return or_errno(msgrcv(messages, &message, sizeof message.text, 0, 0));
}
static void wake_msgrcv(pid_t tid) {
  (void)tid;
  struct message message = {.type = 1};
  CHECK_EQUAL(msgsnd(messages, &message, 4, 0), 0);
}
static long call_flock(void) { return or_errno(flock(locked[1], LOCK_EX)); }
static void wake_flock(pid_t tid) {
  (void)tid;
  CHECK_EQUAL(flock(locked[0], LOCK_UN), 0);
}
static long call_waitpid(void) {
  int status;
  pid_t got = waitpid(child, &status, 0);
  return got == child && WIFEXITED(status) ? WEXITSTATUS(status) : -errno;
}
static long call_waitid(void) {
  siginfo_t info;
  int result = waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT);
  return result ? -errno : info.si_status;
}
static int release_child;
static void wake_wait(pid_t tid) {
  (void)tid;
  close(release_child);
}

static struct blocked rows[] = {
    {"accept", SYS_accept, call_accept, wake_accept, 0},
    {"recv", SYS_recvfrom, call_recv, wake_recv, 3},
    {"recvmsg", SYS_recvmsg, call_recvmsg, wake_recvmsg, 4},
    {"epoll_wait", SYS_epoll_wait, call_epoll, wake_epoll, 1},
    {"epoll_pwait", SYS_epoll_pwait, call_epoll_long, wake_epoll, 1},
    {"eventfd", SYS_read, call_eventfd, wake_eventfd, 0},
    {"timerfd", SYS_read, call_timerfd, wake_timerfd, 8},
    {"semop", SYS_semtimedop, call_semop, wake_semop, 0},
    {"msgrcv", SYS_msgrcv, call_msgrcv, wake_msgrcv, 4},
    {"flock", SYS_flock, call_flock, wake_flock, 0},
    {"waitid", SYS_waitid, call_waitid, wake_wait, 42},
};
static struct blocked last = {"waitpid", SYS_wait4, call_waitpid, wake_wait,
                              42};
enum { COUNT = sizeof rows / sizeof rows[0] };

static void make_child(void) {
  int ends[2];
  char byte;
  CHECK_EQUAL(pipe2(ends, O_CLOEXEC), 0);
  release_child = ends[1];
  child = fork();
  if (child == 0) {
    close(ends[1]);
    _exit(read(ends[0], &byte, 1) == 0 ? 42 : 1);
  }
  close(ends[0]);
}

int main(void) {
  /* A name without a file. */
  snprintf(address.sun_path + 1, sizeof address.sun_path - 1, "test-%d",
           getpid());
  listening = socket(AF_UNIX, SOCK_STREAM, 0);
  CHECK_EQUAL(bind(listening, (struct sockaddr *)&address, sizeof address), 0);
  CHECK_EQUAL(listen(listening, 1), 0);
  CHECK_EQUAL(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
  CHECK_EQUAL(socketpair(AF_UNIX, SOCK_DGRAM, 0, message_pair), 0);
  epoll = epoll_create1(0);
  event = eventfd(0, 0);
  watched = eventfd(0, 0);
  struct epoll_event wanted = {.events = EPOLLIN};
  CHECK_EQUAL(epoll_ctl(epoll, EPOLL_CTL_ADD, watched, &wanted), 0);
  timer = timerfd_create(CLOCK_MONOTONIC, 0);
  semaphores = semget(IPC_PRIVATE, 1, 0600);
  messages = msgget(IPC_PRIVATE, 0600);
  CHECK(semaphores >= 0 && messages >= 0);
  for (int i = 0; i < 2; i++)
    locked[i] = open("/proc/self/exe", O_RDONLY);
  CHECK_EQUAL(flock(locked[0], LOCK_EX), 0);
  make_child();
  blocked_start(rows, COUNT);
  blocked_stop(rows, COUNT);
  blocked_end(rows, COUNT);
  make_child();
  CHECK_EQUAL(semctl(semaphores, 0, IPC_RMID), 0);
  CHECK_EQUAL(msgctl(messages, IPC_RMID, NULL), 0);
  blocked_start(&last, 1);
  blocked_stop(&last, 1);
  blocked_end(&last, 1);
  return 0;
}
