// A checkpoint while another thread executes a program, when the kernel makes
// no thread that shares the root and working directory of the program, until
// that call has failed, or has put another program in this one's place. The
// call waits for its interpreter, on which there is a lease; that is no ELF
// file.
//
// RUN: rm -f %t.interpreter && printf '%%064d' 0 > %t.interpreter && chmod 755 %t.interpreter
// RUN: echo 'int main(void) { return 0; }' > %t.main.c
// RUN: clang-%llvm -O1 %t.main.c -o %t.other -Wl,--dynamic-linker=%t.interpreter
// RUN: %behaviour %s -o %t && %t %t.interpreter %t.other
#include "behaviour.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/prctl.h>

static const char *interpreter, *other;
static _Atomic int result;
static _Atomic long saved = -1;

static void *execute(void *unused) {
  char *const arguments[] = {(char *)other, NULL};
  char *const environment[] = {NULL};
  /* Of the kernel: libc's would wait for a checkpoint that is written. */
  atomic_store(&result, syscall(SYS_execve, other, arguments, environment) < 0
                            ? errno
                            : -1);
  return unused;
}

static int wanted[2];

static void *save(void *unused) {
  char byte;
  CHECK(read(wanted[0], &byte, 1) == 1);
  atomic_store(&saved, __builtin_ckpt_save());
  return unused;
}

int main(int argc, char **argv) {
  CHECK(argc == 3);
  interpreter = argv[1];
  other = argv[2];
  /* Another process holds it: a checkpoint here has nothing to do with it. */
  int held[2], release[2];
  CHECK(pipe2(held, O_CLOEXEC) == 0 && pipe2(release, O_CLOEXEC) == 0);
  pid_t holder = fork();
  if (holder == 0) {
    char byte;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGIO, SIG_IGN);
    int fd = open(interpreter, O_RDWR | O_CLOEXEC);
    CHECK(fd >= 0 && fcntl(fd, F_SETLEASE, F_WRLCK) == 0);
    CHECK(write(held[1], "h", 1) == 1);
    /* Somebody wants it: the other thread is in its call. */
    while (fcntl(fd, F_GETLEASE) == F_WRLCK)
      sched_yield();
    CHECK(write(held[1], "w", 1) == 1);
    CHECK(read(release[0], &byte, 1) == 1);
    _exit(0);
  }
  char byte;
  pthread_t executing, saving;
  CHECK(read(held[0], &byte, 1) == 1);
  CHECK(pipe2(wanted, O_CLOEXEC) == 0);
  CHECK(pthread_create(&saving, NULL, save, NULL) == 0);
  CHECK(pthread_create(&executing, NULL, execute, NULL) == 0);
  CHECK(read(held[0], &byte, 1) == 1 && byte == 'w');
  CHECK(write(wanted[1], "s", 1) == 1);
  for (double begin = now(); atomic_load(&saved) == -1;) {
    CHECK(now() - begin < 20);
    usleep(1000);
  }
  CHECK_EQUAL(atomic_load(&saved), 0);
  CHECK_EQUAL(atomic_load(&result), 0);
  CHECK(write(release[1], "r", 1) == 1);
  CHECK(pthread_join(executing, NULL) == 0);
  CHECK(pthread_join(saving, NULL) == 0);
  CHECK_EQUAL(atomic_load(&result), ELIBBAD);
  CHECK_EQUAL(atomic_load(&saved), 0);
  return 0;
}
