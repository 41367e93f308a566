// Threads that are busy with all kinds of things at once, each of which looks
// whether what it has is still what it left there, and whether a call ends as
// it should: none with EINTR, for no signal comes that would explain it.
// RUN: %clang -fhwckpt -O2 %s -o %t -pthread -lm
// RUN: %python %S/Inputs/killed-anywhere --kills=2 --options=every=3ms:on_unsupported=warn %hwckpt %t %t.file
// RUN: %python %S/Inputs/killed-anywhere --kills=1 --options=every=3ms:on_unsupported=warn:track=mprotect %hwckpt %t %t.file
// RUN: %python %S/Inputs/killed-anywhere --kills=1 --options=every=3ms:on_unsupported=warn:method=cow %hwckpt %t %t.file
#define _GNU_SOURCE
#include "Inputs/come-back.h"
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>

enum { PAGE = 4096 };
static _Atomic int over;
static const char *path;

/* ---- memory ---- */

static void fill(uint64_t *words, size_t count, uint64_t seed) {
  for (size_t i = 0; i < count; i++)
    words[i] = seed * 0x9e3779b97f4a7c15u + i;
}
static void look(const uint64_t *words, size_t count, uint64_t seed) {
  for (size_t i = 0; i < count; i++)
    CHECK(words[i] == seed * 0x9e3779b97f4a7c15u + i);
}

static void map(uint64_t turn) {
  size_t pages = 1 + turn % 7, more = 1 + turn % 11;
  uint64_t *at = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(at != MAP_FAILED);
  size_t least = pages < more ? pages : more;
  fill(at, pages * PAGE / 8, turn);
  uint64_t *moved = mremap(at, pages * PAGE, more * PAGE, MREMAP_MAYMOVE);
  CHECK(moved != MAP_FAILED);
  look(moved, least * PAGE / 8, turn);
  CHECK(mprotect(moved, more * PAGE, PROT_READ) == 0);
  look(moved, least * PAGE / 8, turn);
  CHECK(munmap(moved, more * PAGE) == 0);
}

static void allocate(uint64_t turn) {
  static uint64_t *kept[16], seeds[16], counts[16];
  unsigned place = turn * 7 % 16;
  look(kept[place], counts[place], seeds[place]);
  size_t count = 1 + turn * 31 % 3000, old = counts[place];
  uint64_t *grown = realloc(kept[place], count * 8);
  CHECK(grown);
  look(grown, old < count ? old : count, seeds[place]);
  fill(grown, count, turn);
  kept[place] = grown;
  counts[place] = count;
  seeds[place] = turn;
}

/* ---- registers ---- */

static void compute(uint64_t turn) {
  double sum = 0, again = 0, seed = (double)(turn % 1000);
  for (int i = 1; i < 2000; i++)
    sum += sin(seed + i) * sqrt(i);
  for (int i = 1; i < 2000; i++)
    again += sin(seed + i) * sqrt(i);
  CHECK(memcmp(&sum, &again, sizeof sum) == 0);
}

/* ---- threads and processes ---- */

static void *twice(void *argument) { return (void *)(2 * (uintptr_t)argument); }
static void bear(uint64_t turn) {
  pthread_t threads[3];
  void *result;
  for (uintptr_t i = 0; i < 3; i++)
    CHECK(pthread_create(&threads[i], NULL, twice, (void *)(turn + i)) == 0);
  for (uintptr_t i = 0; i < 3; i++) {
    CHECK(pthread_join(threads[i], &result) == 0);
    CHECK(result == (void *)(2 * (turn + i)));
  }
}

/* After a restore there is no child; who restores is another parent. */
static void spawn(uint64_t turn) {
  static pid_t parent;
  int status = 0, wanted = (int)(turn % 50);
  if (!parent)
    parent = getppid();
  pid_t child = fork();
  CHECK(child >= 0);
  if (!child) {
    usleep((unsigned)(turn % 5) * 500);
    _exit(wanted);
  }
  if (waitpid(child, &status, 0) == child) {
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == wanted);
    return;
  }
  CHECK(errno == ECHILD && getppid() != parent);
  parent = getppid();
}

/* ---- waiting for a time ---- */

