/* exit.c - at SIGTERM a checkpoint, and then the end, with status 85; `hwckpt
 * restore` goes on from there. So a batch system may stop it at any time.
 *
 *   clang -fhwckpt exit.c -o exit
 *   hwckpt run --on exit=TERM -- ./exit || test $? = 85
 *   hwckpt restore
 */
#include <signal.h>
#include <stdio.h>
#include <time.h>

int main(void) {
  time_t begin = time(NULL);
  printf("begins\n");
  fflush(stdout);
  raise(SIGTERM);
  while (time(NULL) - begin < 3) /* is ended here, and goes on */
    ;
  printf("ends\n");
  return 0;
}
