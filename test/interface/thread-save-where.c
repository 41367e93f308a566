// A thread goes back alone from wherever it stands: from a coroutine, a
// signal's handler on whatever stack, with signals pending, far deeper or
// higher on its stack, in a critical section, with pages that are watched. It
// refuses to be saved where it could not go back to or there is no room, and to
// go back into memory that is gone.
// RUN: %behaviour %s -o %t
// RUN: %clang -shared -fPIC -ftls-model=initial-exec -DLIBRARY %s -o %t.so
// RUN: %t coroutine && %t pending && %t handler && %t disarmed && %t deep
// RUN: %t section && %t watched && %t floating && %t fork
// RUN: %t library %t.so && %t cleanup && %t many
// RUN: HWCKPT_OPTIONS=track=mprotect %t section && HWCKPT_OPTIONS=track=mprotect %t deep
// RUN: HWCKPT_OPTIONS=rollback_on=ill:rollback_scope=thread %t registers
// RUN: %t gone 2>%t.said && FileCheck %s --check-prefix=GONE --input-file=%t.said
// GONE: HWCKPT-E360: {{.*}}: thread: {{.*}} at 0x{{.*}} is not mapped any more
// RUN: HWCKPT_OPTIONS=rollback_on=segv:rollback_scope=thread %t fails 2>&1 | grep -c "HWCKPT-E360: .* is not mapped any more"
#ifdef LIBRARY
__thread int of_library = 77;
int get(void) { return of_library; }
#else
#include "behaviour.h"
#include "hwckpt.h"
#include <dlfcn.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <ucontext.h>

#define PAGE 4096
#define STACK (256 * 1024)