static void sleep_a_little(uint64_t turn) {
  struct timespec time = {0, (long)(turn % 4) * 500000 + 1};
  CHECK(nanosleep(&time, NULL) == 0);
  CHECK(poll(NULL, 0, (int)(turn % 3)) == 0);
}

static void tick(uint64_t turn) {
  static int timer = -1;
  const struct itimerspec often = {{0, 2000000}, {0, 2000000}};
  uint64_t times = 0;
  if (timer < 0) {
    timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
    CHECK(timer >= 0 && timerfd_settime(timer, 0, &often, NULL) == 0);
  }
  CHECK(read(timer, &times, sizeof times) == sizeof times && times > 0);
  (void)turn;
}

/* ---- waiting for another: the two take turns ---- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static uint64_t turns;
static void take_turns(uint64_t turn, int odd) {
  CHECK(pthread_mutex_lock(&lock) == 0);
  while ((turns & 1) != (unsigned)odd && !over)
    CHECK(pthread_cond_wait(&changed, &lock) == 0);
  CHECK(over || turns == 2 * turn + (unsigned)odd);
  turns++;
  CHECK(pthread_cond_broadcast(&changed) == 0);
  CHECK(pthread_mutex_unlock(&lock) == 0);
}
static void first(uint64_t turn) { take_turns(turn, 0); }
static void second(uint64_t turn) { take_turns(turn, 1); }

/* What is sent arrives once and in order; it goes on until the other has got
 * the last, END. */
#define END UINT64_MAX
static int pipe_ends[2], socket_ends[2], event = -1;
static sem_t semaphores[2];
static uint64_t sent(uint64_t turn) { return over ? END : turn; }
static void write_to(int fd, uint64_t turn) {
  uint64_t number = sent(turn);
  CHECK(write(fd, &number, sizeof number) == sizeof number);
}
static int read_from(int fd, uint64_t turn) {
  uint64_t number;
  CHECK(read(fd, &number, sizeof number) == sizeof number);
  CHECK(number == turn || number == END);
  return number != END;
}
static void *pipe_writer(void *unused) {
  for (uint64_t turn = 0; !over; turn++)
    write_to(pipe_ends[1], turn);
  write_to(pipe_ends[1], 0);
  return unused;
}
static void *pipe_reader(void *unused) {
  for (uint64_t turn = 0; read_from(pipe_ends[0], turn); turn++)
    ;
  return unused;
}
static void *socket_writer(void *unused) {
  for (uint64_t turn = 0; !over; turn++) {
    write_to(socket_ends[1], turn);
    if (turn % 8 == 0)
      usleep(300);
  }
  write_to(socket_ends[1], 0);
  return unused;
}
static void *socket_reader(void *unused) {
  struct epoll_event wanted = {.events = EPOLLIN}, got;
  int epoll = epoll_create1(EPOLL_CLOEXEC);
  CHECK(epoll >= 0);
  CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, socket_ends[0], &wanted) == 0);
  for (uint64_t turn = 0;; turn++) {
    CHECK(epoll_wait(epoll, &got, 1, -1) == 1);
    if (!read_from(socket_ends[0], turn))
      return unused;
  }
}

/* Waits for what hardly ever comes, in the calls that end with EINTR soonest.
 */
static void *epoll_waiter(void *unused) {
  struct epoll_event wanted = {.events = EPOLLIN}, got;
  int epoll = epoll_create1(EPOLL_CLOEXEC);
  CHECK(epoll >= 0 && epoll_ctl(epoll, EPOLL_CTL_ADD, event, &wanted) == 0);
  CHECK(epoll_wait(epoll, &got, 1, -1) == 1);
  return unused;
}
static void *signal_waiter(void *unused) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGRTMIN);
  CHECK(pthread_sigmask(SIG_BLOCK, &set, NULL) == 0);
  CHECK(sigwaitinfo(&set, NULL) == SIGRTMIN);
  return unused;
}

static void post(uint64_t turn) {
  CHECK(sem_post(&semaphores[0]) == 0 && sem_wait(&semaphores[1]) == 0);
  (void)turn;
}
static void *answerer(void *unused) {
  while (!over)
    CHECK(sem_wait(&semaphores[0]) == 0 && sem_post(&semaphores[1]) == 0);
  return unused;
}

