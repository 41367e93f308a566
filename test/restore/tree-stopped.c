// Processes that a signal has stopped are in a checkpoint, and do nothing
// meanwhile; they come back stopped, and nobody is told so who knew it before;
// they go on at SIGCONT: one with two threads that computes, one in
// sigsuspend(), one whose stop nobody has asked for yet, one that never was in
// a checkpoint before. Twice, the second time stopped since the first. The
// first process too, by its child.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t
// RUN: %restored_by_all -- %t first
#include "behaviour.h"
#include <pthread.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
enum { COMPUTES, SLEEPS, UNASKED, LATE, CHILDREN };
static struct shared {
  volatile unsigned long counts[2], terminated, ready[CHILDREN];
} *shared;
static pid_t children[CHILDREN];
static volatile sig_atomic_t told;
static void on_child(int number) { told += number == SIGCHLD; }
static void on_term(int number) { shared->terminated += number == SIGTERM; }
static void *count(void *at) {
  for (volatile unsigned long *to = at;;)
    ++*to;
  return at;
}
static _Noreturn void be_child(int which) {
  pthread_t thread;
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  prctl(PR_SET_PDEATHSIG, SIGKILL); /* or a failure would last */
  if (which != COMPUTES && which != LATE)
    CHECK(sigprocmask(SIG_SETMASK, &all, 0) == 0);
  shared->ready[which] = 1;
  if (which == COMPUTES || which == LATE) {
    if (which == COMPUTES)
      CHECK(pthread_create(&thread, 0, count, (void *)&shared->counts[1]) == 0);
    count((void *)&shared->counts[0]);
  }
  while (!shared->terminated)
    sigsuspend(&none);
  _exit(7);
}
static void start(int which) {
  CHECK((children[which] = fork()) >= 0);
  if (!children[which])
    be_child(which);
  while (!shared->ready[which])
    sched_yield();
}
static char state_of_process(pid_t pid) {
  char path[64], state = 0;
  snprintf(path, sizeof path, "/proc/%d/stat", pid);
  FILE *file = fopen(path, "r");
  CHECK(file && fscanf(file, "%*d %*s %c", &state) == 1 && !fclose(file));
  return state;
}
static char state_of(int which) { return state_of_process(children[which]); }
static void stop(int which) {
  sig_atomic_t before = told;
  CHECK(kill(children[which], SIGSTOP) == 0);
  while (told == before) /* it stands before that is said */
    sched_yield();
}
static void see_stop(int which) {
  int status;
  CHECK(waitpid(children[which], &status, WUNTRACED) == children[which]);
  CHECK(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
}
static void see_nothing(int which) {
  CHECK_EQUAL(waitpid(children[which], 0, WUNTRACED | WCONTINUED | WNOHANG), 0);
}
static void go_on(int which) {
  int status;
  CHECK(kill(children[which], SIGCONT) == 0);
  CHECK(waitpid(children[which], &status, WCONTINUED) == children[which]);
  CHECK(WIFCONTINUED(status));
}
static void end(int which, int wanted) {
  int status;
  CHECK(kill(children[which], wanted == 7 ? SIGTERM : SIGKILL) == 0);
  CHECK(waitpid(children[which], &status, 0) == children[which]);
  CHECK(wanted == 7 ? WIFEXITED(status) && WEXITSTATUS(status) == 7
                    : WIFSIGNALED(status));
}
static void all_stand(const unsigned long counts[2], int known) {
  for (int i = 0; i < CHILDREN; i++)
    CHECK_EQUAL(state_of(i), 'T');
  CHECK_EQUAL(shared->counts[0], counts[0]);
  CHECK_EQUAL(shared->counts[1], counts[1]);
  for (int i = 0; i < CHILDREN; i++)
    if (i != UNASKED)
      see_nothing(i);
  CHECK_EQUAL(told, known);
}
static void counts_on(int which) {
  unsigned long before = shared->counts[which];
  while (shared->counts[which] == before)
    sched_yield();
}
static _Noreturn void stop_parent(void) {
  pid_t parent = getppid();
  prctl(PR_SET_PDEATHSIG, SIGKILL); /* it is gone when the tool says the end */
  CHECK(kill(parent, SIGSTOP) == 0);
  while (state_of_process(parent) != 'T')
    sched_yield();
  unsigned long before = shared->counts[0];
  int came = came_back();
  char state = state_of_process(parent);
  unsigned long after = shared->counts[0];
  if (!came) {
    CHECK(kill(parent, SIGKILL) == 0);
    die();
  }
  CHECK(kill(parent, SIGCONT) == 0);
  CHECK_EQUAL(state, 'T');
  CHECK_EQUAL(after, before);
  counts_on(0);
  shared->terminated = 1;
  _exit(0);
}
static int be_stopped(void) {
  int status;
  pid_t child = fork();
  CHECK(child >= 0);
  if (!child)
    stop_parent();
  alarm(60); /* or a failure would last */
  while (!shared->terminated)
    ++shared->counts[0];
  CHECK(waitpid(child, &status, 0) == child && status == 0);
  return 0;
}
int main(int argc, char **argv) {
  (void)argv;
  shared = mmap(0, sizeof *shared, PROT_READ | PROT_WRITE,
                MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  CHECK(shared != MAP_FAILED);
  if (argc > 1)
    return be_stopped();
  signal(SIGCHLD, on_child);
  signal(SIGTERM, on_term);
  for (int i = 0; i < LATE; i++)
    start(i);
  CHECK_EQUAL(__builtin_ckpt_save(), 0);
  start(LATE);
  for (int i = 0; i < CHILDREN; i++) {
    stop(i);
    if (i != UNASKED)
      see_stop(i);
  }
  unsigned long counts[2] = {shared->counts[0], shared->counts[1]};
  int known = told;
  int times = __builtin_ckpt_save();
  if (times == 0) {
    all_stand(counts, known);
    die();
  }
  alarm(60); /* or a failure would last */
  all_stand(counts, known);
  /* Stopped since then; and once more in the same process. */
  CHECK_EQUAL(__builtin_ckpt_save(), 0);
  all_stand(counts, known);
  see_stop(UNASKED);
  see_nothing(UNASKED);
  go_on(COMPUTES);
  counts_on(0);
  counts_on(1);
  end(COMPUTES, SIGKILL);
  go_on(LATE);
  counts_on(0);
  /* With the mask that it had. */
  CHECK(kill(children[LATE], SIGTERM) == 0);
  while (!shared->terminated)
    sched_yield();
  shared->terminated = 0;
  end(LATE, SIGKILL);
  go_on(SLEEPS);
  end(SLEEPS, 7);
  go_on(UNASKED);
  shared->terminated = 0;
  end(UNASKED, 7);
  return 0;
}
