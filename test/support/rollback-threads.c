// After a rollback there are the threads of the checkpoint and no others, each
// with its registers, stack and thread-local variables: those that ran, that
// were in system calls, that ended since, and those born since are gone.
// RUN: %behaviour %s -o %t && %t 8 6 && %t 64 2
#include "behaviour.h"
#include <dirent.h>
#include <pthread.h>

#define MOST 64

static int threads;
static _Atomic int stop, ready;
static __thread long own;
static int ends[2];
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t never = PTHREAD_COND_INITIALIZER;

static void work(long number) {
  switch (number % 4) {
  case 0:
    for (volatile int i = 0; i < 1000; i++) {
    }
    break;
  case 1:
    usleep(300);
    break;
  case 2: {
    char byte;
    CHECK_EQUAL(read(ends[0], &byte, 1), 1);
    break;
  }
  case 3: {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec = (until.tv_nsec + 500000) % 1000000000;
    pthread_mutex_lock(&mutex);
    pthread_cond_timedwait(&never, &mutex, &until);
    pthread_mutex_unlock(&mutex);
  }
  }
}

static void *run(void *argument) {
  long number = (long)argument, turns = 0;
  own = number;
  int tid = (int)gettid();
  ready++;
  while (!stop) {
    work(number);
    turns++;
    CHECK_EQUAL(own, number);
    CHECK_EQUAL((int)gettid(), tid);
  }
  return (void *)(turns ? number : -1);
}

static void *forever(void *argument) {
  for (;;)
    pause();
  return argument;
}

/* Without the runtime's. */
static int count_threads(void) {
  DIR *tasks = opendir("/proc/self/task");
  int count = 0;
  for (struct dirent *entry; (entry = readdir(tasks));) {
    char path[300], name[16] = "";
    if (entry->d_name[0] == '.')
      continue;
    snprintf(path, sizeof path, "/proc/self/task/%s/comm", entry->d_name);
    int file = open(path, O_RDONLY);
    if (file >= 0 && read(file, name, sizeof name) > 0)
      count += strncmp(name, "hwckpt", 6) != 0;
    close(file);
  }
  closedir(tasks);
  return count;
}

/* A thread that ends is listed for a moment. */
static void check_threads(int wanted) {
  double begin = now();
  while (count_threads() != wanted)
    if (now() - begin > 20)
      CHECK_EQUAL(count_threads(), wanted);
}

int main(int argc, char **argv) {
  pthread_t all[MOST], born;
  threads = argc > 1 ? atoi(argv[1]) : 4;
  int rounds = argc > 2 ? atoi(argv[2]) : 2;
  CHECK_EQUAL(pipe(ends), 0);
  for (long i = 0; i < threads; i++)
    CHECK_EQUAL(pthread_create(&all[i], 0, run, (void *)i), 0);
  while (ready < threads)
    usleep(100);
  int n = __builtin_ckpt_save();
  CHECK(n >= 0);
  check_threads(threads + 1);
  if (n < rounds) {
    for (int i = 0; i < 3; i++)
      CHECK_EQUAL(pthread_create(&born, 0, forever, 0), 0);
    if (n % 2) {
      stop = 1;
      for (int i = 0; i < threads; i++)
        CHECK_EQUAL(write(ends[1], "x", 1), 1);
      for (int i = 0; i < threads; i++)
        CHECK_EQUAL(pthread_join(all[i], 0), 0);
    }
    roll_back();
  }
  stop = 1;
  for (int i = 0; i < threads; i++)
    CHECK_EQUAL(write(ends[1], "x", 1), 1);
  for (long i = 0; i < threads; i++) {
    void *result;
    CHECK_EQUAL(pthread_join(all[i], &result), 0);
    CHECK_EQUAL((long)result, i);
  }
  return 0;
}
