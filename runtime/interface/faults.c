/* faults.c - see faults.h.
 *
 * The handler runs on the failing thread with all signals blocked, on the
 * alternate stack that the thread got in the stop of a checkpoint
 * (support/alternate_stacks.h): its own stack pointer may be what is wrong. It
 * relies on the runtime's own memory, and on nothing of the program's.
 */
#include "faults.h"

#include "../arch/arch.h"
#include "../arch/sys.h"
#include "../support/calls.h"
#include "../support/live.h"
#include "../support/protect.h"
#include "../support/quiesce.h"
#include "events.h"
#include "thread_calls.h"
#include "trap_actions.h"
#include "watch_pages.h"

#include <signal.h>
#include <stdatomic.h>
#include <string.h>

#define DESCRIPTION 200

/* What can be asked for; `check` and `handled` are no signals. */
enum { CHECK = 64, HANDLED };
static const struct word {
  const char *name;
  unsigned bit;
} words[] = {{"segv", SIGSEGV}, {"bus", SIGBUS},    {"fpe", SIGFPE},
             {"ill", SIGILL},   {"abort", SIGABRT}, {"check", CHECK - 1},
             {"handled", 0}};

static struct {
  uint64_t on;  /* bit (n - 1) of signal n, and of CHECK */
  bool handled; /* also when the program has a handler */
  bool threads; /* alone, where they can */
  bool writes;  /* written pages are found by SIGSEGV */
  int64_t verbosity;
  uint32_t retries;
} wanted;

/* The failure that is being rolled back: the first of several at a time. */
enum { NONE, NOTING, NOTED };
static LIVE struct {
  _Atomic uint32_t state;
  char description[DESCRIPTION];
} failure;

/* Rollbacks because of failures, to one generation. */
static LIVE struct {
  uint64_t generation;
  uint32_t count;
} retries;

static bool is_word(const char *text, size_t length, const char *word) {
  return strlen(word) == length && memcmp(text, word, length) == 0;
}

static void want(const char *text, size_t length) {
  bool all = is_word(text, length, "all");
  for (unsigned i = 0; i < sizeof words / sizeof *words; i++) {
    bool named = is_word(text, length, words[i].name);
    if (words[i].bit && (all || named))
      wanted.on |=
          1ull << (words[i].bit == CHECK - 1 ? CHECK - 1 : words[i].bit - 1);
    wanted.handled |= named && !words[i].bit;
  }
}

static bool is_wanted(unsigned bit) { return wanted.on >> bit & 1; }

static void on_fault(int number, siginfo_t *info, void *context) {
  if (number == SIGSEGV &&
      (watch_pages_fault(info, context) || protect_fault(info, context)))
    return;
  faults_signal(number, info, context);
  trap_actions_pass(number, info, context);
}

/* A fault whose signal is blocked kills: it is unblocked here, and not blocked
 * by libc's functions (interpose.c). */
static void install(int number) {
  uint64_t bit = 1ull << (number - 1);
  if (!is_wanted((unsigned)number - 1) && !(wanted.writes && number == SIGSEGV))
    return;
  if (number != SIGILL) /* is handled anyway, hooks.c */
    trap_actions_install(number, on_fault);
  if (number != SIGABRT)
    SYS(rt_sigprocmask, SIG_UNBLOCK, &bit, 0, 8);
}

void faults_catch_writes(void) {
  trap_actions_install(SIGSEGV, on_fault);
  trap_actions_keep_open(SIGSEGV);
  trap_actions_keep_open(SIGTRAP); /* behind the write */
}

void faults_start(const struct hwckpt_options *options) {
  for (const char *text = options->rollback_on; *text;) {
    size_t length = 0;
    while (text[length] && text[length] != '+' && text[length] != ',')
      length++;
    want(text, length);
    text += length + (text[length] != 0);
  }
  wanted.writes = options->track[0] == 'm' && calls_tell_all();
  faults_restored(options);
  for (unsigned i = 0; i < sizeof words / sizeof *words; i++)
    if (words[i].bit && words[i].bit != CHECK - 1)
      install((int)words[i].bit);
}

void faults_restored(const struct hwckpt_options *options) {
  wanted.retries = (uint32_t)options->rollback_retries;
  wanted.threads = options->rollback_scope[0] == 't';
  wanted.verbosity = options->verbosity;
  atomic_store(&failure.state, NONE);
  retries.generation = retries.count = 0;
}

bool faults_take_threads(void) { return wanted.threads && wanted.on; }

/* ---- on the failing thread ---- */

static const char *signal_name(int number) {
  switch (number) {
  case SIGSEGV:
    return "SIGSEGV";
  case SIGBUS:
    return "SIGBUS";
  case SIGFPE:
    return "SIGFPE";
  case SIGILL:
    return "SIGILL";
  default:
    return "SIGABRT";
  }
}

