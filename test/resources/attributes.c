// Attributes of the process come back.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t
#include "behaviour.h"
#include <pthread.h>
#include <sys/prctl.h>
static void *look(void *unused) {
  CHECK_EQUAL(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 1);
  return NULL;
}
int main(void) {
  pthread_t thread;
  int subreaper = 0;
  CHECK_EQUAL(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
  CHECK_EQUAL(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), 0);
  CHECK_EQUAL(prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0), 0);
  die_and_come_back();
  look(NULL);
  CHECK_EQUAL(prctl(PR_GET_CHILD_SUBREAPER, &subreaper, 0, 0, 0), 0);
  CHECK_EQUAL(subreaper, 1);
  CHECK_EQUAL(prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0), 1);
  CHECK_EQUAL(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), 1);
  pthread_create(&thread, NULL, look, NULL);
  pthread_join(thread, NULL);
  return 0;
}
