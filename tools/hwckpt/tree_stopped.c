/* tree_stopped.c - see tree_stopped.h.
 *
 * A thread of the program runs only while the runtime's signal (ASK_SIGNAL)
 * waits for it, or stands in its handler; and then to the end of the system
 * call that returns from that. Its mask is its own, for this process may be
 * killed at any moment: only when another signal comes before that one are all
 * others blocked, until the handler's first instruction. Source: ptrace(2), the
 * part on PTRACE_SEIZE and group-stop: who lets go of a thread of a stopped
 * process has it stop again. */
#include "tree_stopped.h"
#include "arch/traced.h"
#include "proc_stat.h"

#include "runtime/interface/ask_abi.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define EVENT_STOP 128 /* PTRACE_EVENT_STOP */
#define SYSTEM_CALL (SIGTRAP | 0x80)
#define ASK_BIT (1ull << (ASK_SIGNAL - 1))
#define INTERRUPT_MS 2000
#define STOP_MS 100

enum run {
  RUN_FREELY, /* a thread of the runtime's */
  HELD,
  CALLED,   /* until the signal is there */
  ENTERING, /* its handler's first instruction */
  INSIDE,   /* the handler */
  LEAVING   /* the last system call in it */
};

struct thread {
  pid_t tid;
  enum run run;
  bool stands; /* in a stop of ptrace */
  bool blocks; /* all but the runtime's signal; its own mask is: */
  uint64_t mask;
};

struct tree_stopped {
  struct thread *threads;
  size_t count, room;
  bool goes_on; /* somebody has continued it meanwhile */
};

/* Of all that are traced; the main thread waits for children. */
static pthread_mutex_t waiting = PTHREAD_MUTEX_INITIALIZER;
static size_t traced;

bool tree_stopped_may_wait(void) {
  pthread_mutex_lock(&waiting);
  if (!traced)
    return true;
  pthread_mutex_unlock(&waiting);
  return false;
}

void tree_stopped_has_waited(void) { pthread_mutex_unlock(&waiting); }

static void count_traced(bool more) {
  pthread_mutex_lock(&waiting);
  if (more)
    traced++;
  else
    traced--;
  bool none = !traced;
  pthread_mutex_unlock(&waiting);
  if (none)
    kill(getpid(), SIGCHLD);
}

/* ---- what the kernel tells of a thread ---- */

struct signals {
  uint64_t own, all, blocked; /* pending, pending for the process */
};

static uint64_t hex_of(const char *text, const char *key) {
  const char *at = strstr(text, key);
  return at ? strtoull(at + strlen(key), NULL, 16) : 0;
}

static struct signals signals_of(pid_t pid, pid_t tid) {
  char path[64], text[4096];
  snprintf(path, sizeof path, "/proc/%d/task/%d/status", pid, tid);
  FILE *file = fopen(path, "re");
  size_t length = file ? fread(text, 1, sizeof text - 1, file) : 0;
  if (file)
    fclose(file);
  text[length] = 0;
  return (struct signals){hex_of(text, "\nSigPnd:"), hex_of(text, "\nShdPnd:"),
                          hex_of(text, "\nSigBlk:")};
}

static bool is_named_as_runtime(pid_t pid, pid_t tid) {
  char path[64], name[16] = "";
  snprintf(path, sizeof path, "/proc/%d/task/%d/comm", pid, tid);
  FILE *file = fopen(path, "re");
  bool is = file && fread(name, 1, sizeof name - 1, file) > 0 &&
            strncmp(name, "hwckpt", 6) == 0;
  if (file)
    fclose(file);
  return is;
}

/* libc lets no program block the signal. */
static enum run first_run(pid_t pid, pid_t tid) {
  if (!(signals_of(pid, tid).blocked & ASK_BIT))
    return HELD;
  return is_named_as_runtime(pid, tid) ? RUN_FREELY : INSIDE;
}

/* ---- tracing ---- */

static bool add(struct tree_stopped *stopped, pid_t tid, enum run run) {
  if (stopped->count == stopped->room) {
    size_t room = stopped->room * 2 + 16;
    struct thread *grown = reallocarray(stopped->threads, room, sizeof *grown);
    if (!grown)
      return false;
    stopped->threads = grown;
    stopped->room = room;
  }
  stopped->threads[stopped->count++] = (struct thread){.tid = tid, .run = run};
  return true;
}

static bool is_known(const struct tree_stopped *stopped, pid_t tid) {
  for (size_t i = 0; i < stopped->count; i++)
    if (stopped->threads[i].tid == tid)
      return true;
  return false;
}

/* Those that are new since are the runtime's: no other one runs. A first thread
 * that has ended may not be traced, and does nothing. */
