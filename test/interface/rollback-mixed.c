// Objects of every hook in one program roll it back from many threads in turn,
// each to a checkpoint taken right before, so that the sites are armed and
// disarmed all the time: each thread goes on from where the checkpoint found
// it, no trap is lost or stray. In the stress tier 2,000 times, with 64
// threads.
// RUN: rm -rf %t && mkdir %t
// RUN: for hook in trap insn syscall interrupt auto; do %clang -fhwckpt -fhwckpt-hook=$hook -O2 -c -DPART=$hook %s -o %t/$hook.o || exit; done
// RUN: %behaviour %s %t/*.o -o %t/main
// RUN: for hook in trap auto; do mkdir %t/$hook && cd %t/$hook && HWCKPT_OPTIONS=hook=$hook:files=keep %t/main || exit 1; done
#define JOIN(a, b) JOIN_(a, b)
#define JOIN_(a, b) a##b
#define FACTOR 6364136223846793005UL
#define ADDEND 1442695040888963407UL
#ifdef PART
unsigned long JOIN(run_, PART)(unsigned long x, long n);
int JOIN(save_, PART)(void);
int JOIN(load_, PART)(void);

unsigned long JOIN(run_, PART)(unsigned long x, long n) {
  for (long i = 0; i < n; i++)
    x = x * FACTOR + ADDEND;
  return x;
}

int JOIN(save_, PART)(void) { return __builtin_ckpt_save(); }
int JOIN(load_, PART)(void) { return __builtin_ckpt_load(); }
#else
#include "behaviour.h"

#include <pthread.h>
#include <stdbool.h>
#include <sys/stat.h>

#define STEP 20000
#define HOOKS(X) X(trap) X(insn) X(syscall) X(interrupt) X(auto)
#define DECLARE(hook)                                                          \
  unsigned long run_##hook(unsigned long x, long n);                           \
  int save_##hook(void), load_##hook(void);
HOOKS(DECLARE)
#define ROW(hook) {run_##hook, save_##hook, load_##hook},
static const struct {
  unsigned long (*run)(unsigned long x, long n);
  int (*save)(void), (*load)(void);
} parts[] = {HOOKS(ROW)};
#define PARTS (int)(sizeof parts / sizeof *parts)

static int thread_count, event_count;
static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;

// What a thread has after so many steps: powers of the map, by squaring.
static unsigned long expected(unsigned long x, unsigned long steps) {
  unsigned long factor = FACTOR, addend = ADDEND;
  for (unsigned long n = steps * STEP; n; n /= 2) {
    if (n % 2)
      x = x * factor + addend;
    addend += addend * factor;
    factor *= factor;
  }
  return x;
}

// Names are not rolled back: how many saves and loads were begun.
static int begun(void) {
  static int known; // no fewer
  char name[32];
  for (;; known++) {
    snprintf(name, sizeof name, "event-%d", known);
    if (access(name, F_OK))
      return known;
  }
}

// In turn a save, and a load that goes back to it: its thread comes back from
// the save, this one is wherever it was then. False: enough of them.
static bool save_or_load(int part) {
  char name[32];
  pthread_mutex_lock(&turn);
  int number = begun();
  if (number < event_count) {
    snprintf(name, sizeof name, "event-%d", number);
    CHECK(!mkdir(name, 0700));
    int result = number % 2 ? parts[part].load() : parts[part].save();
    CHECK_EQUAL(number % 2, 0);
    CHECK_EQUAL(result, begun() - number - 1); // 0, or 1 behind the load
  }
  pthread_mutex_unlock(&turn);
  return number < event_count;
}

static void *work(void *argument) {
  unsigned long seed = (unsigned long)argument, x = seed, steps = 0;
  do {
    for (int part = 0; part < PARTS; part++) {
      x = parts[part].run(x, STEP);
      CHECK_EQUAL(x, expected(seed, ++steps));
    }
  } while (save_or_load((int)((steps / PARTS + seed) % PARTS)));
  return 0;
}

int main(void) {
  bool stress = atoi(getenv("HWCKPT_STRESS"));
  pthread_t threads[64];
  double begin = now();
  thread_count = stress ? 64 : 16;
  event_count = stress ? 4000 : 200;
  for (long i = 0; i < thread_count; i++)
    CHECK(!pthread_create(&threads[i], 0, work, (void *)(i + 1)));
  for (int i = 0; i < thread_count; i++)
    CHECK(!pthread_join(threads[i], 0));
  printf("%d loads, %.1f s\n", event_count / 2, now() - begin);
  return 0;
}
#endif