static void *memory(size_t size) {
  void *at =
      mmap(0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(at != MAP_FAILED);
  return at;
}

// Its frame lies below all that is in use.
__attribute__((noinline)) static void use(size_t bytes) {
  volatile char room[STACK];
  memset((char *)room, 0x5A, sizeof room);
  if (bytes > STACK)
    use(bytes - STACK);
  CHECK_EQUAL(room[STACK / 2], 0x5A);
}

// ---- stacks of the program's own making ----

static ucontext_t thread, coroutine;

static void in_coroutine(void) {
  CHECK_EQUAL(hwckpt_thread_save(0), -EINVAL);
  swapcontext(&coroutine, &thread);
  CHECK_EQUAL(hwckpt_thread_load(), 0); // never
}

// A save is refused there, and a load from there works.
static void *coroutines(void *argument) {
  volatile int entered = 0;
  char *stack = argument;
  CHECK_EQUAL(getcontext(&coroutine), 0);
  coroutine.uc_stack = (stack_t){.ss_sp = stack, .ss_size = STACK};
  coroutine.uc_link = 0;
  makecontext(&coroutine, in_coroutine, 0);
  CHECK_EQUAL(swapcontext(&thread, &coroutine), 0);
  int n = hwckpt_thread_save(0);
  CHECK_EQUAL(entered, 0);
  if (n == 0) {
    entered = 1;
    swapcontext(&thread, &coroutine);
    CHECK(0);
  }
  CHECK_EQUAL(n, 1);
  hwckpt_thread_drop();
  return 0;
}

// ---- signals ----

static _Atomic int handled;
static char *stack_of_thread;

// Much more than the runtime has for itself.
static void handler_with_much(int number) {
  volatile char here = 1;
  CHECK((char *)&here < stack_of_thread &&
        stack_of_thread - (char *)&here < STACK);
  use(4 * STACK);
  handled += number == SIGUSR1;
}

// It comes when the mask is put back, on the stack of the thread.
static void *pending(void *argument) {
  struct sigaction action = {.sa_handler = handler_with_much};
  sigset_t mask;
  CHECK_EQUAL(sigaction(SIGUSR1, &action, 0), 0);
  sigemptyset(&mask);
  sigaddset(&mask, SIGUSR1);
  handled = 0;
  volatile long here = 1;
  stack_of_thread = (char *)&here;
  int n = hwckpt_thread_save(0);
  CHECK_EQUAL(handled, n);
  CHECK_EQUAL(here, 1);
  if (n < 3) {
    here = 2;
    pthread_sigmask(SIG_BLOCK, &mask, 0);
    pthread_kill(pthread_self(), SIGUSR1);
    CHECK_EQUAL(handled, n);
    CHECK_EQUAL(hwckpt_thread_load(), 0);
  }
  hwckpt_thread_drop();
  return argument;
}

static void go_back(int number) {
  CHECK(number == SIGALRM);
  CHECK_EQUAL(hwckpt_thread_load(), 0);
}

// An item that takes too long: its thread waits in a call, or computes.
static void *handler(void *argument) {
  struct sigaction action = {.sa_handler = go_back};
  sigset_t now;
  CHECK_EQUAL(sigaction(SIGALRM, &action, 0), 0);
  int n = hwckpt_thread_save(0);
  CHECK(n >= 0);
  pthread_sigmask(SIG_SETMASK, 0, &now);
  CHECK(!sigismember(&now, SIGALRM));
  if (n < 20) {
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID,
                             .sigev_signo = SIGALRM};
    struct itimerspec soon = {.it_value.tv_nsec = 1000000};
    timer_t timer;
    event._sigev_un._tid = gettid();
    CHECK_EQUAL(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
    CHECK_EQUAL(timer_settime(timer, 0, &soon, 0), 0);
    for (volatile long i = 0;; i++)
      if (n % 2)
        pause();
  }
  hwckpt_thread_drop();
  return argument;
}

// A stack that is taken away while its handler runs is there again.
static void *disarmed(void *argument) {
  stack_t stack = {.ss_sp = memory(STACK), .ss_size = STACK}, now;
  struct sigaction action = {.sa_handler = go_back, .sa_flags = SA_ONSTACK};
  CHECK_EQUAL(sigaction(SIGALRM, &action, 0), 0);
  for (unsigned i = 0; i < 2; i++) {
    stack.ss_flags = i ? (int)(1u << 31) : 0; // SS_AUTODISARM
    CHECK_EQUAL(sigaltstack(&stack, 0), 0);
    int n = hwckpt_thread_save(0);
    CHECK_EQUAL(sigaltstack(0, &now), 0);
    CHECK(now.ss_sp == stack.ss_sp && now.ss_size == STACK);
    CHECK_EQUAL(now.ss_flags, stack.ss_flags);
    if (n < 3) {
      pthread_kill(pthread_self(), SIGALRM);
      CHECK(0);
    }
  }
  int n = hwckpt_thread_save(0);
  if (n < 3) {
    stack_t other = {.ss_sp = memory(STACK), .ss_size = STACK};
    CHECK_EQUAL(sigaltstack(0, &now), 0);
    CHECK(now.ss_sp == stack.ss_sp);
    CHECK_EQUAL(sigaltstack(&other, 0), 0);
    hwckpt_thread_load();
  }
  hwckpt_thread_drop();
  stack.ss_flags = SS_DISABLE;
  CHECK_EQUAL(sigaltstack(&stack, 0), 0);
  return argument;
}

// ---- deep and high ----

static jmp_buf high;

__attribute__((noinline)) static int save_at(int depth) {
  volatile long room[500];
  for (int i = 0; i < 500; i++)
    room[i] = depth * 1000 + i;
  int n = depth ? save_at(depth - 1) : hwckpt_thread_save(0);
  for (int i = 0; i < 500; i++)
    CHECK_EQUAL(room[i], depth * 1000 + i);
  return n;
}

static void *deep(void *argument) {
  volatile int jumped = 0;
  int n = save_at(900); // 3.6 MB
  CHECK_EQUAL(jumped, 0);
  CHECK(n >= 0);
  if (n < 2) {
    jumped = 1;
    if (setjmp(high))
      hwckpt_thread_load(); // higher up than the save was made
    longjmp(high, 1);
  }
  n = hwckpt_thread_save(0);
  CHECK(n >= 0);
  if (n < 2) {
    use(6 << 20);
    hwckpt_thread_load();
  }
  hwckpt_thread_drop();
  return argument;
}

// ---- the runtime's own ----

// No section can be open at a save, and a load ends those that were begun.
static void *section(void *argument) {
  CHECK_EQUAL(hwckpt_disable(), 0);
  CHECK_EQUAL(hwckpt_thread_save(0), -EDEADLK);
  CHECK_EQUAL(hwckpt_enable(), 0);
  CHECK_EQUAL(hwckpt_enable(), -EPERM);
  int n = hwckpt_thread_save(0);
  CHECK_EQUAL(hwckpt_enable(), -EPERM);
  CHECK_EQUAL(__builtin_ckpt_save(), 0);
  if (n < 2) {
    CHECK_EQUAL(hwckpt_disable(), 0);
    CHECK_EQUAL(hwckpt_disable(), 0);
    hwckpt_thread_load();
  }
  hwckpt_thread_drop();
  return argument;
}

// Pages that are write-protected, since they are watched, are put back too.
static void *watched(void *argument) {
  static struct {
    _Alignas(PAGE) char bytes[16 * PAGE];
  } item;
  CHECK_EQUAL(hwckpt_region("item", "b", item.bytes, sizeof item, HWCKPT_BYTES),
              0);
  CHECK_EQUAL(hwckpt_watch(item.bytes, sizeof item.bytes), 0);
  item.bytes[5] = 1;
  int n = hwckpt_thread_save("item");
  CHECK_EQUAL(item.bytes[5], 1);
  if (n < 3) {
    item.bytes[5] = 2;
    CHECK(__builtin_ckpt_save() >= 0); // protects them again
    hwckpt_thread_load();
  }
  CHECK_EQUAL(n, 3);
  CHECK_EQUAL(hwckpt_unwatch(item.bytes, sizeof item.bytes), 0);
  hwckpt_thread_drop();
  return argument;
}

static void round_to(unsigned short mode) {
  unsigned short word;
  unsigned vectors = 0x1F80u | (unsigned)mode << 3; // exceptions masked
  __asm__("fnstcw %0" : "=m"(word));
  word = (unsigned short)((word & ~0xC00u) | mode);
  __asm__ volatile("fldcw %0; ldmxcsr %1" ::"m"(word), "m"(vectors));
}

// Modes, and an empty stack of the old floating-point unit.
static void *floating(void *argument) {
  unsigned short word;
  unsigned vectors;
  round_to(0x400);
  int n = hwckpt_thread_save(0);
  __asm__ volatile("fnstcw %0; stmxcsr %1" : "=m"(word), "=m"(vectors));
  CHECK_EQUAL(word & 0xC00, 0x400);
  CHECK_EQUAL(vectors & 0x6000, 0x2000);
  long double sum[8];
  __asm__ volatile("fld1; fld1; fld1; fld1; fld1; fld1; fld1; fld1\n"
                   "fstpt (%0); fstpt 16(%0); fstpt 32(%0); fstpt 48(%0)\n"
                   "fstpt 64(%0); fstpt 80(%0); fstpt 96(%0); fstpt 112(%0)"
                   :
                   : "r"(sum)
                   : "memory");
  for (int i = 0; i < 8; i++)
    CHECK(sum[i] == 1.0L);
  if (n < 3) {
    round_to(0x800);
    // As by a function that failed in the middle of a computation.
    __asm__ volatile("fld1; fld1; fld1; fld1; fld1" ::: "memory");
    hwckpt_thread_load();
  }
  round_to(0);
  hwckpt_thread_drop();
  return argument;
}

// Saves with numbers in all registers that a call keeps, and says what is in
// them when it returns.
int save_with_registers(uint64_t seen[6]);
__asm__(".text\n"
        "save_with_registers:\n"
        "  push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"
        "  push %rdi\n"
        "  mov $11, %ebx; mov $12, %ebp; mov $13, %r12d\n"
        "  mov $14, %r13d; mov $15, %r14d; mov $16, %r15d\n"
        "  xor %edi, %edi\n"
        "  call hwckpt_thread_save\n"
        "  mov (%rsp), %rdi\n"
        "  mov %rbx, (%rdi); mov %rbp, 8(%rdi); mov %r12, 16(%rdi)\n"
        "  mov %r13, 24(%rdi); mov %r14, 32(%rdi); mov %r15, 40(%rdi)\n"
        "  pop %rdi\n"
        "  pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx\n"
        "  ret\n");

// The direction of string instructions is forwards again, as for any call.
__attribute__((noinline)) static void fail_with_registers(void) {
  __asm__ volatile("mov $-1, %%rbx; mov %%rbx, %%r12; mov %%rbx, %%r13\n"
                   "mov %%rbx, %%r14; mov %%rbx, %%r15\n"
                   "std; mov %%rbx, %%rbp; ud2" ::
                       : "rbx", "r12", "r13", "r14", "r15", "memory");
}

static void *registers(void *argument) {
  uint64_t seen[6], flags;
  int n = save_with_registers(seen);
  __asm__ volatile("pushf; pop %0" : "=r"(flags));
  CHECK(!(flags & 0x400));
  for (unsigned i = 0; i < 6; i++)
    CHECK_EQUAL(seen[i], 11 + i);
  if (n < 2)
    fail_with_registers();
  CHECK_EQUAL(n, 2);
  hwckpt_thread_drop();
  return argument;
}

// A child has no save; what it does is nothing to its parent's.
static void *forks(void *argument) {
  int status;
  int n = hwckpt_thread_save(0);
  if (n < 2) {
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
      int load = hwckpt_thread_load(), save = hwckpt_thread_save(0);
      hwckpt_thread_drop();
      _exit(load == -ENOENT && save == -ENOSYS ? 7 : 1);
    }
    CHECK_EQUAL(waitpid(child, &status, 0), child);
    CHECK(WIFEXITED(status));
    CHECK_EQUAL(WEXITSTATUS(status), 7);
    hwckpt_thread_load();
  }
  CHECK_EQUAL(n, 2);
  hwckpt_thread_drop();
  return argument;
}

