// What a thread alone has given up it has not got back after a restore: threads
// that changed their users, groups and capabilities by system calls of their
// own, as servers do that act for others.
// RUN: %behaviour %s -o %t && %restored -- %t
#include "behaviour.h"
#include <grp.h>
#include <linux/capability.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/fsuid.h>
static atomic_int asked, changed, answered;
static void own_calls(const char *which) {
  static const gid_t groups[] = {7, 11};
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct sets[2];
  if (*which == 'u') {
    CHECK(syscall(SYS_setgroups, 2, groups) == 0);
    CHECK(syscall(SYS_setresgid, 101, 102, 103) == 0);
    CHECK(syscall(SYS_setresuid, 99, 98, 97) == 0);
  } else if (*which == 'f') {
    CHECK(setfsgid(45) == 0 && setfsuid(44) == 0);
  } else {
    CHECK(syscall(SYS_capget, &header, sets) == 0);
    sets[0].effective &= ~(1u << CAP_CHOWN);
    sets[0].permitted &= ~(1u << CAP_CHOWN);
    CHECK(syscall(SYS_capset, &header, sets) == 0);
  }
}
static void are_there(const char *which) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct sets[2];
  uid_t user[3];
  gid_t group[3], groups[8];
  int is_user = *which == 'u', is_file = *which == 'f';
  CHECK(syscall(SYS_getresuid, user, user + 1, user + 2) == 0);
  CHECK(syscall(SYS_getresgid, group, group + 1, group + 2) == 0);
  CHECK_EQUAL(user[0], is_user ? 99 : 0);
  CHECK_EQUAL(user[1], is_user ? 98 : 0);
  CHECK_EQUAL(user[2], is_user ? 97 : 0);
  CHECK_EQUAL(group[0], is_user ? 101 : 0);
  CHECK_EQUAL(group[1], is_user ? 102 : 0);
  CHECK_EQUAL(group[2], is_user ? 103 : 0);
  CHECK_EQUAL(setfsuid((uid_t)-1), is_user ? 98 : is_file ? 44 : 0);
  CHECK_EQUAL(setfsgid((gid_t)-1), is_user ? 102 : is_file ? 45 : 0);
  int count = getgroups(8, groups);
  CHECK((count == 2 && groups[0] == 7 && groups[1] == 11) == is_user);
  CHECK(syscall(SYS_capget, &header, sets) == 0);
  CHECK_EQUAL(sets[0].effective >> CAP_CHOWN & 1, *which == 'n');
  CHECK(is_user == !sets[0].effective);
}
static void *serve(void *which) {
  own_calls(which);
  atomic_fetch_add(&changed, 1);
  while (!atomic_load(&asked))
    sched_yield();
  are_there(which);
  atomic_fetch_add(&answered, 1);
  return NULL;
}
int main(void) {
  static char *const kinds[] = {"users", "file", "capabilities"};
  pthread_t thread;
  if (getuid() != 0)
    SKIP("this is for root");
  for (int i = 0; i < 3; i++)
    CHECK(pthread_create(&thread, NULL, serve, kinds[i]) == 0);
  while (atomic_load(&changed) < 3)
    sched_yield();
  die_and_come_back();
  are_there("none");
  atomic_store(&asked, 1);
  while (atomic_load(&answered) < 3)
    sched_yield();
  return 0;
}
