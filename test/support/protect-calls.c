// track=mprotect: calls of libc that fill memory find it writable, those of
// stdio and those without a number of their own among them, and those that a
// handler interrupts in which a checkpoint is taken.
// RUN: %behaviour %s -o %t && %restored_by_all -o track=mprotect -- %t
#include "behaviour.h"

#include <dirent.h>
#include <hwckpt.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <spawn.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>

enum { PAGE = 4096, PAGES = 64 };
static char *memory;
static unsigned next;
static int pair[2];

/* A page that nobody has written since the checkpoint. */
static void *fresh(void) {
  CHECK(next < PAGES);
  return memory + (next++ * PAGE);
}

static void send_it(void) { CHECK_EQUAL(send(pair[1], "message", 8, 0), 8); }

static void receive(void) {
  send_it();
  CHECK_EQUAL(recv(pair[0], fresh(), 8, 0), 8);
  send_it();
  CHECK_EQUAL(recvfrom(pair[0], fresh(), 8, 0, fresh(),
                       &(socklen_t){sizeof(struct sockaddr_storage)}),
              8);
  send_it();
  struct iovec *part = fresh();
  *part = (struct iovec){fresh(), 8};
  struct msghdr *message = fresh();
  *message = (struct msghdr){.msg_iov = part, .msg_iovlen = 1};
  CHECK_EQUAL(recvmsg(pair[0], message, 0), 8);
  send_it();
  struct mmsghdr *messages = fresh();
  messages->msg_hdr = *message;
  CHECK_EQUAL(recvmmsg(pair[0], messages, 1, 0, NULL), 1);
  send_it();
  CHECK_EQUAL(read(pair[0], fresh(), 8), 8);
}

static void wait_for(void) {
  struct pollfd *polled = fresh();
  struct epoll_event *events = fresh();
  int epoll = epoll_create1(0);
  send_it();
  polled->fd = pair[0];
  polled->events = POLLIN;
  CHECK_EQUAL(__builtin_ckpt_save(), 0);
  CHECK_EQUAL(poll(polled, 1, 1000), 1);
  CHECK_EQUAL(__builtin_ckpt_save(), 0);
  CHECK_EQUAL(ppoll(polled, 1, NULL, &(sigset_t){0}), 1);
  fd_set *set = fresh();
  FD_SET(pair[0], set);
  CHECK_EQUAL(__builtin_ckpt_save(), 0);
  CHECK_EQUAL(select(pair[0] + 1, set, NULL, NULL, NULL), 1);
  CHECK_EQUAL(__builtin_ckpt_save(), 0);
  CHECK_EQUAL(pselect(pair[0] + 1, set, NULL, NULL, NULL, NULL), 1);
  CHECK_EQUAL(epoll_ctl(epoll, EPOLL_CTL_ADD, pair[0],
                        &(struct epoll_event){.events = EPOLLIN}),
              0);
  CHECK_EQUAL(epoll_wait(epoll, events, PAGE / 12, 1000), 1);
  CHECK_EQUAL(__builtin_ckpt_save(), 0);
  CHECK_EQUAL(epoll_pwait(epoll, events, PAGE / 12, 1000, &(sigset_t){0}), 1);
  CHECK_EQUAL(close(epoll), 0);
  CHECK_EQUAL(recv(pair[0], polled, 8, 0), 8);
}

static void ask(void) {
  CHECK_EQUAL(fstat(0, fresh()), 0);
  CHECK_EQUAL(uname(fresh()), 0);
  CHECK_EQUAL(getrusage(RUSAGE_SELF, fresh()), 0);
  CHECK_EQUAL(getrlimit(RLIMIT_NOFILE, fresh()), 0);
  CHECK_EQUAL(sched_getaffinity(0, sizeof(cpu_set_t), fresh()), 0);
  CHECK_EQUAL(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, fresh()), 0);
  CHECK_EQUAL(gettimeofday(fresh(), NULL), 0);
  CHECK_EQUAL(sigprocmask(SIG_BLOCK, NULL, fresh()), 0);
  CHECK(getcwd(fresh(), PAGE));
  CHECK(readlink("/proc/self/exe", fresh(), PAGE) > 0);
  CHECK(syscall(SYS_getcwd, fresh(), PAGE) > 0);
  CHECK_EQUAL(pipe(fresh()), 0);
}

static void read_files(void) {
  FILE *file = fopen("/proc/self/exe", "r");
  DIR *folder = opendir("/proc/self");
  CHECK(file && folder);
  for (int i = 0; i < 4; i++) {
    CHECK_EQUAL(fread(fresh(), 1, 100, file), 100);
    CHECK(readdir(folder));
    CHECK_EQUAL(fseek(file, 100000 * i, SEEK_SET), 0);
    CHECK_EQUAL(__builtin_ckpt_save(), 0);
  }
  CHECK(fread(fresh(), 1, PAGE, file) == PAGE);
  fclose(file);
  closedir(folder);
}

static void start_others(void) {
  int *status = fresh();
  pid_t child = fork();
  if (child == 0) {
    memset(memory, 3, PAGES * PAGE); /* in the child's own memory */
    _exit(memory[0] == 3 ? 7 : 1);
  }
  CHECK_EQUAL(waitpid(child, status, 0), child);
  CHECK_EQUAL(WEXITSTATUS(*status), 7);
  char *arguments[] = {"true", NULL};
  pid_t *spawned = fresh();
  CHECK_EQUAL(posix_spawnp(spawned, "true", NULL, NULL, arguments, NULL), 0);
  CHECK_EQUAL(__builtin_ckpt_save(), 0);
  CHECK_EQUAL(waitpid(*spawned, status, 0), *spawned);
  CHECK_EQUAL(*status, 0);
}

static void on_alarm(int number) {
  (void)number;
  CHECK_EQUAL(hwckpt_request(), 0);
  uint64_t taken = hwckpt_generation();
  while (hwckpt_generation() == taken)
    __asm__ volatile("pause");
  send_it();
}

/* The call goes on behind the handler, which the runtime does not see. */
static void interrupt(void) {
  struct itimerval soon = {.it_value.tv_usec = 50000};
  struct sigaction action = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
  char *to = fresh();
  CHECK_EQUAL(sigaction(SIGALRM, &action, NULL), 0);
  CHECK_EQUAL(setitimer(ITIMER_REAL, &soon, NULL), 0);
  CHECK_EQUAL(read(pair[0], to, 8), 8);
  CHECK(strcmp(to, "message") == 0);
}

int main(void) {
  memory = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(memory != MAP_FAILED);
  memset(memory, 0, PAGES * PAGE);
  CHECK_EQUAL(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
  void (*const steps[])(void) = {receive,    wait_for,     ask,
                                 read_files, start_others, interrupt};
  for (unsigned i = 0; i < sizeof steps / sizeof *steps; i++) {
    for (unsigned k = 0; k < PAGES; k++)
      ((volatile char *)memory)[k * PAGE + 4000] = (char)i;
    CHECK_EQUAL(__builtin_ckpt_save(), 0);
    next = 0;
    steps[i]();
  }
  die_and_come_back();
  CHECK(strcmp(memory, "message") == 0);
  return 0;
}
