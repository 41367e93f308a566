// The main thread has ended by pthread_exit(): checkpoints go on, with files,
// pipes, what is set for memory and core dumps, and more threads, also after a
// restore, and it can be rolled back.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t file once
#include "behaviour.h"
#include "memory_flags.h"
#include <pthread.h>
#include <sys/mman.h>
static char **arguments, *memory;
static int fd, ends[2], watch;
static pthread_t main_thread;
static void *count(void *argument) {
  for (volatile unsigned *number = argument;;)
    ++*number;
  return NULL;
}
static void set(void) {
  int filter = open("/proc/self/coredump_filter", O_WRONLY);
  CHECK(filter >= 0 && write(filter, "0x7", 3) == 3 && !close(filter));
  memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                -1, 0);
  CHECK(memory != MAP_FAILED && !madvise(memory, 4096, MADV_DONTDUMP));
}
static void check_set(void) {
  char text[16] = "";
  int filter = open("/proc/self/coredump_filter", O_RDONLY);
  CHECK(filter >= 0 && read(filter, text, sizeof text - 1) > 0);
  CHECK_EQUAL(strtol(text, NULL, 16), 7);
  CHECK(memory_has(memory, " dd") == 1 && !close(filter));
}
static void check_files(int turn) {
  char text[8] = "";
  CHECK_EQUAL(lseek(fd, 0, SEEK_CUR), 3 + turn);
  CHECK_EQUAL(write(fd, "x", 1), 1);
  CHECK_EQUAL(read(ends[0], text, sizeof text), 4);
  CHECK_EQUAL(memcmp(text, "kept", 4), 0);
  CHECK_EQUAL(write(ends[1], "kept", 4), 4);
  CHECK_EQUAL(fcntl(fd, F_GETFD), FD_CLOEXEC);
  CHECK_EQUAL(fcntl(watch, F_GETFD), 0);
}
static void *go_on(void *unused) {
  static unsigned numbers[2];
  pthread_t others[2];
  (void)unused;
  CHECK_EQUAL(pthread_join(main_thread, NULL), 0);
  for (int i = 0; i < 2; i++)
    CHECK_EQUAL(pthread_create(&others[i], NULL, count, &numbers[i]), 0);
  fd = open(arguments[1], O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  watch = dup(fd);
  CHECK(fd >= 0 && watch >= 0 && write(fd, "one", 3) == 3);
  CHECK_EQUAL(pipe(ends), 0);
  CHECK_EQUAL(write(ends[1], "kept", 4), 4);
  CHECK_EQUAL(__builtin_ckpt_save(), 0);
  check_files(0);
  CHECK_EQUAL(__builtin_ckpt_save(), 0);
  check_files(1);
  int back = __builtin_ckpt_save();
  CHECK(back >= 0);
  check_files(2);
  if (first_time(arguments[2]))
    die();
  CHECK_EQUAL(back, 1);
  check_set();
  unsigned before = numbers[0], other = numbers[1];
  while (((volatile unsigned *)numbers)[0] == before ||
         ((volatile unsigned *)numbers)[1] == other)
    ;
  CHECK(__builtin_ckpt_save() >= 0);
  check_files(3);
  CHECK_EQUAL(chdir("/"), 0);
  CHECK(__builtin_ckpt_save() >= 0);
  check_files(4);
  _exit(0);
}
int main(int argc, char **argv) {
  pthread_t thread;
  CHECK(argc == 3);
  arguments = argv;
  set();
  main_thread = pthread_self();
  CHECK_EQUAL(pthread_create(&thread, NULL, go_on, NULL), 0);
  pthread_exit(NULL);
}
