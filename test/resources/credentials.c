// A program that gave up being root does not come back as root, nor does a
// thread of it.
// RUN: %behaviour %s -pthread -o %t && %restored -- %t
#include "behaviour.h"
#include <grp.h>
#include <linux/capability.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
static atomic_int asked, answered;
static void is_as_before(void) {
  uid_t real, effective, saved;
  gid_t group[3], groups[8];
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct sets[2];
  CHECK(getresuid(&real, &effective, &saved) == 0);
  CHECK(real == 1234 && effective == 1235 && saved == 1234);
  CHECK(getresgid(group, group + 1, group + 2) == 0);
  CHECK(group[0] == 99 && group[1] == 98 && group[2] == 99);
  CHECK(getgroups(8, groups) == 2 && groups[0] == 7 && groups[1] == 11);
  CHECK(setfsuid((uid_t)-1) == 1234);
  CHECK(syscall(SYS_capget, &header, sets) == 0);
  CHECK_EQUAL(sets[0].effective, 0);
  CHECK_EQUAL(sets[0].permitted, 1u << CAP_NET_BIND_SERVICE);
  CHECK_EQUAL(prctl(PR_CAPBSET_READ, CAP_SYS_BOOT, 0, 0, 0), 0);
  CHECK_EQUAL(prctl(PR_CAPBSET_READ, CAP_CHOWN, 0, 0, 0), 1);
  CHECK(setuid(0) < 0);
}
static void *look(void *unused) {
  while (!atomic_load(&asked))
    sched_yield();
  is_as_before();
  atomic_store(&answered, 1);
  return unused;
}
static void keep_one(void) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct sets[2] = {
      {.permitted = 1u << CAP_NET_BIND_SERVICE}};
  CHECK(syscall(SYS_capset, &header, sets) == 0);
}
int main(void) {
  pthread_t thread;
  gid_t groups[] = {7, 11};
  if (getuid() != 0 || prctl(PR_CAPBSET_READ, CAP_SYS_BOOT, 0, 0, 0) != 1)
    SKIP("this is for root");
  CHECK(came_back() == 0); /* our own thread is root's */
  CHECK(prctl(PR_CAPBSET_DROP, CAP_SYS_BOOT, 0, 0, 0) == 0);
  CHECK(setgroups(2, groups) == 0 && setresgid(99, 98, 99) == 0);
  CHECK(prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) == 0);
  CHECK(setresuid(1234, 1235, 1234) == 0);
  keep_one();
  CHECK(setfsgid(99) == 98 && setfsuid(1234) == 1235);
  CHECK(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0);
  CHECK(pthread_create(&thread, NULL, look, NULL) == 0);
  is_as_before();
  die_and_come_back();
  is_as_before();
  CHECK(setfsgid((gid_t)-1) == 99);
  CHECK_EQUAL(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), 1);
  atomic_store(&asked, 1);
  while (!atomic_load(&answered))
    sched_yield();
  return 0;
}
