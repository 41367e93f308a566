// Objects of known kinds in a state that a checkpoint cannot hold refuse it,
// each by its name; the program goes on, and without the object there is a
// checkpoint again. Children are outside the program, which is not run by
// hwckpt.
// RUN: %behaviour %s -o %t
// RUN: %by_all bash -o pipefail -c '%t epoll 2>&1 | FileCheck %s -check-prefix=EPOLL'
// EPOLL: HWCKPT-E208: {{.*}} watches the file that was descriptor {{[0-9]+}}
// EPOLL: goes on
// RUN: %by_all bash -o pipefail -c '%t queue 2>&1 | FileCheck %s -check-prefix=QUEUE'
// QUEUE: HWCKPT-E208: {{.*}}: descriptor {{[0-9]+}}: a queue that was unlinked
// QUEUE: goes on
// RUN: %by_all bash -o pipefail -c '%t terminal 2>&1 | FileCheck %s -check-prefix=TERMINAL'
// TERMINAL: HWCKPT-E208: {{.*}}, whose other side is outside the program
// TERMINAL: goes on
// RUN: %by_all bash -o pipefail -c '%t discipline 2>&1 | FileCheck %s -check-prefix=DISCIPLINE'
// DISCIPLINE: {{HWCKPT-E208: .*: line discipline 27|SKIP: }}
// RUN: %by_all bash -o pipefail -c '%t route 2>&1 | FileCheck %s -check-prefix=ROUTE'
// ROUTE: HWCKPT-E208: {{.*}}: an answer that is not read yet
// ROUTE: goes on
// RUN: %by_all bash -o pipefail -c '%t datagram 2>&1 | FileCheck %s -check-prefix=DATAGRAM'
// DATAGRAM: HWCKPT-E208: {{.*}}: a message of 150000 bytes
// DATAGRAM: goes on
// RUN: %by_all bash -o pipefail -c '%t corked 2>&1 | FileCheck %s -check-prefix=CORKED'
// CORKED: HWCKPT-E208: {{.*}}: a datagram that is begun (UDP_CORK, MSG_MORE)
// CORKED: goes on
// RUN: %by_all bash -o pipefail -c '%t ended 2>&1 | FileCheck %s -check-prefix=ENDED'
// ENDED: HWCKPT-E207: {{.*}}: descriptor {{[0-9]+}} is of a process that has
// ended ENDED: goes on
// RUN: if [ "$(id -u)" = 0 ]; then less='setpriv --bounding-set -ipc_owner'; fi
// RUN: $less %t messages 2>&1 | FileCheck %s -check-prefix=MESSAGES
// MESSAGES: HWCKPT-E208: {{.*}}System V message queue {{.*}}: not to be read
// MESSAGES: goes on
// RUN: $less %t semaphores 2>&1 | FileCheck %s -check-prefix=SEMAPHORES
// SEMAPHORES: HWCKPT-E208: {{.*}}System V semaphores {{.*}}: not to be read
// SEMAPHORES: goes on
// RUN: %by_all bash -o pipefail -c '%t directory 2>&1 | FileCheck %s -check-prefix=DIRECTORY'
// DIRECTORY: HWCKPT-E208: {{.*}} a working directory and file creation mask of
// its own DIRECTORY: goes on
// RUN: %by_all bash -o pipefail -c '%t descriptors 2>&1 | FileCheck %s -check-prefix=DESCRIPTORS'
// DESCRIPTORS: HWCKPT-E208: {{.*}} a table of descriptors of its own
// DESCRIPTORS: goes on
// RUN: %by_all bash -o pipefail -c '%t secret 2>&1 | FileCheck %s -check-prefix=SECRET'
// SECRET: {{HWCKPT-E207: .*secretmem|SKIP: }}
// RUN: %by_all bash -o pipefail -c '%t hidden 2>&1 | FileCheck %s -check-prefix=HIDDEN'
// HIDDEN: {{HWCKPT-E208: .*secretmem.*descriptor|SKIP: }}
// RUN: %by_all bash -o pipefail -c '%t raw 2>&1 | FileCheck %s -check-prefix=RAW'
// RAW: {{HWCKPT-E208: .*socket:.*: descriptor [0-9]+|SKIP: }}
#include "behaviour.h"
#include <arpa/inet.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <mqueue.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/wait.h>

static int object = -1, other_end = -1;
static pid_t child;

/* A process that has what the program has here, until it is killed. */
static void lend(void) {
  child = fork();
  if (child == 0)
    for (;;)
      pause();
}

static void make_epoll(void) {
  struct epoll_event event = {.events = EPOLLIN};
  int watched = eventfd(0, 0);
  object = epoll_create1(0);
  CHECK_EQUAL(epoll_ctl(object, EPOLL_CTL_ADD, watched, &event), 0);
  lend();
  close(watched);
}

static void make_queue(void) {
  char name[64];
  snprintf(name, sizeof name, "/hwckpt-test-unlinked-%d", (int)getpid());
  object = mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, NULL);
  CHECK(object >= 0 && mq_unlink(name) == 0);
}

static int open_terminal(void) {
  object = posix_openpt(O_RDWR | O_NOCTTY);
  CHECK(object >= 0 && unlockpt(object) == 0);
  int slave = ioctl(object, TIOCGPTPEER, O_RDWR | O_NOCTTY);
  CHECK(slave >= 0);
  return slave;
}

static void make_terminal(void) {
  int slave = open_terminal();
  lend();
  close(slave);
}

static void make_discipline(void) {
  int slave = open_terminal(), null = 27; /* N_NULL */
  if (ioctl(slave, TIOCSETD, &null) < 0)
    SKIP("no other line discipline");
  other_end = slave;
}

