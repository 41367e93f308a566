// A checkpoint that was refused because of something that is gone in a moment
// is not missed for a whole interval: the timer tries again sooner.
// RUN: %behaviour %s -o %t && %hwckpt run --every 4s -- %t 2>%t.err
// RUN: FileCheck %s <%t.err
// CHECK: HWCKPT-E208: {{.*}}: bytes for who has not accepted the connection yet
#include "behaviour.h"
#include <hwckpt.h>
#include <sys/socket.h>
#include <sys/un.h>
static unsigned long long failed(void) {
  struct hwckpt_statistics statistics;
  CHECK_EQUAL(hwckpt_statistics(&statistics, sizeof statistics), 0);
  return statistics.failures;
}
int main(void) {
  struct sockaddr_un name = {.sun_family = AF_UNIX};
  socklen_t length = sizeof name;
  int listening = socket(AF_UNIX, SOCK_STREAM, 0);
  int calls = socket(AF_UNIX, SOCK_STREAM, 0);
  CHECK_EQUAL(bind(listening, (void *)&name, sizeof(sa_family_t)), 0);
  CHECK_EQUAL(listen(listening, 1), 0);
  CHECK_EQUAL(getsockname(listening, (void *)&name, &length), 0);
  CHECK_EQUAL(connect(calls, (void *)&name, length), 0);
  CHECK_EQUAL(send(calls, "early", 5, 0), 5);
  for (double begin = now(); !failed();)
    CHECK(now() - begin < 30);
  CHECK(accept(listening, 0, 0) >= 0);
  double begin = now();
  wait_for_generations(1);
  CHECK(now() - begin < 3.5);
  return 0;
}