static pthread_mutex_t contended = PTHREAD_MUTEX_INITIALIZER;
static uint64_t one, other;
static void contend(uint64_t turn) {
  CHECK(pthread_mutex_lock(&contended) == 0);
  CHECK(one == other);
  one += turn;
  if (turn % 64 == 0)
    sched_yield();
  other += turn;
  CHECK(pthread_mutex_unlock(&contended) == 0);
}

/* ---- files and signals ---- */

static void use_file(uint64_t turn) {
  static int file = -1;
  static uint64_t seeds[8];
  uint64_t words[512], place = turn * 5 % 8;
  if (file < 0) {
    file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    CHECK(file >= 0);
  } else if (turn > 8) {
    CHECK(pread(file, words, sizeof words, (off_t)(place * sizeof words)) ==
          sizeof words);
    look(words, 512, seeds[place]);
  }
  fill(words, 512, turn);
  CHECK(pwrite(file, words, sizeof words, (off_t)(place * sizeof words)) ==
        sizeof words);
  seeds[place] = turn;
}

static _Thread_local volatile sig_atomic_t handled;
static void handler(int number) { handled += number == SIGUSR1; }
static void handle(uint64_t turn) {
  sig_atomic_t before = handled;
  struct sigaction action = {.sa_handler = turn & 1 ? handler : SIG_IGN};
  CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
  CHECK(pthread_kill(pthread_self(), SIGUSR1) == 0);
  CHECK(handled == before + (int)(turn & 1));
  if (turn % 64 == 0)
    usleep(100);
}

/* ---- all of them ---- */

static void (*const each[])(uint64_t) = {
    map,   allocate, compute, bear,    spawn,    sleep_a_little, tick,
    first, second,   post,    contend, use_file, handle,         contend};
static void *(*const pairs[])(void *) = {
    epoll_waiter, signal_waiter, epoll_waiter, signal_waiter, epoll_waiter,
    epoll_waiter, epoll_waiter,  epoll_waiter, pipe_writer,   pipe_reader,
    answerer,     socket_writer, socket_reader};
enum {
  EACH = sizeof each / sizeof *each,
  PAIRS = sizeof pairs / sizeof *pairs
};

static void *go_round(void *argument) {
  void (*const *what)(uint64_t) = argument;
  for (uint64_t turn = 0; !over; turn++)
    (*what)(turn);
  return NULL;
}

int main(int argc, char **argv) {
  pthread_t threads[EACH + PAIRS];
  uint64_t once = 1;
  int own = epoll_create1(EPOLL_CLOEXEC);
  struct epoll_event none;
  CHECK(argc == 2 && own >= 0);
  path = argv[1];
  CHECK(pipe(pipe_ends) == 0);
  CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, socket_ends) == 0);
  CHECK((event = eventfd(0, EFD_CLOEXEC)) >= 0);
  CHECK(sem_init(&semaphores[0], 0, 0) == 0);
  CHECK(sem_init(&semaphores[1], 0, 0) == 0);
  for (size_t i = 0; i < PAIRS; i++)
    CHECK(pthread_create(&threads[EACH + i], NULL, pairs[i], NULL) == 0);
  for (size_t i = 0; i < EACH; i++)
    CHECK(pthread_create(&threads[i], NULL, go_round, (void *)&each[i]) == 0);
  while (go_on())
    CHECK(epoll_wait(own, &none, 1, 5) == 0);
  CHECK(pthread_mutex_lock(&lock) == 0);
  over = 1;
  CHECK(pthread_cond_broadcast(&changed) == 0);
  CHECK(pthread_mutex_unlock(&lock) == 0);
  CHECK(write(event, &once, sizeof once) == sizeof once);
  CHECK(sem_post(&semaphores[0]) == 0 && sem_post(&semaphores[1]) == 0);
  for (size_t i = 0; i < EACH + PAIRS; i++) {
    if (i >= EACH && pairs[i - EACH] == signal_waiter)
      CHECK(pthread_kill(threads[i], SIGRTMIN) == 0);
    CHECK(pthread_join(threads[i], NULL) == 0);
  }
  CHECK(unlink(path) == 0);
  return 7;
}