static void make_route(void) {
  struct {
    struct nlmsghdr head;
    struct rtgenmsg about;
  } asks = {{.nlmsg_len = NLMSG_LENGTH(sizeof(struct rtgenmsg)),
             .nlmsg_type = RTM_GETLINK,
             .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
            {.rtgen_family = AF_UNSPEC}};
  object = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
  CHECK(object >= 0);
  CHECK_EQUAL(send(object, &asks, asks.head.nlmsg_len, 0), asks.head.nlmsg_len);
}

static void make_datagram(void) {
  static char text[150000];
  int ends[2], size = sizeof text + 4096;
  CHECK_EQUAL(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends), 0);
  CHECK_EQUAL(setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof size),
              0);
  CHECK_EQUAL(send(ends[0], text, sizeof text, 0), sizeof text);
  other_end = ends[0];
  object = ends[1];
}

static void make_corked(void) {
  struct sockaddr_in name = {.sin_family = AF_INET, .sin_port = htons(9)};
  object = socket(AF_INET, SOCK_DGRAM, 0);
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  CHECK_EQUAL(connect(object, (void *)&name, sizeof name), 0);
  CHECK_EQUAL(send(object, "begun", 5, MSG_MORE), 5);
}

static void make_ended(void) {
  char path[64];
  pid_t child = fork();
  if (child == 0)
    pause();
  snprintf(path, sizeof path, "/proc/%d/stat", child);
  object = open(path, O_RDONLY);
  CHECK(object >= 0 && kill(child, SIGKILL) == 0);
  CHECK_EQUAL(waitpid(child, NULL, 0), child);
}

static pthread_t thread;
static sem_t alone;
static int leaves;

static void *leave(void *unused) {
  sigset_t set;
  int number;
  CHECK_EQUAL(unshare(leaves), 0);
  CHECK_EQUAL(sem_post(&alone), 0);
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  CHECK_EQUAL(sigwait(&set, &number), 0);
  return unused;
}

static void begin_apart(int what) {
  sigset_t set;
  sigfillset(&set);
  CHECK_EQUAL(pthread_sigmask(SIG_BLOCK, &set, NULL), 0);
  leaves = what;
  CHECK_EQUAL(pthread_create(&thread, NULL, leave, NULL), 0);
  CHECK_EQUAL(sem_wait(&alone), 0);
}

static void make_directory(void) { begin_apart(CLONE_FS); }
static void make_descriptors(void) { begin_apart(CLONE_FILES); }

static void end_thread(void) {
  CHECK_EQUAL(pthread_kill(thread, SIGUSR1), 0);
  CHECK_EQUAL(pthread_join(thread, NULL), 0);
}

static void *secret;

static void make_secret(void) {
  int fd = (int)syscall(SYS_memfd_secret, 0);
  if (fd < 0)
    SKIP("no secret memory");
  CHECK_EQUAL(ftruncate(fd, 4096), 0);
  secret = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  CHECK(secret != MAP_FAILED && close(fd) == 0);
  strcpy(secret, "secret");
}

static void remove_secret(void) { CHECK_EQUAL(munmap(secret, 4096), 0); }

/* Open, and not mapped. */
static void make_hidden(void) {
  object = (int)syscall(SYS_memfd_secret, 0);
  if (object < 0)
    SKIP("no secret memory");
  CHECK_EQUAL(ftruncate(object, 4096), 0);
}

/* Its protocol is that of UDP sockets. */
static void make_raw(void) {
  object = socket(AF_INET, SOCK_RAW, IPPROTO_UDP);
  if (object < 0)
    SKIP("no raw sockets");
}

static int id;

/* To be read by nobody but who has CAP_IPC_OWNER. */
static void make_messages(void) { id = msgget(IPC_PRIVATE, IPC_CREAT); }

static void make_semaphores(void) { id = semget(IPC_PRIVATE, 1, IPC_CREAT); }

static void remove_messages(void) {
  CHECK_EQUAL(msgctl(id, IPC_RMID, NULL), 0);
}

static void remove_semaphores(void) { CHECK_EQUAL(semctl(id, 0, IPC_RMID), 0); }

static void remove_object(void) {
  close(object);
  close(other_end);
  if (child) {
    CHECK_EQUAL(kill(child, SIGKILL), 0);
    CHECK_EQUAL(waitpid(child, NULL, 0), child);
  }
}

static const struct {
  const char *name;
  void (*make)(void), (*remove)(void);
} kinds[] = {
    {"epoll", make_epoll, remove_object},
    {"queue", make_queue, remove_object},
    {"terminal", make_terminal, remove_object},
    {"discipline", make_discipline, remove_object},
    {"route", make_route, remove_object},
    {"datagram", make_datagram, remove_object},
    {"corked", make_corked, remove_object},
    {"ended", make_ended, remove_object},
    {"messages", make_messages, remove_messages},
    {"semaphores", make_semaphores, remove_semaphores},
    {"directory", make_directory, end_thread},
    {"descriptors", make_descriptors, end_thread},
    {"secret", make_secret, remove_secret},
    {"hidden", make_hidden, remove_object},
    {"raw", make_raw, remove_object},
};

int main(int argc, char **argv) {
  CHECK_EQUAL(argc, 2);
  CHECK_EQUAL(__builtin_ckpt_save(), 0);
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
    if (!strcmp(kinds[i].name, argv[1])) {
      kinds[i].make();
      int refused = __builtin_ckpt_save();
      kinds[i].remove();
      CHECK_EQUAL(refused, -ENOTSUP);
      CHECK_EQUAL(__builtin_ckpt_save(), 0);
      CHECK_EQUAL(write(2, "goes on\n", 8), 8);
      return 0;
    }
  return 1;
}
