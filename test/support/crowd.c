// In a crowd, where many more threads want to run than there are processors,
// the runtime's threads go first while a checkpoint is taken, if that is
// allowed: else writing it would take as many times longer. Where there is no
// crowd they do so while the program stands still, as another process sees.
// They go no longer when it is done, and not at all where a filter of the
// program would end it for that.
// RUN: %behaviour %s -o %t && %t runs && %t waits && %t filtered
#include "behaviour.h"
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
enum { THREADS = 24, SAVES = 40, BYTES = 16 << 20, MOST = 64 };
static _Atomic int *over, *least; /* shared with the other process */
static int tids[MOST], count;
static int nice_of(int tid) { return getpriority(PRIO_PROCESS, (id_t)tid); }
/* Those of the runtime, by their names. */
static void find_threads(void) {
  glob_t found;
  CHECK_EQUAL(glob("/proc/self/task/*", 0, NULL, &found), 0);
  for (size_t i = 0; i < found.gl_pathc && count < MOST; i++) {
    char path[64], name[16] = "";
    snprintf(path, sizeof path, "%.40s/comm", found.gl_pathv[i]);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file >= 0 && read(file, name, sizeof name - 1) > 0 &&
        !strncmp(name, "hwckpt", 6))
      tids[count++] = atoi(found.gl_pathv[i] + sizeof "/proc/self/task");
    close(file);
  }
  globfree(&found);
  CHECK(count >= 2);
}
static void *run(void *unused) {
  while (!*over)
    ;
  return unused;
}
/* None wants to run before the other end is closed. */
static int sits[2];
static _Atomic int sitting;
static void *sit(void *unused) {
  char byte;
  sitting++;
  CHECK_EQUAL(read(sits[0], &byte, 1), 0);
  return unused;
}
/* Sees how the runtime's threads go. */
static void *watch(void *pause) {
  while (!*over) {
    for (int i = 0; i < count; i++)
      if (nice_of(tids[i]) < *least)
        *least = nice_of(tids[i]);
    if (pause)
      usleep(100);
  }
  return pause;
}
/* The same in another process, which the program's stops do not stop. */
static pid_t watch_apart(const cpu_set_t *all) {
  pid_t child = fork();
  CHECK(child >= 0);
  if (child)
    return child;
  sched_setaffinity(0, sizeof *all, all);
  watch(NULL);
  _exit(0);
}
/* Content that is new each time, and takes a while to write. */
static void fill(unsigned char *memory, unsigned state) {
  for (int i = 0; i < BYTES; i++)
    memory[i] = (unsigned char)((state = state * 1664525 + 1013904223) >> 24);
}
/* For all threads, the runtime's too. */
static void forbid_priorities(void) {
  struct sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_setpriority, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
  CHECK_EQUAL(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
  CHECK_EQUAL(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
                      SECCOMP_FILTER_FLAG_TSYNC, &program),
              0);
}
int main(int argc, char **argv) {
  static unsigned char memory[BYTES];
  pthread_t threads[THREADS], watcher;
  cpu_set_t all, one;
  pid_t apart = 0;
  CHECK(argc == 2);
  int crowd = strcmp(argv[1], "waits") != 0;
  int goes_first = strcmp(argv[1], "filtered") != 0;
  int usual = nice_of(0), first = usual > 0 ? usual - 20 : -20;
  if (setpriority(PRIO_PROCESS, 0, -20))
    SKIP("no thread may go before others here");
  CHECK_EQUAL(setpriority(PRIO_PROCESS, 0, usual), 0);
  over = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
              -1, 0);
  CHECK(over != MAP_FAILED);
  least = over + 1;
  *least = 40;
  CHECK_EQUAL(sched_getaffinity(0, sizeof all, &all), 0);
  CPU_ZERO(&one);
  CPU_SET(sched_getcpu(), &one);
  CHECK_EQUAL(sched_setaffinity(0, sizeof one, &one), 0);
  CHECK_EQUAL(__builtin_ckpt_save(), 0);
  find_threads();
  CHECK_EQUAL(pipe(sits), 0);
  for (int i = 0; i < THREADS; i++)
    CHECK_EQUAL(pthread_create(&threads[i], NULL, crowd ? run : sit, NULL), 0);
  while (!crowd && sitting < THREADS)
    sched_yield();
  if (crowd)
    CHECK_EQUAL(pthread_create(&watcher, NULL, watch, &count), 0);
  else
    apart = watch_apart(&all);
  if (crowd && !goes_first)
    forbid_priorities();
  for (int i = 0; i < (goes_first ? SAVES : 3) && *least > first; i++) {
    fill(memory, (unsigned)i);
    CHECK_EQUAL(__builtin_ckpt_save(), 0);
    for (int k = 0; k < count; k++)
      CHECK_EQUAL(nice_of(tids[k]), usual);
  }
  CHECK_EQUAL((int)*least, goes_first ? first : usual);
  *over = 1;
  CHECK_EQUAL(close(sits[1]), 0);
  for (int i = 0; i < THREADS; i++)
    CHECK_EQUAL(pthread_join(threads[i], NULL), 0);
  if (crowd)
    CHECK_EQUAL(pthread_join(watcher, NULL), 0);
  else
    CHECK_EQUAL(waitpid(apart, NULL, 0), apart);
  return 0;
}