// What a library has in the thread when it is loaded is not taken away.
static void *library(void *argument) {
  static int (*get)(void);
  errno = 0;
  int n = hwckpt_thread_save(0);
  if (n == 0) {
    void *handle = dlopen(argument, RTLD_NOW);
    CHECK(handle);
    get = (int (*)(void))(uintptr_t)dlsym(handle, "get");
    CHECK(get);
    CHECK_EQUAL(get(), 77);
    errno = 5;
    hwckpt_thread_load();
  }
  int was = errno;
  CHECK_EQUAL(was, 5); // libc's own
  CHECK_EQUAL(get(), 77);
  hwckpt_thread_drop();
  return argument;
}

static void never(void *argument) { CHECK(!argument); }

// Handlers of functions that are gone are not called when the thread ends.
static void *cleanup(void *argument) {
  static _Atomic int once;
  int n = hwckpt_thread_save(0);
  if (n == 0) {
    pthread_cleanup_push(never, (void *)&once);
    hwckpt_thread_load();
    pthread_cleanup_pop(0);
  }
  use(STACK);
  hwckpt_thread_drop();
  pthread_exit(argument);
}

// What there is room for: so many parts, so many threads.
static void *parts_of_many(void *argument) {
  static char part[40];
  for (unsigned i = 0; i < sizeof part; i++) {
    char name[8];
    snprintf(name, sizeof name, "%u", i);
    CHECK_EQUAL(hwckpt_region("many", name, &part[i], 1, HWCKPT_BYTES), 0);
  }
  CHECK_EQUAL(hwckpt_thread_save("many"), -ENOMEM);
  CHECK_EQUAL(hwckpt_thread_load(), -ENOENT);
  CHECK_EQUAL(hwckpt_thread_save(0), 0);
  hwckpt_thread_drop();
  return argument;
}

