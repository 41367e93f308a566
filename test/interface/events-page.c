// Each command that docs/events.md shows does what it says it does: of each of
// its rules the event is made to happen, and a checkpoint has it as its cause.
// RUN: %behaviour -no-pie %s -o %t && rm -rf %t.folder && %python %S/Inputs/events_page.py %hwckpt %src/docs/events.md %t %t.folder
#include "behaviour.h"
#include <fcntl.h>
#include <hwckpt.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>

long step;
char table[100];
static const char *path;

static void touches(void) {
  int file = open(path, O_WRONLY | O_CREAT, 0600);
  CHECK(file >= 0);
  CHECK_EQUAL(close(file), 0);
}

static void asks(void) {
  static const char line[] = "checkpoint\n";
  char answer[100];
  struct sockaddr_un to = {.sun_family = AF_UNIX};
  int end = socket(AF_UNIX, SOCK_STREAM, 0);
  strncpy(to.sun_path, path, sizeof to.sun_path - 1);
  if (!connect(end, (struct sockaddr *)&to, sizeof to)) {
    CHECK_EQUAL(write(end, line, sizeof line - 1), sizeof line - 1);
    CHECK(read(end, answer, sizeof answer) > 0);
  }
  CHECK_EQUAL(close(end), 0);
}

static void sends(void) {
  static int end = -1;
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(9)};
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (end < 0)
    end = socket(AF_INET, SOCK_DGRAM, 0);
  sendto(end, "x", 1, 0, (struct sockaddr *)&to, sizeof to);
}

static void syncs(void) {
  int file = open(path, O_WRONLY | O_CREAT, 0600);
  CHECK_EQUAL(fsync(file), 0);
  CHECK_EQUAL(close(file), 0);
}

static void faults(void) {
  char *at = mmap(0, 4096 * 4096l, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(at != MAP_FAILED);
  CHECK_EQUAL(madvise(at, 4096 * 4096l, MADV_NOHUGEPAGE), 0);
  for (long i = 0; i < 4096; i++)
    at[i * 4096] = 1;
  CHECK_EQUAL(munmap(at, 4096 * 4096l), 0);
}

static void happens(const char *event) {
  if (!strcmp(event, "cpu")) {
    for (double begin = now(); now() - begin < 0.05;)
      ;
  } else if (!strcmp(event, "step"))
    step++;
  else if (!strcmp(event, "table"))
    table[50]++;
  else if (!strcmp(event, "send"))
    sends();
  else if (!strcmp(event, "fsync"))
    syncs();
  else if (!strcmp(event, "fault"))
    faults();
  else if (!strcmp(event, "file"))
    touches();
  else if (!strcmp(event, "control"))
    asks();
  else if (!strcmp(event, "USR2"))
    raise(SIGUSR2);
  else if (!strcmp(event, "TERM"))
    raise(SIGTERM);
  else
    CHECK(!strcmp(event, "time"));
}

int main(int argc, char **argv) {
  CHECK(argc == 3);
  path = argv[2];
  if (!strcmp(argv[1], "none"))
    return 0;
  // Again until it is served: the rule may be watched a moment later.
  double begin = now();
  while (!hwckpt_generation()) {
    CHECK(now() - begin < 30);
    happens(argv[1]);
    usleep(20000); // as quiet as network=first wants
  }
  while (!strcmp(argv[1], "TERM"))
    pause(); // it is ended after that checkpoint
  return 0;
}