static void describe_signal(char *text, int number, const siginfo_t *info,
                            const ucontext_t *context) {
  size_t length =
      hwckpt_format(text, DESCRIPTION, "%s at 0x%llx", signal_name(number),
                    (unsigned long long)arch_context_pc(context));
  if (number == SIGSEGV || number == SIGBUS)
    hwckpt_format(text + length, DESCRIPTION - length, ", address 0x%llx",
                  (unsigned long long)info->si_addr);
}

static void write_error(const struct hwckpt_error *error) {
  char text[1400];
  SYS(write, 2, text, hwckpt_error_text(error, "hwckpt", text, sizeof text));
}

/* Whether rolling back is of no more use. */
static bool in_vain(const char *description, uint64_t generation) {
  if (retries.generation != generation || retries.count < wanted.retries)
    return false;
  struct hwckpt_error error;
  hwckpt_fail(&error, HWCKPT_E_FAILS_AGAIN, 0, description,
              "after %u rollbacks to generation %llu", retries.count,
              (unsigned long long)generation);
  write_error(&error);
  return true;
}

/* Of the failures that come together one is told. */
static void note(const char *description) {
  uint32_t none = NONE;
  if (!atomic_compare_exchange_strong(&failure.state, &none, NOTING))
    return;
  hwckpt_format(failure.description, sizeof failure.description, "%s",
                description);
  atomic_store(&failure.state, NOTED);
}

static void say(const char *text) { SYS(write, 2, text, strlen(text)); }

/* The thread alone, if it has saved itself; that is told before it goes. */
static void take_thread_back(const char *description) {
  char text[2 * DESCRIPTION];
  uint32_t times;
  if (!wanted.threads || !thread_calls_saved(&times))
    return;
  if (times >= wanted.retries) {
    struct hwckpt_error error;
    hwckpt_fail(&error, HWCKPT_E_FAILS_AGAIN, 0, description,
                "its thread went back %u times", times);
    write_error(&error);
    return;
  }
  hwckpt_format(text, sizeof text,
                "hwckpt: %s: thread %d goes back alone, %u of %u\n",
                description, (int)SYS(gettid), times + 1, wanted.retries);
  if (wanted.verbosity > 0)
    say(text);
  thread_calls_load();
}

static bool is_of_use(const char *description) {
  uint64_t generation = events_newest();
  return generation && !in_vain(description, generation);
}

/* What another process sends is no failure of the program. */
static bool is_own(const siginfo_t *info) {
  return info->si_code > 0 || info->si_pid == (int)SYS(getpid);
}

void faults_signal(int number, const siginfo_t *info, void *context) {
  char description[DESCRIPTION];
  if (!is_wanted((unsigned)number - 1) || !events_here() || !is_own(info) ||
      (trap_actions_handled(number) && !wanted.handled))
    return;
  describe_signal(description, number, info, context);
  take_thread_back(description);
  if (!is_of_use(description))
    return;
  note(description);
  events_load(context);
  atomic_store(&failure.state, NONE); /* it could not be */
}

static void describe_check(char *text, const char *condition, const char *file,
                           int line) {
  hwckpt_format(text, DESCRIPTION, "%s:%d: check failed: %s", file, line,
                condition);
}

bool faults_check(const char *condition, const char *file, int line) {
  char description[DESCRIPTION];
  if (!is_wanted(CHECK - 1) || !events_here())
    return false;
  describe_check(description, condition, file, line);
  take_thread_back(description);
  if (!is_of_use(description))
    return false;
  note(description);
  return true;
}

_Noreturn void faults_check_failed(const char *condition, const char *file,
                                   int line) {
  char description[DESCRIPTION];
  uint64_t bit = 1ull << (SIGABRT - 1);
  describe_check(description, condition, file, line);
  size_t length = strlen(description);
  atomic_store(&failure.state, NONE);
  description[length] = '\n'; /* in the place of the NUL */
  SYS(write, 2, description, length + 1);
  /* As abort(): the program's handler has its turn, then the signal kills. */
  SYS(rt_sigprocmask, SIG_UNBLOCK, &bit, 0, 8);
  wanted.on &= ~bit;
  SYS(tgkill, SYS(getpid), SYS(gettid), SIGABRT);
  for (;;) {
    struct sigaction_raw by_default = {0};
    SYS(rt_sigaction, SIGABRT, &by_default, 0, 8);
    SYS(tgkill, SYS(getpid), SYS(gettid), SIGABRT);
  }
}

/* ---- on the checkpoint thread ---- */

const char *faults_rolled_back(const char *application, uint64_t generation) {
  static LIVE char said[2 * DESCRIPTION];
  if (atomic_load(&failure.state) != NOTED)
    return 0;
  if (retries.generation != generation)
    retries.count = 0;
  retries.generation = generation;
  retries.count++;
  hwckpt_format(said, sizeof said, "%s: rollback %u of %u to %s/%llu",
                failure.description, retries.count, wanted.retries, application,
                (unsigned long long)generation);
  atomic_store(&failure.state, NONE);
  return said;
}
