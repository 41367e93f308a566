// Processes whose main threads have ended by pthread_exit(), while others go
// on, are in a checkpoint of all: a child with a child, pipes and files of its
// own; one that a signal has stopped; the first process as well. The child may
// ask for the checkpoint itself.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t one child
// RUN: %restored_by_all -- %t one first
// RUN: %restored_by_all -- %t one stopped
// RUN: %restored_by_all -- %t one asked
#include "behaviour.h"
#include <pthread.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
static char **arguments;
static int asks[2], answers[2], file, memory;
static pid_t below;
static pthread_t main_thread;
static volatile unsigned long *counted;
static void *count(void *unused) {
  for (;;)
    ++*counted;
  return unused;
}
/* It ends with its parent. */
static pid_t start_below(void) {
  int ends[2];
  char none;
  CHECK_EQUAL(pipe(ends), 0);
  pid_t child = fork();
  CHECK(child >= 0);
  if (child)
    return child;
  close(ends[1]);
  while (read(ends[0], &none, 1) < 0)
    ;
  _exit(0);
}
static long answer_to(char what) {
  static long number;
  int status;
  switch (what) {
  case 'n':
    CHECK_EQUAL(write(file, "x", 1), 1);
    CHECK_EQUAL(write(memory, "x", 1), 1);
    CHECK_EQUAL(lseek(file, 0, SEEK_CUR), ++number);
    CHECK_EQUAL(lseek(memory, 0, SEEK_CUR), number);
    return number;
  case 'i':
    return getpid();
  case 's':
    return __builtin_ckpt_save();
  default:
    CHECK_EQUAL(kill(below, SIGTERM), 0);
    CHECK_EQUAL(waitpid(below, &status, 0), below);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
    _exit(7);
  }
}
static void *serve(void *unused) {
  pthread_t other;
  char what;
  CHECK_EQUAL(pthread_join(main_thread, NULL), 0);
  CHECK_EQUAL(pthread_create(&other, NULL, count, NULL), 0);
  file = open("of-child", O_RDWR | O_CREAT | O_TRUNC, 0600);
  memory = memfd_create("of child", 0);
  CHECK(file >= 0 && memory >= 0);
  below = start_below();
  while (read(asks[0], &what, 1) == 1) {
    long answer = answer_to(what);
    CHECK_EQUAL(write(answers[1], &answer, sizeof answer), sizeof answer);
  }
  _exit(8); /* the first process was killed */
}
static long ask(char what) {
  long answer = -1;
  CHECK_EQUAL(write(asks[1], &what, 1), 1);
  CHECK_EQUAL(read(answers[0], &answer, sizeof answer), sizeof answer);
  return answer;
}
static void end_main(void *(*go_on)(void *)) {
  pthread_t thread;
  main_thread = pthread_self();
  CHECK_EQUAL(pthread_create(&thread, NULL, go_on, NULL), 0);
  pthread_exit(NULL);
}
static void *be_first(void *unused) {
  int is_stopped = !strcmp(arguments[2], "stopped"), status;
  if (main_thread) /* a fork while it unwinds its stack would be its child's end
                    */
    CHECK_EQUAL(pthread_join(main_thread, NULL), 0);
  pid_t child = fork();
  CHECK(child >= 0);
  if (!child) {
    close(asks[1]);
    if (is_stopped)
      prctl(PR_SET_PDEATHSIG, SIGKILL);
    end_main(serve);
  }
  CHECK_EQUAL(ask('n'), 1);
  if (is_stopped) {
    CHECK_EQUAL(kill(child, SIGSTOP), 0);
    CHECK_EQUAL(waitpid(child, &status, WUNTRACED), child);
  }
  long back = strcmp(arguments[2], "asked") ? __builtin_ckpt_save() : ask('s');
  CHECK(back >= 0);
  if (first_time(arguments[1]))
    die();
  CHECK_EQUAL(back, 1);
  if (is_stopped) {
    unsigned long before = *counted;
    CHECK_EQUAL(kill(child, SIGCONT), 0);
    while (*counted == before)
      sched_yield();
  }
  CHECK_EQUAL(ask('i'), child);
  CHECK_EQUAL(ask('n'), 2);
  for (unsigned long before = *counted; *counted == before;)
    sched_yield();
  CHECK_EQUAL(ask('s'), 0);
  CHECK(__builtin_ckpt_save() == 0);
  CHECK_EQUAL(ask('n'), 3);
  CHECK_EQUAL(write(asks[1], "e", 1), 1);
  CHECK_EQUAL(waitpid(child, &status, 0), child);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 7);
  _exit(0);
  return unused;
}
int main(int argc, char **argv) {
  CHECK(argc == 3);
  arguments = argv;
  counted = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                 -1, 0);
  CHECK(counted != MAP_FAILED && !pipe(asks) && !pipe(answers));
  if (!strcmp(argv[2], "first"))
    end_main(be_first);
  be_first(NULL);
}