static bool seize_all(struct tree_stopped *stopped, pid_t pid, bool first) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/task", pid);
  DIR *tasks = opendir(path);
  const struct dirent *entry;
  bool good = tasks != NULL;
  while (good && (entry = readdir(tasks))) {
    pid_t tid = (pid_t)strtol(entry->d_name, NULL, 10);
    if (!isdigit((unsigned char)*entry->d_name) || is_known(stopped, tid))
      continue;
    enum run run = first ? first_run(pid, tid) : RUN_FREELY;
    if (!ptrace(PTRACE_SEIZE, tid, NULL, PTRACE_O_TRACESYSGOOD))
      good = add(stopped, tid, run);
    else
      good =
          errno == ESRCH || !first || (tid == pid && proc_thread(pid) != pid);
  }
  if (tasks)
    closedir(tasks);
  return good;
}

static void go(struct thread *thread, enum __ptrace_request how, int number) {
  thread->stands = false;
  ptrace(how, thread->tid, NULL, (void *)(uintptr_t)number);
}

static void run_on(struct thread *thread) {
  go(thread,
     thread->run == RUN_FREELY || thread->run == CALLED ? PTRACE_CONT
     : thread->run == ENTERING                          ? PTRACE_SINGLESTEP
                                                        : PTRACE_SYSCALL,
     0);
}

static void set_mask(const struct thread *thread, uint64_t mask) {
  ptrace(PTRACE_SETSIGMASK, thread->tid, (void *)sizeof mask, &mask);
}

static void call(struct thread *thread) {
  thread->run = CALLED;
  run_on(thread);
}

/* Only the runtime's signal may come: what is about to be told waits again, as
 * it is blocked now. */
static void put_off(struct thread *thread, int number) {
  if (!thread->blocks)
    ptrace(PTRACE_GETSIGMASK, thread->tid, (void *)sizeof thread->mask,
           &thread->mask);
  thread->blocks = true;
  set_mask(thread, ~ASK_BIT);
  go(thread, PTRACE_CONT, number);
}

/* At the handler's first instruction: what it returns to is the program's own
 * mask. */
static void give_mask_back(struct thread *thread) {
  uint64_t mask = thread->blocks ? traced_mask_behind_handler(thread->tid) : 0;
  thread->blocks = false;
  if (mask)
    ptrace(PTRACE_POKEDATA, thread->tid, (void *)mask, (void *)thread->mask);
}

static void take_system_call(struct thread *thread) {
  if (thread->run == LEAVING) {
    thread->run = HELD;
    return;
  }
  if (thread->run == INSIDE && traced_returns_from_handler(thread->tid))
    thread->run = LEAVING;
  run_on(thread);
}

static void take_stop(struct tree_stopped *stopped, struct thread *thread,
                      int status) {
  int number = WSTOPSIG(status), event = status >> 16;
  thread->stands = true;
  if (event == EVENT_STOP) {
    stopped->goes_on |= number == SIGTRAP;
    if (thread->run != HELD)
      run_on(thread);
  } else if (number == SYSTEM_CALL) {
    take_system_call(thread);
  } else if (thread->run == CALLED && number == ASK_SIGNAL) {
    thread->run = ENTERING;
    go(thread, PTRACE_SINGLESTEP, number);
  } else if (thread->run == ENTERING && number == SIGTRAP) {
    give_mask_back(thread);
    thread->run = INSIDE;
    run_on(thread);
  } else if (thread->run == CALLED) {
    put_off(thread, number);
  } else {
    go(thread, thread->run == RUN_FREELY ? PTRACE_CONT : PTRACE_SYSCALL,
       number);
  }
}

static bool hear(struct tree_stopped *stopped, size_t i) {
  struct thread *thread = &stopped->threads[i];
  int status;
  if (thread->stands || waitpid(thread->tid, &status, __WALL | WNOHANG) <= 0)
    return false;
  if (WIFSTOPPED(status))
    take_stop(stopped, thread, status);
  else
    stopped->threads[i] = stopped->threads[--stopped->count];
  return true;
}

/* One that is asked as a whole is asked by one of its threads. */
static bool call_those_asked(struct tree_stopped *stopped, pid_t pid) {
  bool called = false;
  for (size_t i = 0; i < stopped->count; i++)
    called |= stopped->threads[i].run == CALLED;
  bool any = called;
  for (size_t i = 0; i < stopped->count; i++) {
    struct thread *thread = &stopped->threads[i];
    if (thread->run != HELD || !thread->stands)
      continue;
    struct signals signals = signals_of(pid, thread->tid);
    if (!((signals.own | (called ? 0 : signals.all)) & ASK_BIT))
      continue;
    call(thread);
    called = any = true;
  }
  return any;
}

/* Its threads are on their way there. */
static void await_stop(struct tree_process *process) {
  const struct timespec moment = {.tv_nsec = 100000};
  for (uint64_t begin = tree_now_ms();
       tree_process_look(process) && process->state != 'T' &&
       process->state != 'Z' && tree_now_ms() - begin < STOP_MS;)
    nanosleep(&moment, NULL);
}

bool tree_stopped_is(const struct tree_member *member) {
  struct tree_process now = member->process;
  return !member->stopped && tree_process_look(&now) && now.state == 'T';
}

bool tree_stopped_hold(struct tree_member *member) {
  struct tree_stopped *stopped = calloc(1, sizeof *stopped);
  if (!stopped)
    return false;
  count_traced(true);
  member->stopped = stopped;
  if (seize_all(stopped, member->process.pid, true))
    return true;
  tree_stopped_let_go(member);
  return false;
}

