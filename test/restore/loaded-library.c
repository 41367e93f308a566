// An instrumented library is loaded, called and unloaded again and again, while
// checkpoints are taken and another thread computes.
// RUN: %clang -fhwckpt -O2 -shared -fPIC -DLIBRARY %s -o %t.so
// RUN: %clang -fhwckpt -O2 %s -o %t -pthread && %python %S/Inputs/killed-anywhere %hwckpt %t %t.so
#ifdef LIBRARY
static _Thread_local unsigned long calls;
unsigned long library_compute(unsigned long x);
unsigned long library_compute(unsigned long x) {
  calls++;
  for (int i = 0; i < 20000; i++)
    x = x * 6364136223846793005UL + calls;
  return x;
}
#else
#include "Inputs/come-back.h"
#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
static _Atomic int stop;
static unsigned long compute(unsigned long x) {
  for (int i = 0; i < 20000; i++)
    x = x * 6364136223846793005UL + 1;
  return x;
}
static void *work(void *unused) {
  while (!atomic_load(&stop))
    CHECK(compute(1) == compute(1));
  return unused;
}
int main(int count, char **arguments) {
  CHECK(count == 2);
  pthread_t thread;
  CHECK(pthread_create(&thread, NULL, work, NULL) == 0);
  for (unsigned long x = 1; go_on(); x++) {
    void *library = dlopen(arguments[1], RTLD_NOW | RTLD_LOCAL);
    CHECK(library);
    unsigned long (*function)(unsigned long);
    *(void **)&function = dlsym(library, "library_compute");
    // Its thread local counter begins anew with each load.
    CHECK(function && function(x) == compute(x));
    CHECK(dlclose(library) == 0);
  }
  atomic_store(&stop, 1);
  CHECK(pthread_join(thread, NULL) == 0);
  return 7;
}
#endif