#define SAVES 256
static pthread_barrier_t all_saved;
static _Atomic int refused;

static void *one_of_many(void *argument) {
  int n = hwckpt_thread_save(0);
  CHECK(n == 0 || n == -ENOMEM);
  refused += n < 0;
  pthread_barrier_wait(&all_saved);
  return argument; // without a drop
}

static void many_threads(void) {
  pthread_t threads[SAVES + 1];
  for (int round = 0; round < 2; round++) {
    refused = 0;
    pthread_barrier_init(&all_saved, 0, SAVES + 1);
    for (int i = 0; i <= SAVES; i++)
      CHECK_EQUAL(pthread_create(&threads[i], 0, one_of_many, 0), 0);
    for (int i = 0; i <= SAVES; i++)
      CHECK_EQUAL(pthread_join(threads[i], 0), 0);
    CHECK_EQUAL(refused, 1);
  }
}

static void *gone(void *argument) {
  char *item = memory(4 * PAGE);
  CHECK_EQUAL(hwckpt_region("gone", "item", item, 4 * PAGE, HWCKPT_BYTES), 0);
  CHECK_EQUAL(hwckpt_thread_save("gone"), 0);
  CHECK_EQUAL(munmap(item + PAGE, PAGE), 0);
  volatile int here = 3;
  CHECK_EQUAL(hwckpt_thread_load(), -EFAULT);
  CHECK_EQUAL(here, 3);
  hwckpt_thread_drop();
  return argument;
}

