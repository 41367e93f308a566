// What the program changes in files when its main thread has ended is taken
// back, by descriptors and by names; by the program itself, and by a child of
// it, its main thread ended too.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t one alone 2>&1 | FileCheck --allow-empty %s
// RUN: %restored_by_all -- %t one child 2>&1 | FileCheck --allow-empty %s
// CHECK-NOT: HWCKPT-E
#include "behaviour.h"
#include <pthread.h>
#include <sys/uio.h>
#include <sys/wait.h>
static char **arguments;
static pthread_t main_thread;
static int fd, go[2];
static void end_main(void *(*go_on)(void *)) {
  pthread_t thread;
  main_thread = pthread_self();
  CHECK_EQUAL(pthread_create(&thread, NULL, go_on, NULL), 0);
  pthread_exit(NULL);
}
static void make(const char *name) {
  int made = open(name, O_RDWR | O_CREAT | O_TRUNC, 0600);
  CHECK(made >= 0 && write(made, name, strlen(name)) > 0 && !close(made));
}
static void expect(const char *name) {
  char text[64] = "";
  int is = open(name, O_RDONLY);
  CHECK(is >= 0 && read(is, text, sizeof text) > 0 && !close(is));
  CHECK(!strcmp(text, name));
}
static void change(void) {
  struct iovec parts[] = {{"1", 1}, {"23", 2}};
  CHECK_EQUAL(pwritev(fd, parts, 2, 1), 3);
  CHECK_EQUAL(unlink("removed"), 0);
  CHECK_EQUAL(truncate("cut", 1), 0);
  CHECK_EQUAL(rename("renamed", "another"), 0);
  make("new");
}
static void *be_child(void *unused) {
  char byte;
  CHECK_EQUAL(pthread_join(main_thread, NULL), 0);
  CHECK_EQUAL(read(go[0], &byte, 1), 1);
  change();
  die();
  return unused;
}
static void *be_first(void *unused) {
  pid_t child = 0;
  CHECK_EQUAL(pthread_join(main_thread, NULL), 0);
  make("overwritten"), make("removed"), make("cut"), make("renamed");
  CHECK((fd = open("overwritten", O_RDWR)) >= 0 && !pipe(go));
  if (!strcmp(arguments[2], "child")) {
    CHECK((child = fork()) >= 0);
    if (!child)
      end_main(be_child);
  }
  if (!came_back()) {
    CHECK_EQUAL(write(go[1], "x", 1), 1);
    if (!child)
      change();
    else
      CHECK_EQUAL(waitpid(child, NULL, 0), child);
    die();
  }
  expect("overwritten"), expect("removed"), expect("cut"), expect("renamed");
  CHECK(access("another", F_OK) && access("new", F_OK));
  if (child)
    CHECK(!kill(child, SIGKILL) && waitpid(child, NULL, 0) == child);
  _exit(0);
  return unused;
}
int main(int argc, char **argv) {
  CHECK(argc == 3);
  arguments = argv;
  end_main(be_first);
}
