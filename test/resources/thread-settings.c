// What a thread alone can tell of itself comes back, for each thread: how late
// its timers may be, signal of its creator's death, time stamps that it may not
// read, what a broken page of memory does, memory policy; as root that it
// writes to disks for others, and bits of its capabilities.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t
#include "behaviour.h"
#include <linux/mempolicy.h>
#include <linux/securebits.h>
#include <pthread.h>
#include <sys/prctl.h>
enum { SET_FLUSHER = 57, GET_FLUSHER };
static pthread_barrier_t met;
static int flushes, governs;
static void no_stamps(int enable) {
  CHECK_EQUAL(prctl(PR_SET_TSC, enable ? PR_TSC_ENABLE : PR_TSC_SIGSEGV), 0);
}
/* Policies without NUMA are no policies. */
static int policy(void) {
  int mode = -1;
  unsigned long nodes[16] = {0};
  if (syscall(SYS_get_mempolicy, &mode, nodes, 1024, 0, 0))
    return -1;
  return nodes[0] == 1 ? mode : -1;
}
static int prefers;
static void *work(void *unused) {
  int dies = 0, stamps = 0;
  CHECK_EQUAL(prctl(PR_SET_TIMERSLACK, 123456, 0, 0, 0), 0);
  CHECK_EQUAL(prctl(PR_SET_PDEATHSIG, SIGUSR1, 0, 0, 0), 0);
  CHECK_EQUAL(prctl(PR_MCE_KILL, PR_MCE_KILL_SET, PR_MCE_KILL_EARLY, 0, 0), 0);
  unsigned long nodes = 1;
  prefers = !syscall(SYS_set_mempolicy, MPOL_BIND, &nodes, 64);
  flushes = !prctl(SET_FLUSHER, 1, 0, 0, 0);
  CHECK_EQUAL(prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0), 0);
  pthread_barrier_wait(&met);
  no_stamps(0);
  pthread_barrier_wait(&met);
  pthread_barrier_wait(&met);
  CHECK_EQUAL(prctl(PR_GET_TSC, &stamps, 0, 0, 0), 0);
  CHECK_EQUAL(stamps, PR_TSC_SIGSEGV);
  no_stamps(1);
  CHECK_EQUAL(prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0), 123456);
  CHECK_EQUAL(prctl(PR_GET_PDEATHSIG, &dies, 0, 0, 0), 0);
  CHECK_EQUAL(dies, SIGUSR1);
  CHECK_EQUAL(prctl(PR_MCE_KILL_GET, 0, 0, 0, 0), PR_MCE_KILL_EARLY);
  CHECK(!prefers || policy() == MPOL_BIND);
  CHECK(!flushes || prctl(GET_FLUSHER, 0, 0, 0, 0) == 1);
  return unused;
}
int main(void) {
  pthread_t thread;
  long slack = prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0);
  long bits = SECBIT_KEEP_CAPS;
  signal(SIGUSR1, SIG_IGN);
  pthread_barrier_init(&met, NULL, 2);
  pthread_create(&thread, NULL, work, NULL);
  pthread_barrier_wait(&met);
  governs = !prctl(PR_SET_SECUREBITS, bits | SECBIT_NO_SETUID_FIXUP, 0, 0, 0);
  if (governs)
    bits |= SECBIT_NO_SETUID_FIXUP;
  CHECK(governs || prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) == 0);
  pthread_barrier_wait(&met);
  die_and_come_back();
  CHECK_EQUAL(prctl(PR_GET_SECUREBITS, 0, 0, 0, 0), bits);
  CHECK_EQUAL(prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0), slack);
  CHECK_EQUAL(prctl(PR_MCE_KILL_GET, 0, 0, 0, 0), PR_MCE_KILL_DEFAULT);
  CHECK(policy() != MPOL_BIND);
  pthread_barrier_wait(&met);
  pthread_join(thread, NULL);
  return 0;
}
