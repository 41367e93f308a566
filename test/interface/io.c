// network=, fileio= and before= of rules: what the program's libc is about to
// do. Each mode does one thing that is an event, and some that are not.
// RUN: %behaviour %s -o %t
// RUN: bash %S/Inputs/each-rule %hwckpt %t network=connect network=accept network=first,1s network=64K fileio=fsync fileio=close fileio=64K
// RUN: HWCKPT_OPTIONS='on=fileio=fsync:on="network=connect,spacing=1h"' %t network=none
// A restore adds one to code that was changed without it.
// RUN: bash %S/../tools/Inputs/status 137 %hwckpt run --name die -- %t die
// RUN: bash %S/../tools/Inputs/status 7 %hwckpt restore -o on=fileio=fsync die
// Where code may not be changed that is said, and the program goes on.
// RUN: %python -c 'import ctypes, os, sys; assert ctypes.CDLL(None).prctl(65, 1, 0, 0, 0) == 0; os.execv(sys.argv[1], sys.argv[1:])' %hwckpt run --on fileio=fsync -- %t network=none 2>&1 | FileCheck %s --check-prefix=CODE
// CODE: HWCKPT-E256: input and output of the program cannot be seen:
// CODE-SAME: fileio=fsync
// RUN: for bad in network network=listen network=first network=first,x network=0 fileio=open fileio=1x before before=receive; do bash %S/../tools/Inputs/status 2 %hwckpt run --on "$bad" true 2>&1 | grep -c E250 || { echo "not refused: $bad"; exit 1; }; done
#include "behaviour.h"
#include <arpa/inet.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/wait.h>
static struct sockaddr_in address = {.sin_family = AF_INET};
static int listening, to, from, file, pair[2];
static void *accept_one(void *unused) {
  from = accept(listening, NULL, NULL);
  CHECK(from >= 0);
  return unused;
}
static unsigned long long taken(void) {
  struct hwckpt_statistics is;
  CHECK_EQUAL(hwckpt_statistics(&is, sizeof is), 0);
  return is.checkpoints;
}
/* What is no event of this mode, and then what is. */
static unsigned long long quiet(void) {
  CHECK_EQUAL(usleep(50000), 0);
  return taken();
}
static void await(unsigned long long more) {
  double begin = now();
  while (taken() < more) {
    CHECK(now() - begin < 20);
    CHECK_EQUAL(usleep(1000), 0);
  }
}
static void connect_both(void) {
  to = socket(AF_INET, SOCK_STREAM, 0);
  CHECK_EQUAL(connect(to, (void *)&address, sizeof address), 0);
  accept_one(NULL);
}
static void put_and_take(size_t size) {
  static char bytes[1 << 16];
  CHECK_EQUAL(write(to, bytes, size), size);
  for (ssize_t got; size; size -= (size_t)got)
    CHECK((got = recv(from, bytes, size, 0)) > 0);
}
static void not_these(void) {
  char bytes[100] = {0};
  CHECK_EQUAL(write(pair[0], bytes, sizeof bytes), sizeof bytes);
  CHECK_EQUAL(send(pair[0], bytes, sizeof bytes, 0), sizeof bytes);
  CHECK_EQUAL(close(dup(pair[0])), 0);
  CHECK_EQUAL(pwrite(file, bytes, sizeof bytes, 0), sizeof bytes);
}
int main(int argc, char **argv) {
  socklen_t size = sizeof address;
  CHECK(argc == 2);
  const char *mode = argv[1];
  if (!strcmp(mode, "die")) {
    die_and_come_back();
    file = open("/dev/shm", O_TMPFILE | O_RDWR, 0600);
    CHECK(file >= 0);
    unsigned long long before = quiet();
    CHECK_EQUAL(fsync(file), 0);
    await(before + 1);
    return 7;
  }
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  listening = socket(AF_INET, SOCK_STREAM, 0);
  CHECK(listening >= 0 && !bind(listening, (void *)&address, sizeof address));
  CHECK(!listen(listening, 4));
  CHECK(!getsockname(listening, (void *)&address, &size));
  CHECK(!socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
  char name[] = "/tmp/hwckpt-test-XXXXXX";
  file = mkstemp(name);
  CHECK(file >= 0 && !unlink(name));
  if (!strcmp(mode, "network=connect")) {
    not_these();
    CHECK_EQUAL(quiet(), 0);
    connect_both();
    await(1);
  } else if (!strcmp(mode, "network=accept")) {
    pthread_t thread;
    connect_both();
    await(1);
    /* One that waits for its connection is seen with the next. */
    CHECK_EQUAL(pthread_create(&thread, NULL, accept_one, NULL), 0);
    CHECK_EQUAL(quiet(), 1);
    to = socket(AF_INET, SOCK_STREAM, 0);
    CHECK_EQUAL(connect(to, (void *)&address, size), 0);
    pthread_join(thread, NULL);
    connect_both();
    await(2);
  } else if (!strcmp(mode, "network=first,1s")) {
    connect_both();
    not_these();
    CHECK_EQUAL(quiet(), 0);
    double begin = now();
    put_and_take(1); /* the first of all */
    await(1);
    for (int i = 0; i < 20; i++)
      put_and_take(1);
    if (now() - begin < 1) /* the machine let none of them be late */
      CHECK_EQUAL(quiet(), 1);
    CHECK_EQUAL(usleep(1100000), 0);
    put_and_take(1);
    await(2);
  } else if (!strcmp(mode, "network=64K")) {
    connect_both();
    not_these();
    put_and_take(1);
    for (int i = 0; i < 7; i++)
      put_and_take(4000);
    CHECK_EQUAL(quiet(), 0);
    put_and_take(8000); /* sent and received: twice */
    await(1);
  } else if (!strcmp(mode, "fileio=fsync")) {
    connect_both();
    not_these();
    CHECK_EQUAL(quiet(), 0);
    CHECK_EQUAL(fsync(file), 0);
    await(1);
    CHECK_EQUAL(fdatasync(file), 0);
    await(2);
  } else if (!strcmp(mode, "fileio=close")) {
    connect_both();
    not_these();
    CHECK_EQUAL(close(open("/proc/self/stat", O_RDONLY)), 0);
    CHECK_EQUAL(close(to), 0);
    CHECK_EQUAL(quiet(), 0);
    CHECK_EQUAL(close(file), 0);
    await(1);
  } else if (!strcmp(mode, "fileio=64K")) {
    static char bytes[8000];
    not_these();
    for (int i = 0; i < 8; i++)
      CHECK_EQUAL(write(file, bytes, sizeof bytes), sizeof bytes);
    CHECK_EQUAL(quiet(), 0);
    CHECK_EQUAL(write(file, bytes, sizeof bytes), sizeof bytes);
    await(1);
  } else {
    /* A child has the changed code, and where nobody coordinates is not
     * served. */
    pid_t child = fork();
    if (!child) {
      CHECK_EQUAL(fsync(file), 0);
      _exit(0);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    not_these();
    CHECK_EQUAL(quiet(), 0);
  }
  return 0;
}
