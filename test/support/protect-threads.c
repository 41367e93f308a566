// track=mprotect in a program of many threads: born from libc's cache of stacks
// after a checkpoint, with all signals blocked while memory is written, with
// calls of the kernel that fill what other threads write, and waits in them
// while a checkpoint is taken.
// RUN: %behaviour %s -o %t && %restored_by_all -o track=mprotect -- %t
#include "behaviour.h"

#include <pthread.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/socket.h>

enum { PAGES = 4096, PAGE = 4096, WORKERS = 8 };
static char *memory;
static int ends[2];

static void *touch(void *argument) {
  long number = (long)argument;
  char below[64 * 1024];
  for (long page = number; page < PAGES; page += WORKERS)
    memory[page * PAGE + 8 * number] =
        (char)(memory[page * PAGE + 8 * number] + 1);
  memset(below, (int)number, sizeof below);
  __asm__ volatile("" : : "r"(below) : "memory");
  return NULL;
}

static void touch_all(bool blocked) {
  pthread_t threads[WORKERS];
  sigset_t all;
  sigfillset(&all);
  if (blocked)
    pthread_sigmask(SIG_BLOCK, &all, NULL);
  for (long i = 0; i < WORKERS; i++)
    CHECK_EQUAL(pthread_create(&threads[i], NULL, touch, (void *)i), 0);
  for (int i = 0; i < WORKERS; i++)
    CHECK_EQUAL(pthread_join(threads[i], NULL), 0);
  if (blocked)
    pthread_sigmask(SIG_UNBLOCK, &all, NULL);
}

/* Blocks in a read into protected memory while checkpoints are taken. */
static void *receive(void *argument) {
  char *to = argument;
  CHECK_EQUAL(recv(ends[0], to, 3 * PAGE, 0), 2 * PAGE);
  CHECK_EQUAL(read(ends[0], to + 4 * PAGE, PAGE), 1);
  return NULL;
}

int main(void) {
  static char message[2 * PAGE];
  pthread_t receiver;
  char *buffer;
  memory = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  buffer = mmap(NULL, 64 * PAGE, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(memory != MAP_FAILED && buffer != MAP_FAILED);
  memset(memory, 1, PAGES * PAGE);
  memset(buffer, 2, 64 * PAGE);
  CHECK_EQUAL(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  touch_all(false); /* leaves stacks in libc's cache */
  CHECK_EQUAL(__builtin_ckpt_save(), 0);
  CHECK_EQUAL(pthread_create(&receiver, NULL, receive, buffer + PAGE), 0);
  for (int i = 0; i < 4; i++) {
    touch_all(i & 1);
    CHECK_EQUAL(__builtin_ckpt_save(), 0);
  }
  memset(message, 7, sizeof message);
  CHECK_EQUAL(send(ends[1], message, sizeof message, 0), 2 * PAGE);
  touch_all(true);
  CHECK_EQUAL(__builtin_ckpt_save(), 0);
  CHECK_EQUAL(send(ends[1], message, 1, 0), 1);
  CHECK_EQUAL(pthread_join(receiver, NULL), 0);
  touch_all(true);
  die_and_come_back();
  touch_all(true);
  for (long page = 0; page < PAGES; page++)
    CHECK_EQUAL(memory[page * PAGE + 8 * (page % WORKERS)], 1 + 8);
  CHECK(buffer[PAGE - 1] == 2 && buffer[PAGE] == 7);
  CHECK(buffer[3 * PAGE - 1] == 7 && buffer[3 * PAGE] == 2);
  CHECK(buffer[5 * PAGE] == 7 && buffer[5 * PAGE + 1] == 2);
  return 0;
}
