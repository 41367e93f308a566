// Marked variables of libraries that come and go: a library that is loaded
// again is watched again, however often, and what lies at its place afterwards
// is not. By the compiler's checks a call that is given a variable counts if it
// has changed it, wherever, or the variable is longer than 4096 bytes; what a
// debug register has seen is not counted once more.
// RUN: %behaviour -std=gnu23 -DLIBRARY -shared -fPIC %s -o %t.so && %behaviour -std=gnu23 -DOTHER -shared -fPIC %s -o %t.other.so
// RUN: %behaviour -std=gnu23 -rdynamic %s -o %t -ldl
// RUN: HWCKPT_OPTIONS=debug_registers=0 %t checks %t.so %t.other.so 2>%t.said && count 0 <%t.said
// RUN: %t hardware %t.so %t.other.so 2>%t.said; status=$?; cat %t.said; test $status = 0 && count 0 <%t.said
#if defined LIBRARY || defined OTHER
struct library {
  void *number, *big;
  void (*write)(long value);
  void (*call)(int which, void (*function)(char *));
};
[[hwckpt::watch]] static long number;
[[hwckpt::watch]] static char big[2 * 4096];
[[hwckpt::watch]] static char small[16], limit[4096], longer[4097];
static void write_number(long value) { number = value; }
static void call(int which, void (*function)(char *)) {
  switch (which) {
  case 0:
    function(small);
    break;
  case 1:
    function(limit);
    break;
  case 2:
    function(longer);
    break;
  case 3:
    function((char *)&number);
    break;
  }
}
struct library library;
struct library library = {&number, big, write_number, call};
#else
#include "watched.h"
#include <dlfcn.h>
#include <sys/mman.h>

static struct library {
  char *number, *big;
  void (*write)(long value);
  void (*call)(int which, void (*function)(char *));
} *library;

static bool hardware;

static void *load(const char *path) {
  void *handle = dlopen(path, RTLD_NOW);
  CHECK(handle);
  library = dlsym(handle, "library");
  CHECK(library);
  return handle;
}

/* More often than there is room for variables, and for debug registers. */
static void again_and_again(const char *path, const char *other) {
  for (int i = 0; i < 300; i++) {
    void *handle = load(i % 2 ? path : other);
    if (i % 30 == 1) {
      library->write(i);
      expect_event();
    }
    CHECK_EQUAL(dlclose(handle), 0);
  }
}

static void at_its_place(const char *path) {
  void *handle = load(path);
  if (hardware) /* there is a register left, and no check sees this */
    *(long *)hidden(library->number) = 1;
  else
    library->write(1);
  expect_event();
  char *was = library->number;
  char *page = was - (unsigned long)was % 4096;
  CHECK_EQUAL(dlclose(handle), 0);
  CHECK(mmap(page, 4096, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == page);
  *(long *)hidden(was) = 2;
  expect_nothing();
  CHECK_EQUAL(munmap(page, 4096), 0);
}

static void leaves_it(char *variable) { (void)variable; }
static void changes_first(char *variable) { ++*hidden(variable); }
static void changes_last(char *variable) { ++*hidden(variable + 15); }

static void by_checks(void) {
  library->call(0, leaves_it);
  library->call(1, leaves_it);
  expect_nothing();
  library->call(2, leaves_it);
  expect_event();
  library->call(0, changes_first);
  expect_event();
  library->call(0, changes_last);
  expect_event();
  library->call(1, changes_last);
  expect_event();
}

/* Seen, and its checkpoint taken, when the call returns. */
static void changes_and_waits(char *variable) {
  ++*hidden(variable);
  expect_event();
}

int main(int argc, char **argv) {
  CHECK(argc == 4);
  hardware = !strcmp(argv[1], "hardware");
  writes = taken();
  void *handle = load(argv[2]);
  library->write(1);
  expect_event();
  if (hardware) {
    char *was = library->number;
    *hidden(was) = 2; // which no check sees
    double begin = now();
    while (taken() == writes && now() - begin < 3)
      ;
    if (taken() == writes)
      SKIP("no hardware breakpoints for this user");
    expect_event();
    library->call(3, changes_and_waits);
    expect_nothing();
  } else {
    by_checks();
  }
  CHECK_EQUAL(dlclose(handle), 0);
  again_and_again(argv[2], argv[3]);
  at_its_place(argv[2]);
  return 0;
}
#endif
