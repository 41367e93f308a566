// Names of threads, thread-local variables, ids.
// RUN: %clang -fhwckpt -O2 %s -o %t -pthread && %python %S/Inputs/kill-and-restore --hwckpt %hwckpt --dir %t.dir -- %t
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
enum { THREADS = 6 };
static __thread unsigned long local = 42;
static __thread char text[5000] = "initial";
static pthread_key_t key;
static void *work(void *argument) {
  long me = (long)argument;
  char name[16], got[16];
  snprintf(name, sizeof name, "worker-%ld", me);
  pthread_setname_np(pthread_self(), name);
  pthread_setspecific(key, argument);
  strcpy(text + 4000, name);
  pid_t tid = gettid(), pid = getpid();
  for (int i = 0; i < 2000; i++) {
    for (int k = 0; k < 100000; k++)
      local = local * 31 + (unsigned long)me;
    pthread_getname_np(pthread_self(), got, sizeof got);
    if (strcmp(got, name) || strcmp(text, "initial") ||
        strcmp(text + 4000, name) || pthread_getspecific(key) != argument ||
        tid != syscall(SYS_gettid) || pid != syscall(SYS_getpid))
      return printf("%ld: %s, %s, %d, %ld\n", me, got, text + 4000, tid,
                    syscall(SYS_gettid)),
             NULL;
  }
  return (void *)local;
}
int main(void) {
  pthread_t threads[THREADS];
  pthread_key_create(&key, NULL);
  for (long i = 0; i < THREADS; i++)
    pthread_create(&threads[i], NULL, work, (void *)i);
  for (int i = 0; i < THREADS; i++) {
    void *result;
    pthread_join(threads[i], &result);
    printf("%d %lx\n", i, (unsigned long)result);
    fflush(stdout);
  }
  printf("%lu\n", local);
  return 13;
}
