// Threads that write files all the time are stopped for a checkpoint wherever
// they stand, also where they look whether what they change is in the undo log.
// Killed, they go on from there: files and memory agree. Nor do they stumble
// where a handler of signals forks meanwhile, and the child goes on in the
// call.
// RUN: %clang -fhwckpt -O2 %s -o %t -pthread
// RUN: %python %S/Inputs/come-back %hwckpt 10 7 %t
// RUN: %python %S/Inputs/come-back --run="-o track=mprotect" %hwckpt 10 7 %t
// RUN: bash %S/../tools/Inputs/status 7 %hwckpt run -- %t forks
#define _GNU_SOURCE
#include "Inputs/come-back.h"
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/wait.h>
enum { TIMES = 10, FORKS = 20, WRITERS = 4, LEAST = 200 };
enum { PAGE = 4096, PAGES = 64 };
static struct writer {
  pthread_t thread;
  int file;
  _Atomic long count;
} writers[WRITERS];
static atomic_bool over;
static _Atomic int forks;
static __thread int is_child;
// The numbers from 1 on, one after the other.
static void *work(void *argument) {
  struct writer *writer = argument;
  char *memory = malloc(PAGES * PAGE);
  CHECK(memory);
  while (!over && !is_child) {
    long number = writer->count + 1;
    CHECK(write(writer->file, &number, sizeof number) == sizeof number);
    // Into memory that is protected where writes are found by that.
    char *to = memory + number % PAGES * PAGE;
    CHECK(pread(writer->file, to, sizeof number, 0) == sizeof number);
    writer->count = number;
  }
  if (is_child)
    _exit(0);
  free(memory);
  return NULL;
}
static void write_some(void) {
  for (int i = 0; i < WRITERS; i++)
    for (long wanted = writers[i].count + LEAST; writers[i].count < wanted;)
      usleep(100);
}
static void check(const struct writer *writer) {
  long found;
  CHECK(lseek(writer->file, 0, SEEK_SET) == 0);
  for (long number = 1; number <= writer->count; number++) {
    CHECK(read(writer->file, &found, sizeof found) == sizeof found);
    CHECK(found == number);
  }
  CHECK(read(writer->file, &found, sizeof found) == 0);
}
static void on_signal(int number) {
  pid_t child = fork();
  CHECK(child >= 0);
  is_child = child == 0;
  if (is_child) {
    save();
    return;
  }
  CHECK(waitpid(child, &number, 0) == child && number == 0);
  forks++;
}
static void fork_in_writers(void) {
  CHECK(save() == 0);
  signal(SIGUSR2, on_signal);
  for (int i = 0; i < FORKS; i++) {
    write_some();
    CHECK(pthread_kill(writers[i % WRITERS].thread, SIGUSR2) == 0);
    while (forks <= i)
      usleep(100);
  }
}
int main(int count, char **arguments) {
  (void)arguments;
  for (int i = 0; i < WRITERS; i++) {
    char name[] = "numbers-0";
    name[sizeof name - 2] = (char)('0' + i);
    writers[i].file = open(name, O_RDWR | O_CREAT | O_TRUNC, 0600);
    CHECK(writers[i].file >= 0);
    CHECK(pthread_create(&writers[i].thread, NULL, work, &writers[i]) == 0);
  }
  for (int i = 0; count == 1 && i < TIMES; i++) {
    write_some();
    die_and_come_back();
  }
  if (count > 1)
    fork_in_writers();
  write_some();
  over = true;
  for (int i = 0; i < WRITERS; i++) {
    CHECK(pthread_join(writers[i].thread, NULL) == 0);
    if (!forks)
      check(&writers[i]);
  }
  return 7;
}
