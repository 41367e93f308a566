// Shared libraries with sites of their own, linked and loaded: threads are
// stopped in each; one is loaded and unloaded again and again, while sites are
// armed, and loaded at a restore as it was.
// RUN: %behaviour -DLIBRARY=one -shared -fPIC %s -o %T/libbehaviour-one.so && %behaviour -DLIBRARY=two -shared -fPIC %s -o %T/libbehaviour-two.so
// RUN: %behaviour %s -o %t %T/libbehaviour-one.so -Wl,-rpath,%T
// RUN: rm -f %t.once && %restored --every 2ms -- %t %T/libbehaviour-two.so %t.once
// RUN: %hwckpt run -o every_site=50 -- %t %T/libbehaviour-two.so
#include "once.h"
#ifdef LIBRARY
unsigned long LIBRARY(const volatile _Atomic int *ends, unsigned long least);
unsigned long LIBRARY(const volatile _Atomic int *ends, unsigned long least) {
  unsigned long i = 0;
  while (!*ends || i < least)
    i++;
  return i;
}
#else
#include <dlfcn.h>
#include <pthread.h>
typedef unsigned long loop(const volatile _Atomic int *ends,
                           unsigned long least);
loop one;
static _Atomic int ends_now;
static const _Atomic int now_already = 1;
static void *in_one(void *unused) {
  CHECK(one(&ends_now, 1000) >= 1000);
  return unused;
}
static void load_and_unload(const char *path) {
  void *library = dlopen(path, RTLD_NOW);
  CHECK(library);
  loop *two = (loop *)dlsym(library, "two");
  CHECK(two && two(&now_already, 300) == 300);
  CHECK_EQUAL(dlclose(library), 0);
}
int main(int argc, char **argv) {
  pthread_t thread;
  CHECK(argc >= 2);
  pthread_create(&thread, NULL, in_one, NULL);
  for (int i = 0; i < 60; i++)
    load_and_unload(argv[1]);
  void *library = dlopen(argv[1], RTLD_NOW);
  CHECK(library);
  if (argc == 3) {
    CHECK(__builtin_ckpt_save() >= 0);
    die_once(argv[2]);
    for (int i = 0; i < 60; i++)
      load_and_unload(argv[1]);
  }
  loop *two = (loop *)dlsym(library, "two");
  CHECK(two && two(&now_already, 1000) == 1000);
  ends_now = 1;
  pthread_join(thread, NULL);
  return 0;
}
#endif
