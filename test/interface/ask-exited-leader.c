// `hwckpt ckpt` finds a program whose main thread has ended, by its id and by
// its name.
// RUN: %behaviour %s -o %t.$$ && %t.$$ %hwckpt && rm %t.$$
#include "behaviour.h"
#include <pthread.h>
#include <sys/wait.h>
static const char *tool;
static pthread_t main_thread;
static void ask(const char *name) {
  char command[8192];
  unsigned before = generations();
  snprintf(command, sizeof command, "%s ckpt %s", tool, name);
  CHECK_EQUAL(system(command), 0);
  CHECK_EQUAL(generations(), before + 1);
}
static void *go_on(void *unused) {
  char id[16], path[4096];
  ssize_t length = readlink("/proc/thread-self/exe", path, sizeof path - 1);
  CHECK_EQUAL(pthread_join(main_thread, NULL), 0);
  CHECK(length > 0);
  path[length] = 0;
  snprintf(id, sizeof id, "%d", getpid());
  ask(id);
  ask(strrchr(path, '/') + 1);
  _exit(0);
  return unused;
}
int main(int argc, char **argv) {
  pthread_t thread;
  CHECK(argc == 2);
  tool = argv[1];
  main_thread = pthread_self();
  CHECK_EQUAL(pthread_create(&thread, NULL, go_on, NULL), 0);
  pthread_exit(NULL);
}
