// An io_uring that one thread alone may use (SINGLE_ISSUER), with completions
// that wait until it asks (DEFER_TASKRUN), is that thread's again: the main
// thread's, those of other threads, also of a child, which go on submitting at
// once, and one that is not enabled yet, of who enables it. What is under way
// at a checkpoint ends in it. One whose thread has ended nobody can use, then
// as now. What waits for others refuses the checkpoint.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t
// RUN: %restored_by_all -- %t threads
// RUN: %restored_by_all -- %t child
// RUN: %restored_by_all -- %t disabled
// RUN: %restored_by_all -- %t ended
// RUN: %restored_by_all -- %t polled
// RUN: %restored_by_all -- %t received
// RUN: %by_all %t refused 2>&1 | FileCheck %s
// CHECK: HWCKPT-E208: {{.*}}io_uring{{.*}}: operations that are not completed
// CHECK: HWCKPT-E208: {{.*}}io_uring{{.*}}: provided buffers
// CHECK: HWCKPT-E208: {{.*}}io_uring{{.*}}: a registered eventfd
// CHECK: HWCKPT-E208: {{.*}}io_uring{{.*}}: restrictions
// CHECK: HWCKPT-E208: {{.*}}io_uring{{.*}}: one thread alone may ask (SINGLE_ISSUER), and it has ended
// CHECK: goes on
#include "Inputs/ring.h"
#include <linux/time_types.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>

#define SINGLE IORING_SETUP_SINGLE_ISSUER
#define DEFERRED (IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN)
#define RESIZE 33 /* IORING_REGISTER_RESIZE_RINGS, with DEFER_TASKRUN alone */

static unsigned waiting(const struct ring *ring) {
  const struct io_uring_params *p = &ring->parameters;
  atomic_thread_fence(memory_order_seq_cst);
  return *(volatile unsigned *)at(ring, p->cq_off.tail) -
         *at(ring, p->cq_off.head);
}

/* A wait that a stop has cut short came back without them. */
static void await(struct ring *ring, unsigned count) {
  while (waiting(ring) < count)
    CHECK(syscall(SYS_io_uring_enter, ring->fd, 0, count,
                  IORING_ENTER_GETEVENTS, NULL, 0) == 0 ||
          errno == EINTR);
}

/* Submits it: the next in number. */
static void submit(struct ring *ring, unsigned char operation, int fd,
                   const void *address, unsigned length, unsigned long offset,
                   unsigned flags) {
  unsigned index = *at(ring, ring->parameters.sq_off.tail) &
                   *at(ring, ring->parameters.sq_off.ring_mask);
  add(ring, operation, fd, address, length, offset);
  ring->entries[index].flags = (unsigned char)flags;
  enter(ring, 1, 0);
}

static unsigned next_number(const struct ring *ring) {
  return *at(ring, ring->parameters.sq_off.tail);
}

static const struct __kernel_timespec short_time = {.tv_nsec = 15000000};
static void submit_timeout(struct ring *ring) {
  submit(ring, IORING_OP_TIMEOUT, -1, &short_time, 1, 0, 0);
}

/* ---- whose it is ---- */

static void *find_other(void *ring) {
  CHECK(control(ring, IORING_UNREGISTER_FILES, NULL, 0) < 0 && errno == EEXIST);
  return NULL;
}

static void in_thread(void *(*function)(void *), void *argument) {
  pthread_t thread;
  CHECK_EQUAL(pthread_create(&thread, NULL, function, argument), 0);
  CHECK_EQUAL(pthread_join(thread, NULL), 0);
}

/* Nobody else may ask, and, where the kernel tells of it, completions wait
 * until this thread does. */
static void check_own(struct ring *ring, unsigned flags) {
  in_thread(find_other, ring);
  int deferred = control(ring, RESIZE, (void *)-1l, 1) < 0 && errno == EFAULT;
  if (!(flags & IORING_SETUP_DEFER_TASKRUN))
    CHECK(!deferred);
  if (!deferred)
    return;
  unsigned number = next_number(ring), before = waiting(ring);
  submit_timeout(ring);
  for (double begin = now(); now() - begin < 0.05;)
    sched_yield();
  CHECK_EQUAL(waiting(ring), before);
  await(ring, before + 1);
  if (!before)
    take(ring, number, -ETIME);
}

/* ---- of the main thread ---- */