// So after a failure: then the whole program is rolled back.
static void *fails(void *argument) {
  int n = __builtin_ckpt_save();
  CHECK(n == 0 || n == 1);
  if (n)
    return argument;
  char *item = memory(4 * PAGE);
  CHECK_EQUAL(hwckpt_region("gone", "item", item, 4 * PAGE, HWCKPT_BYTES), 0);
  CHECK_EQUAL(hwckpt_thread_save("gone"), 0);
  CHECK_EQUAL(munmap(item + PAGE, PAGE), 0);
  item[PAGE] = 1;
  CHECK(0);
  return argument;
}

static void both(void *(*function)(void *), void *argument) {
  pthread_t other;
  CHECK_EQUAL(pthread_create(&other, 0, function, argument), 0);
  CHECK_EQUAL(pthread_join(other, 0), 0);
  function(argument);
}

int main(int argc, char **argv) {
  static const struct {
    const char *name;
    void *(*function)(void *);
  } parts[] = {
      {"pending", pending},     {"handler", handler}, {"disarmed", disarmed},
      {"deep", deep},           {"section", section}, {"watched", watched},
      {"floating", floating},   {"fork", forks},      {"gone", gone},
      {"registers", registers}, {"fails", fails}};
  CHECK(argc >= 2);
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
    if (!strcmp(argv[1], parts[i].name))
      both(parts[i].function, 0);
  if (!strcmp(argv[1], "coroutine")) {
    both(coroutines, memory(STACK));
    both(coroutines, malloc(STACK));
    static char data[STACK];
    both(coroutines, data);
  }
  pthread_t other;
  if (!strcmp(argv[1], "library")) {
    CHECK_EQUAL(pthread_create(&other, 0, library, argv[2]), 0);
    CHECK_EQUAL(pthread_join(other, 0), 0);
  }
  if (!strcmp(argv[1], "many")) {
    both(parts_of_many, 0);
    many_threads();
  }
  if (!strcmp(argv[1], "cleanup"))
    both(cleanup, 0);
  return 0;
}
#endif
