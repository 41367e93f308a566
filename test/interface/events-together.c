// All kinds of events at once, twice: each has a checkpoint that it is the
// cause of; none keeps another from being seen.
// RUN: %behaviour %s -o %t && rm -f %t.file %t.socket %t.synced
// RUN: %hwckpt run --name some -o keep=100 --on every=10h --on cpu=10h --on exit=TERM --on signal=USR2 --on watch=step --on watch=table --on fileio=fsync --on fileio=64K --on network=connect --on before=send --on file=%t.file --on control=%t.socket -- %t %t
// RUN: %hwckpt list --json some >%t.list
// RUN: for i in $(seq $(grep -c '"event":' %t.list)); do %hwckpt show some/$i || exit 1; done | grep '^cause' | FileCheck %s
// Counters tell by signals, one of which must not keep the others waiting.
// RUN: bash %S/Inputs/permitted %hwckpt run --name all -o keep=100 --on perf=page-faults,10k --on pressure=memory,full,10s/10s --on signal=USR2 --on watch=step --on watch=table --on fileio=fsync --on fileio=64K --on network=connect --on before=send --on file=%t.file --on control=%t.socket -- %t %t faults
// RUN: %hwckpt list --json all >%t.list
// RUN: for i in $(seq $(grep -c '"event":' %t.list)); do %hwckpt show all/$i || exit 1; done | grep '^cause' | FileCheck %s --check-prefixes=FAULTS,CHECK
// FAULTS-DAG: perf=page-faults,10k
// CHECK-DAG: signal=USR2
// CHECK-DAG: watch=step (
// CHECK-DAG: watch=table (
// CHECK-DAG: fileio=fsync
// CHECK-DAG: fileio=64K
// CHECK-DAG: network=connect
// CHECK-DAG: before=send
// CHECK-DAG: file=
// CHECK-DAG: control=
#include "behaviour.h"
#include <hwckpt.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>

long step;
char table[9000];
static const char *base;

static void faults(void) {
  size_t size = 48 << 20;
  char *pages =
      mmap(0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(pages != MAP_FAILED);
  CHECK_EQUAL(madvise(pages, size, MADV_NOHUGEPAGE), 0);
  for (size_t at = 0; at < size; at += 4096)
    pages[at] = 1;
  CHECK_EQUAL(munmap(pages, size), 0);
}

static void user_signal(void) { raise(SIGUSR2); }
static void writes_step(void) { step++; }
static void writes_table(void) { table[5000]++; }

static int opened(const char *suffix) {
  char path[4096];
  snprintf(path, sizeof path, "%s.%s", base, suffix);
  int file = open(path, O_WRONLY | O_CREAT, 0600);
  CHECK(file >= 0);
  return file;
}

static void syncs(void) {
  int file = opened("synced");
  CHECK_EQUAL(fsync(file), 0);
  CHECK_EQUAL(close(file), 0);
}

static void writes_file(void) {
  static char content[64 << 10];
  int file = opened("synced");
  CHECK_EQUAL(write(file, content, sizeof content), sizeof content);
  CHECK_EQUAL(close(file), 0);
}

static void touches(void) { CHECK_EQUAL(close(opened("file")), 0); }

static const struct sockaddr *nobody(void) {
  static struct sockaddr_in to = {.sin_family = AF_INET};
  to.sin_port = htons(9);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return (const struct sockaddr *)&to;
}

static void connects(void) {
  int end = socket(AF_INET, SOCK_STREAM, 0);
  (void)!connect(end, nobody(), sizeof(struct sockaddr_in));
  CHECK_EQUAL(close(end), 0);
}

static void sends(void) {
  int end = socket(AF_INET, SOCK_DGRAM, 0);
  (void)!sendto(end, "x", 1, 0, nobody(), sizeof(struct sockaddr_in));
  CHECK_EQUAL(close(end), 0);
}

static void asks(void) {
  char answer[100];
  struct sockaddr_un to = {.sun_family = AF_UNIX};
  int end = socket(AF_UNIX, SOCK_STREAM, 0);
  snprintf(to.sun_path, sizeof to.sun_path, "%s.socket", base);
  CHECK_EQUAL(connect(end, (struct sockaddr *)&to, sizeof to), 0);
  CHECK_EQUAL(write(end, "checkpoint\n", 11), 11);
  CHECK(read(end, answer, sizeof answer) > 0);
  CHECK_EQUAL(close(end), 0);
}

int main(int argc, char **argv) {
  void (*const deeds[])(void) = {
      faults,      user_signal, writes_step, writes_table, syncs,
      writes_file, connects,    sends,       touches,      asks};
  CHECK(argc >= 2);
  base = argv[1];
  CHECK_EQUAL(hwckpt_save(), 0); /* all is watched then */
  for (int round = 0; round < 2; round++)
    for (unsigned i = argc < 3; i < sizeof deeds / sizeof *deeds; i++) {
      unsigned long long before = hwckpt_generation();
      deeds[i]();
      CHECK_EQUAL(hwckpt_wait(before + 1, 60000), 0);
    }
  return 0;
}
