/* deep_stack: a thread with much on its stack that is killed after its
 * checkpoint and looks, when it is restored, whether all of it is what it was.
 */
#include "../../Inputs/behaviour.h"

#include <pthread.h>

#define BYTES (6u << 20)
#define STACK ((size_t)16 << 20)

static unsigned char at(size_t i) { return (unsigned char)(i / 64 * 7 + 3); }

static void *deep(void *unused) {
  volatile unsigned char bytes[BYTES];
  for (size_t i = 0; i < BYTES; i += 64)
    bytes[i] = at(i);
  die_and_come_back();
  for (size_t i = 0; i < BYTES; i += 64)
    CHECK_EQUAL(bytes[i], at(i));
  return unused;
}

int main(void) {
  pthread_t thread;
  pthread_attr_t attributes;
  CHECK_EQUAL(pthread_attr_init(&attributes), 0);
  CHECK_EQUAL(pthread_attr_setstacksize(&attributes, STACK), 0);
  CHECK_EQUAL(pthread_create(&thread, &attributes, deep, NULL), 0);
  CHECK_EQUAL(pthread_join(thread, NULL), 0);
  return 0;
}