bool tree_stopped_look(struct tree_member *member) {
  struct tree_stopped *stopped = member->stopped;
  bool did = false;
  seize_all(stopped, member->process.pid, false);
  for (size_t i = 0; i < stopped->count; i++)
    did |= hear(stopped, i);
  return call_those_asked(stopped, member->process.pid) || did;
}

bool tree_stopped_stays(const struct tree_member *member) {
  return member->stopped && !member->stopped->goes_on;
}

/* ---- letting go ---- */

/* The runtime's threads wait for something to do, and hold no lock. */
static bool waits_for_work(pid_t pid, pid_t tid) {
  static const long waits[] = {SYS_futex, SYS_accept4,    SYS_poll,
                               SYS_ppoll, SYS_epoll_wait, SYS_epoll_pwait};
  char path[64];
  long number = -1;
  snprintf(path, sizeof path, "/proc/%d/task/%d/syscall", pid, tid);
  FILE *file = fopen(path, "re");
  bool waiting = file && fscanf(file, "%ld", &number) == 1;
  if (file)
    fclose(file);
  for (size_t i = 0; waiting && i < sizeof waits / sizeof *waits; i++)
    if (number == waits[i])
      return true;
  return !file;
}

bool tree_stopped_is_idle(const struct tree_member *member) {
  const struct tree_stopped *stopped = member->stopped;
  for (size_t i = 0; i < stopped->count; i++)
    if (stopped->threads[i].run == RUN_FREELY &&
        !waits_for_work(member->process.pid, stopped->threads[i].tid))
      return false;
  return true;
}

/* Into a stop; what it was about to be told. -1: it ends. */
static int interrupt(struct thread *thread) {
  const struct timespec moment = {.tv_nsec = 200000};
  int status = 0;
  ptrace(PTRACE_INTERRUPT, thread->tid, NULL, NULL);
  for (uint64_t begin = tree_now_ms(); tree_now_ms() - begin < INTERRUPT_MS;) {
    pid_t got = waitpid(thread->tid, &status, __WALL | WNOHANG);
    if (got < 0 || (got > 0 && !WIFSTOPPED(status)))
      return -1;
    if (got > 0) {
      bool told = status >> 16 == 0 && WSTOPSIG(status) != SYSTEM_CALL &&
                  thread->run != ENTERING;
      thread->stands = true;
      return told ? WSTOPSIG(status) : 0;
    }
    nanosleep(&moment, NULL);
  }
  return -1;
}

/* False: it was killed. */
static bool let_thread_go(struct thread *thread) {
  int number = thread->stands ? 0 : interrupt(thread);
  if (number < 0)
    return false;
  if (thread->run == CALLED && thread->blocks)
    set_mask(thread, thread->mask);
  else if (thread->run == ENTERING)
    give_mask_back(thread);
  return !ptrace(PTRACE_DETACH, thread->tid, NULL, (void *)(uintptr_t)number);
}

/* The parent of a process is told its end only when who traces it was told that
 * of each of its threads. */
static void await_ends(struct tree_stopped *stopped) {
  const struct timespec moment = {.tv_nsec = 200000};
  for (uint64_t begin = tree_now_ms();
       stopped->count && tree_now_ms() - begin < INTERRUPT_MS;
       nanosleep(&moment, NULL))
    for (size_t i = stopped->count; i-- > 0;)
      if (waitpid(stopped->threads[i].tid, NULL, __WALL | WNOHANG))
        stopped->threads[i] = stopped->threads[--stopped->count];
}

void tree_stopped_let_go(struct tree_member *member) {
  struct tree_stopped *stopped = member->stopped;
  if (!stopped)
    return;
  member->stopped = NULL;
  for (size_t i = stopped->count; i-- > 0;)
    if (let_thread_go(&stopped->threads[i]))
      stopped->threads[i] = stopped->threads[--stopped->count];
  if (stopped->count)
    await_ends(stopped);
  else if (!stopped->goes_on)
    await_stop(&member->process);
  free(stopped->threads);
  free(stopped);
  count_traced(false);
}

/* Nothing waits for the threads any more, and they for nothing but us. */
static void await_settled(struct tree_process *process) {
  const struct timespec moment = {.tv_nsec = 100000};
  for (uint64_t begin = tree_now_ms();
       (process->stops || process->state == 'R') &&
       tree_now_ms() - begin < STOP_MS && tree_process_look(process);)
    nanosleep(&moment, NULL);
}

void tree_stopped_hold_late(struct tree_member *member) {
  for (uint64_t begin = tree_now_ms(); member->stopped &&
                                       tree_stopped_look(member) &&
                                       tree_now_ms() - begin < STOP_MS;) {
  }
  if (member->stopped && !member->stopped->goes_on)
    return;
  if (member->stopped) {
    tree_stopped_let_go(member);
    tree_process_look(&member->process);
  }
  await_settled(&member->process);
  if (member->process.state == 'T')
    tree_stopped_hold(member);
}