static _Alignas(4096) char registered[4096];

static void write_fixed(struct ring *ring) {
  char text[3] = "";
  unsigned number = next_number(ring);
  int ends[2];
  struct io_uring_files_update update = {.offset = 1,
                                         .fds = (unsigned long)&ends[0]};
  CHECK_EQUAL(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  CHECK_EQUAL(control(ring, IORING_REGISTER_FILES_UPDATE, &update, 1), 1);
  memcpy(registered + 8, "ok", 2);
  submit(ring, IORING_OP_WRITE_FIXED, 1, registered + 8, 2, 0,
         IOSQE_FIXED_FILE);
  await(ring, 1);
  take(ring, number, 2);
  CHECK(recv(ends[1], text, 2, MSG_DONTWAIT) == 2 && strcmp(text, "ok") == 0);
  CHECK_EQUAL(send(ends[1], "back", 4, 0), 4);
  submit(ring, IORING_OP_READ_FIXED, 1, registered + 2048, 4, 0,
         IOSQE_FIXED_FILE);
  await(ring, 1);
  take(ring, number + 1, 4);
  CHECK(memcmp(registered + 2048, "back", 4) == 0);
  update.fds = (unsigned long)&(int){-1};
  CHECK_EQUAL(control(ring, IORING_REGISTER_FILES_UPDATE, &update, 1), 1);
  close(ends[0]);
  close(ends[1]);
}

static void register_all(struct ring *ring, int file) {
  struct iovec memory = {registered, sizeof registered};
  CHECK_EQUAL(control(ring, IORING_REGISTER_BUFFERS, &memory, 1), 0);
  CHECK_EQUAL(control(ring, IORING_REGISTER_FILES, (int[]){file, -1}, 2), 0);
}

/* What a worker of the kernel and a timer have under way. */
static void leave_under_way(struct ring *ring, int file, char *to) {
  submit(ring, IORING_OP_READ, file, to, 2, 0, IOSQE_ASYNC);
  submit_timeout(ring);
}

static void take_both(struct ring *ring, unsigned first) {
  unsigned timer = first + 1;
  await(ring, 2);
  const struct io_uring_cqe *done =
      (const struct io_uring_cqe *)(ring->completions +
                                    ring->parameters.cq_off.cqes);
  unsigned head = *at(ring, ring->parameters.cq_off.head);
  if (done[head & (ring->parameters.cq_entries - 1)].user_data == timer) {
    take(ring, timer, -ETIME);
    take(ring, first, 2);
  } else {
    take(ring, first, 2);
    take(ring, timer, -ETIME);
  }
}

static void come_back(void) {
  struct ring single, deferred;
  char text[3] = "", more[3] = "";
  int file = memfd_create("data", 0);
  CHECK_EQUAL(pwrite(file, "ab", 2, 0), 2);
  make(&single, 4, SINGLE);
  make(&deferred, 4, DEFERRED);
  register_all(&deferred, file);
  for (unsigned i = 0; i < 101; i++) {
    submit(&single, IORING_OP_NOP, -1, NULL, 0, 0, 0);
    await(&single, 1);
    take(&single, i, 0);
  }
  for (unsigned i = 0; i < 3; i++) { /* checkpoints, with all that goes on */
    unsigned number = next_number(&deferred);
    leave_under_way(&deferred, file, text);
    CHECK(__builtin_ckpt_save() >= 0);
    take_both(&deferred, number);
    write_fixed(&deferred);
  }
  memset(text, 0, sizeof text);
  unsigned number = next_number(&deferred), other = next_number(&single);
  leave_under_way(&deferred, file, text);
  leave_under_way(&single, file, more);
  add(&single, IORING_OP_WRITE, file, "cd", 2, 0); /* not told */
  die_and_come_back();
  CHECK_EQUAL(waiting(&deferred), 2);
  CHECK_EQUAL(waiting(&single), 2);
  CHECK(strcmp(text, "ab") == 0 && strcmp(more, "ab") == 0);
  take_both(&deferred, number);
  take_both(&single, other);
  enter(&single, 1, 1);
  take(&single, other + 2, 2);
  CHECK(pread(file, text, 2, 0) == 2 && strcmp(text, "cd") == 0);
  check_own(&single, SINGLE);
  check_own(&deferred, DEFERRED);
  write_fixed(&deferred);
  number = next_number(&deferred);
  leave_under_way(&deferred, file, text);
  CHECK(__builtin_ckpt_save() >= 0);
  take_both(&deferred, number);
  check_own(&deferred, DEFERRED);
}

/* ---- of other threads ---- */

#define THREADS 6u
#define RINGS 2u /* of each */

static struct shared {
  atomic_int stops;
  atomic_uint rounds[THREADS];
} *shared;

struct worker {
  unsigned number;
  int file;
  struct ring rings[RINGS];
};

/* Writes and reads back, by both rings: what it reads is what it wrote. */
static void work(struct worker *worker, unsigned round) {
  static _Thread_local unsigned written[RINGS], got[RINGS];
  for (unsigned i = 0; i < RINGS; i++) {
    struct ring *ring = &worker->rings[i];
    unsigned number = next_number(ring);
    unsigned long place = worker->number * RINGS + i;
    written[i] = round * THREADS + worker->number;
    submit(ring, IORING_OP_WRITE, worker->file, &written[i], 4, 4 * place,
           round % 2 ? IOSQE_ASYNC : 0);
    await(ring, 1);
    take(ring, number, 4);
    submit(ring, IORING_OP_READ, worker->file, &got[i], 4, 4 * place,
           round % 3 ? IOSQE_ASYNC : 0);
    await(ring, 1);
    take(ring, number + 1, 4);
    CHECK_EQUAL(got[i], written[i]);
  }
}

static void *run_worker(void *argument) {
  struct worker *worker = argument;
  make(&worker->rings[0], 4, DEFERRED);
  make(&worker->rings[1], 8, worker->number % 2 ? SINGLE : DEFERRED);
  for (unsigned round = 0; !atomic_load(&shared->stops); round++) {
    work(worker, round);
    atomic_fetch_add(&shared->rounds[worker->number], 1);
  }
  return NULL;
}

/* All have done so much more. */
static void await_workers(unsigned more) {
  for (unsigned i = 0; i < THREADS; i++) {
    double begin = now();
    for (unsigned wanted = atomic_load(&shared->rounds[i]) + more;
         atomic_load(&shared->rounds[i]) < wanted; sched_yield())
      CHECK(now() - begin < 20);
  }
}

static struct worker workers[THREADS];
static pthread_t threads[THREADS];

static void share(void) {
  shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE,
                MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  CHECK(shared != MAP_FAILED);
}

static void begin_work(void) {
  int file = memfd_create("data", 0);
  for (unsigned i = 0; i < THREADS; i++) {
    workers[i] = (struct worker){.number = i, .file = file};
    CHECK_EQUAL(pthread_create(&threads[i], NULL, run_worker, &workers[i]), 0);
  }
}

static void end_work(void) {
  for (unsigned i = 0; i < THREADS; i++)
    CHECK_EQUAL(pthread_join(threads[i], NULL), 0);
}

static void work_on(void) {
  for (unsigned i = 0; i < 4; i++) {
    await_workers(2);
    CHECK(__builtin_ckpt_save() >= 0);
  }
}

static void come_back_with_threads(void) {
  share();
  begin_work();
  work_on();
  die_and_come_back();
  for (unsigned i = 0; i < THREADS * RINGS; i++)
    find_other(&workers[i / RINGS].rings[i % RINGS]);
  work_on();
  atomic_store(&shared->stops, 1);
  end_work();
}

/* All of it in a child. */
static void come_back_with_child(void) {
  int status;
  share();
  pid_t child = fork();
  if (!child) {
    CHECK_EQUAL(prctl(PR_SET_PDEATHSIG, SIGKILL), 0);
    begin_work();
    end_work();
    _exit(0);
  }
  work_on();
  die_and_come_back();
  work_on();
  atomic_store(&shared->stops, 1);
  CHECK_EQUAL(waitpid(child, &status, 0), child);
  CHECK_EQUAL(status, 0);
}

/* ---- of nobody yet ---- */

static void *enable(void *argument) {
  struct ring *ring = argument;
  CHECK_EQUAL(control(ring, IORING_REGISTER_ENABLE_RINGS, NULL, 0), 0);
  unsigned number = next_number(ring);
  submit_timeout(ring);
  CHECK(__builtin_ckpt_save() >= 0);
  await(ring, 1);
  take(ring, number, -ETIME);
  check_own(ring, ring->parameters.flags);
  return NULL;
}

static void check_disabled(const struct ring *ring) {
  CHECK(syscall(SYS_io_uring_enter, ring->fd, 0, 0, 0, NULL, 0) < 0 &&
        errno == EBADFD);
}

static void come_back_disabled(void) {
  struct ring plain, deferred;
  make(&plain, 4, IORING_SETUP_R_DISABLED);
  make(&deferred, 4, IORING_SETUP_R_DISABLED | DEFERRED);
  register_all(&deferred, memfd_create("data", 0));
  CHECK(__builtin_ckpt_save() >= 0);
  die_and_come_back();
  check_disabled(&plain);
  check_disabled(&deferred);
  CHECK_EQUAL(control(&plain, IORING_REGISTER_ENABLE_RINGS, NULL, 0), 0);
  submit(&plain, IORING_OP_NOP, -1, NULL, 0, 0, 0);
  take(&plain, 0, 0);
  if (control(&deferred, RESIZE, (void *)-1l, 1) < 0 && errno == EFAULT)
    in_thread(enable, &deferred); /* else it is not known what it was */
}

/* ---- of a thread that has ended ---- */

static void *leave_deferred(void *argument) {
  struct ring *ring = argument;
  make(ring, 4, DEFERRED);
  register_all(ring, memfd_create("data", 0));
  for (unsigned i = 0; i < 9; i++) {
    submit(ring, IORING_OP_NOP, -1, NULL, 0, 0, 0);
    if (i < 7)
      take(ring, i, 0);
  }
  return NULL;
}

static void *leave_single(void *argument) {
  struct ring *ring = argument;
  make(ring, 4, SINGLE);
  submit(ring, IORING_OP_NOP, -1, NULL, 0, 0, 0);
  return NULL;
}

static void find_left(struct ring *deferred, struct ring *single) {
  find_other(deferred);
  find_other(single);
  in_thread(find_other, deferred);
  add(single, IORING_OP_NOP, -1, NULL, 0, 0);
  CHECK(syscall(SYS_io_uring_enter, single->fd, 1, 0, 0, NULL, 0) < 0 &&
        errno == EEXIST);
  --*at(single, single->parameters.sq_off.tail);
  CHECK(syscall(SYS_io_uring_enter, deferred->fd, 0, 0, IORING_ENTER_GETEVENTS,
                NULL, 0) < 0 &&
        errno == EEXIST);
  CHECK_EQUAL(syscall(SYS_io_uring_enter, single->fd, 0, 0,
                      IORING_ENTER_GETEVENTS, NULL, 0),
              0);
}

static void come_back_left(void) {
  struct ring deferred, single;
  in_thread(leave_deferred, &deferred);
  in_thread(leave_single, &single);
  find_left(&deferred, &single);
  CHECK(__builtin_ckpt_save() >= 0);
  die_and_come_back();
  find_left(&deferred, &single);
  take(&deferred, 7, 0);
  take(&deferred, 8, 0);
  take(&single, 0, 0);
  CHECK(__builtin_ckpt_save() >= 0);
  find_left(&deferred, &single);
  drop(&deferred);
  drop(&single);
}

/* ---- with a thread of the kernel ---- */

static void come_back_polled(void) {
  struct ring ring;
  char text[3] = "";
  int file = memfd_create("data", 0);
  memset(&ring.parameters, 0, sizeof ring.parameters);
  ring.parameters.sq_thread_idle = 1;
  map_ring(&ring, 4, IORING_SETUP_SQPOLL | SINGLE);
  const unsigned *flags = at(&ring, ring.parameters.sq_off.flags);
  while (!(*(volatile const unsigned *)flags & IORING_SQ_NEED_WAKEUP))
    sched_yield(); /* until it sleeps */
  add(&ring, IORING_OP_WRITE, file, "ab", 2, 0);
  die_and_come_back();
  take(&ring, 0, 2);
  CHECK(pread(file, text, 2, 0) == 2 && strcmp(text, "ab") == 0);
  in_thread(find_other, &ring);
  CHECK(__builtin_ckpt_save() >= 0);
  add(&ring, IORING_OP_WRITE, file, "cd", 2, 0);
  CHECK_EQUAL(syscall(SYS_io_uring_enter, ring.fd, 1, 1,
                      IORING_ENTER_GETEVENTS | IORING_ENTER_SQ_WAKEUP, NULL, 0),
              1);
  take(&ring, 1, 2);
  CHECK(pread(file, text, 2, 0) == 2 && strcmp(text, "cd") == 0);
}

/* ---- what comes in the stop ---- */

/* Bytes that have come for a thread that did not ask yet are put into memory
 * while it is stopped: also of memory that is looked through meanwhile. */
#define MEMORY (256ul << 20)

static void come_back_with_received(void) {
  struct ring ring;
  int ends[2];
  char *memory = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(memory != MAP_FAILED);
  CHECK_EQUAL(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  make(&ring, 4, DEFERRED);
  for (unsigned round = 0; round < 4; round++) {
    for (size_t i = 0; i < MEMORY; i += 4096)
      memory[i] = (char)(i / 4096 + round + 1);
    char *to = memory + MEMORY / 4 * round + 100;
    submit(&ring, IORING_OP_RECV, ends[0], to, 8, 0, 0);
    CHECK_EQUAL(send(ends[1], "received", 8, 0), 8);
    CHECK_EQUAL(to[0], 0);
    if (round == 3)
      die_and_come_back();
    else
      CHECK(__builtin_ckpt_save() >= 0);
    take(&ring, round, 8);
    CHECK(memcmp(to, "received", 8) == 0);
  }
}

/* ---- what is refused ---- */

static void refuse(void) { CHECK(__builtin_ckpt_save() < 0); }

static void *make_and_end(void *ring) {
  make(ring, 4, IORING_SETUP_SQPOLL | SINGLE);
  return NULL;
}

static void refuse_restricted(void) {
  struct io_uring_restriction one = {.opcode = IORING_RESTRICTION_SQE_OP};
  struct ring ring;
  make(&ring, 4, IORING_SETUP_R_DISABLED);
  CHECK_EQUAL(control(&ring, IORING_REGISTER_RESTRICTIONS, &one, 1), 0);
  refuse();
  drop(&ring);
}

static void refuse_by_name(void) {
  static char buffer[4096];
  struct ring ring;
  int ends[2], event = eventfd(0, 0);
  CHECK_EQUAL(pipe(ends), 0);
  make(&ring, 4, DEFERRED);
  submit(&ring, IORING_OP_READ, ends[0], buffer, 1, 0, 0);
  refuse();
  CHECK_EQUAL(write(ends[1], "x", 1), 1);
  CHECK(__builtin_ckpt_save() >= 0);
  take(&ring, 0, 1);
  add(&ring, IORING_OP_PROVIDE_BUFFERS, 1, buffer, 64, 0);
  ring.entries[1].buf_group = 60000;
  enter(&ring, 1, 1);
  take(&ring, 1, 0);
  for (unsigned i = 0; __builtin_ckpt_save() >= 0; i++)
    CHECK(i < 15); /* a part of all groups is asked for in each */
  refuse();
  drop(&ring);
  make(&ring, 4, DEFERRED);
  add(&ring, IORING_OP_PROVIDE_BUFFERS, 1, buffer, 64, 0);
  ring.entries[0].buf_group = 60000;
  enter(&ring, 1, 1);
  take(&ring, 0, 0);
  refuse();
  drop(&ring);
  make(&ring, 4, DEFERRED);
  CHECK_EQUAL(control(&ring, IORING_REGISTER_EVENTFD, &event, 1), 0);
  refuse();
  CHECK_EQUAL(control(&ring, IORING_UNREGISTER_EVENTFD, NULL, 0), 0);
  CHECK(__builtin_ckpt_save() >= 0);
  drop(&ring);
  refuse_restricted();
  in_thread(make_and_end, &ring);
  refuse();
  drop(&ring);
  CHECK(__builtin_ckpt_save() >= 0);
  puts("goes on");
}

static const struct {
  const char *name;
  void (*run)(void);
} modes[] = {
    {"threads", come_back_with_threads}, {"child", come_back_with_child},
    {"disabled", come_back_disabled},    {"ended", come_back_left},
    {"polled", come_back_polled},        {"received", come_back_with_received},
    {"refused", refuse_by_name}};

int main(int argc, char **argv) {
  if (argc == 1)
    come_back();
  for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
    if (argc > 1 && !strcmp(argv[1], modes[i].name))
      modes[i].run();
  return 0;
}
