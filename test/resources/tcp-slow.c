// A TCP connection inside the program, without CAP_NET_ADMIN, whose receiver is
// slower than its sender: the stream goes on from each of many checkpoints, in
// one process and in two, no byte lost and none twice.
// RUN: %behaviour %s -o %t && rm -f %t.threads %t.processes
// RUN: if [ "$(id -u)" = 0 ]; then less='setpriv --bounding-set -net_admin'; fi
// RUN: %S/Inputs/every-generation %hwckpt $less -- %t %t.threads
// RUN: %S/Inputs/every-generation %hwckpt $less -- %t %t.processes family
#include "once.h"
#include "tcp-stream.h"
#include <pthread.h>
#include <sys/wait.h>

enum { TURNS = 24 };
static struct connection in;

static size_t size_of(int turn) {
  return 300000 + (size_t)turn * 7919 % 9 * 80000;
}

/* Each message when the last was read. */
static void *send_all(void *unused) {
  static unsigned char bytes[1000000];
  size_t at = 0;
  (void)unused;
  for (int turn = 0; turn < TURNS; turn++) {
    size_t size = size_of(turn);
    for (size_t i = 0; i < size; i++)
      bytes[i] = byte_at(at + i, 0);
    for (size_t done = 0; done < size;) {
      ssize_t sent = send(in.end[0], bytes + done, size - done, 0);
      CHECK(sent > 0);
      done += (size_t)sent;
    }
    at += size;
    char word;
    CHECK_EQUAL(recv(in.end[0], &word, 1, 0), 1);
  }
  CHECK(shutdown(in.end[0], SHUT_WR) == 0);
  return NULL;
}

static void receive_one(int turn, size_t *at) {
  static unsigned char got[30000];
  const struct timespec moment = {.tv_nsec = 1000000};
  for (size_t left = size_of(turn); left;) {
    ssize_t count =
        recv(in.end[1], got, left < sizeof got ? left : sizeof got, 0);
    CHECK(count > 0);
    for (ssize_t i = 0; i < count; i++)
      CHECK_EQUAL(got[i], byte_at(*at + (size_t)i, 0));
    *at += (size_t)count;
    left -= (size_t)count;
    nanosleep(&moment, NULL);
  }
}

static void receive_all(const char *killed) {
  char none;
  size_t at = 0;
  for (int turn = 0; turn < TURNS; turn++) {
    receive_one(turn, &at);
    if (turn == TURNS * 2 / 3 && first_time_in_section(killed))
      die();
    CHECK_EQUAL(send(in.end[1], "g", 1, 0), 1);
  }
  CHECK_EQUAL(recv(in.end[1], &none, 1, 0), 0);
}

int main(int argc, char **argv) {
  pthread_t sender;
  pid_t child = -1;
  int status = 0;
  in = make();
  if (argc > 2)
    child = fork();
  else
    CHECK(pthread_create(&sender, NULL, send_all, NULL) == 0);
  if (child == 0) {
    CHECK(close(in.end[1]) == 0);
    send_all(NULL);
    return 0;
  }
  if (child > 0)
    CHECK(close(in.end[0]) == 0);
  receive_all(argv[1]);
  if (child > 0)
    CHECK_EQUAL(waitpid(child, &status, 0), child);
  else
    CHECK(pthread_join(sender, NULL) == 0);
  CHECK_EQUAL(status, 0);
  return 0;
}
