// errno is that of the program, in threads that are stopped at sites, by signal
// and in a save.
// RUN: %behaviour %s -o %t && %hwckpt run -- %t
#include "behaviour.h"
#include <pthread.h>
static _Atomic int ends_now;
static void *keeps(void *value) {
  int mine = *(int *)value;
  errno = mine;
  for (volatile unsigned long i = 0; !ends_now; i++)
    if (errno != mine) {
      dprintf(2, "errno is %d, not %d\n", errno, mine);
      _exit(1);
    }
  return NULL;
}
int main(void) {
  static int values[] = {1111, 2222};
  pthread_t threads[2];
  for (int i = 0; i < 2; i++)
    pthread_create(&threads[i], NULL, keeps, &values[i]);
  for (int i = 0; i < 50; i++) {
    errno = 3333;
    int result = __builtin_ckpt_save();
    int after = errno;
    CHECK_EQUAL(result, 0);
    CHECK_EQUAL(after, 3333);
  }
  ends_now = 1;
  for (int i = 0; i < 2; i++)
    pthread_join(threads[i], NULL);
  return 0;
}
