// exit=SIG: a checkpoint, and then the program ends with 85; without one it
// ends by the signal. signal=SIG asks for one, and the program goes on.
// RUN: %behaviour %s -o %t && rm -f %t.end
// RUN: bash %S/../tools/Inputs/status 85 %hwckpt run -o spacing=1h --on exit=TERM --on signal=USR2 -- %t 12 15 %t.end
// RUN: %hwckpt list --json | grep -c '"event": *"signal"' | grep -x 2
// RUN: %hwckpt show | grep '^cause  *exit=TERM$'
// RUN: touch %t.end && bash %S/../tools/Inputs/status 7 %hwckpt restore
// RUN: rm %t.end && HWCKPT_OPTIONS=cache=/proc/none:exit_signal=1 bash %S/../tools/Inputs/status 129 %t 0 1 %t.end 2>&1 | FileCheck %s
// CHECK: HWCKPT-E1
// A call that waits does not see the signal, in the restored program either.
// RUN: rm -f %t.end && bash %S/../tools/Inputs/status 85 %hwckpt run --name waits --on exit=TERM -- %t waits 15 %t.end
// RUN: bash %S/../tools/Inputs/status 7 %hwckpt restore waits
// A handler of the program's own stays.
// RUN: touch %t.end && bash %S/../tools/Inputs/status 7 %hwckpt run --on exit=TERM -- %t own 15 %t.end
// So does that it is ignored, as by nohup.
// RUN: (trap "" TERM && bash %S/../tools/Inputs/status 7 %hwckpt run --name ignored --on exit=TERM -- %t ignored 15 %t.end)
// RUN: for bad in exit exit= exit=KILL signal=NONE signal=65; do bash %S/../tools/Inputs/status 2 %hwckpt run --on $bad true 2>&1 | FileCheck %s --check-prefix=BAD || exit 1; done
// BAD: HWCKPT-E250: {{.*}}: at character
#include "behaviour.h"
#include <pthread.h>
#include <time.h>
static pthread_t waiting;
static void *kills(void *number) {
  usleep(100000);
  pthread_kill(waiting, *(int *)number);
  return 0;
}
static void waits(int number) {
  pthread_t thread;
  waiting = pthread_self();
  CHECK_EQUAL(pthread_create(&thread, 0, kills, &number), 0);
  struct timespec time = {.tv_nsec = 500000000};
  CHECK_EQUAL(nanosleep(&time, 0), 0);
  pthread_join(thread, 0);
}
int main(int argc, char **argv) {
  CHECK(argc == 4);
  if (!strcmp(argv[1], "waits")) {
    waits(atoi(argv[2]));
    return 7;
  }
  if (!strcmp(argv[1], "own"))
    signal(SIGTERM, SIG_IGN);
  if (atoi(argv[1])) {
    kill(getpid(), atoi(argv[1]));
    while (generations() < 1)
      sched_yield();
  }
  kill(getpid(), atoi(argv[2]));
  /* Behind what was asked for: the second is taken when that is done. */
  for (int i = 0; i < 2 && strchr("oi", *argv[1]); i++)
    CHECK_EQUAL(__builtin_ckpt_save(), 0);
  while (access(argv[3], F_OK))
    CHECK_EQUAL(usleep(1000), 0);
  return 7;
}
