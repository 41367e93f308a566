/* start.c - start-up of the runtime, in the program and in the restored
 * program, and the public functions. */
#include "../../intrinsics/hwckpt_isa.h"
#include "../arch/arch.h"
#include "../arch/sys.h"
#include "../cache/default_path.h"
#include "../resources/resource.h"
#include "../support/checkpoint.h"
#include "../support/exclude.h"
#include "../support/handlers.h"
#include "../support/quiesce.h"
#include "../support/restored.h"
#include "../support/undo.h"
#include "cut.h"
#include "ending.h"
#include "entries.h"
#include "events.h"
#include "exec.h"
#include "faults.h"
#include "hooks.h"
#include "monitor.h"
#include "settings.h"
#include "signals.h"
#include "sites.h"
#include "trap_actions.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/auxv.h>

#define EXPORTED __attribute__((visibility("default")))

extern char **environ;

#define ENDED_MS 10 /* so long threads may be counted that have ended */
/* In a set of signals. */
#define STOP_SIGNAL_BIT (1ull << (STOP_SIGNAL - 1))

/* How programs with the runtime linked in are known. */
__attribute__((section(".note.hwckpt"), used, aligned(4))) static const struct {
  uint32_t name_size, content_size, type;
  char name[(sizeof HWCKPT_NOTE_NAME + 3) / 4 * 4];
} runtime_note = {sizeof HWCKPT_NOTE_NAME, 0, HWCKPT_NOTE_RUNTIME,
                  HWCKPT_NOTE_NAME};

/* Where the dynamic linker has the preloaded runtime from; empty: linked in. */
static char preloaded[4096];

/* What HWCKPT_OPTIONS said at the start; a restore adds to it. */
static char options_text[4096];
static struct hwckpt_options options;

EXPORTED int hwckpt_request(void);
EXPORTED int hwckpt_checkpoint(void);
EXPORTED int hwckpt_load(void);
EXPORTED _Noreturn void hwckpt_check_failed(const char *condition,
                                            const char *file, int line);
EXPORTED int hwckpt_exclude(void *address, size_t length);
EXPORTED int hwckpt_include(void *address, size_t length);

int hwckpt_request(void) { return events_request(Event_EVENT_API, 0); }

/* In a child nothing is checkpointed, and another thread of the parent may have
 * left the table locked. */
static int change_exclusion(int (*change)(uint64_t begin, uint64_t end),
                            void *address, size_t length) {
  uint64_t begin = (uint64_t)address;
  if (!events_here())
    return -ENOSYS;
  return begin + length < begin ? -EINVAL : change(begin, begin + length);
}

int hwckpt_exclude(void *address, size_t length) {
  return change_exclusion(exclude_add, address, length);
}

int hwckpt_include(void *address, size_t length) {
  return change_exclusion(exclude_remove, address, length);
}

/* The checkpoint instructions themselves: their handler does the rest. */
#define INSTRUCTION(operation, result)                                         \
  __asm__ volatile(                                                            \
      ".byte %c[b0], %c[b1], %c[modrm], %c[sib]\n\t"                           \
      ".long %c[imm]"                                                          \
      : "=a"(result)                                                           \
      : [b0] "i"(HWCKPT_INSN_BYTE0), [b1] "i"(HWCKPT_INSN_TRAP),               \
        [modrm] "i"(HWCKPT_INSN_MODRM), [sib] "i"(HWCKPT_INSN_SIB),            \
        [imm] "i"(HWCKPT_IMM(operation, HWCKPT_KIND_ANNOTATED))                \
      : "memory")

__attribute__((noinline)) int hwckpt_checkpoint(void) {
  int result;
  INSTRUCTION(HWCKPT_OP_SAVE, result);
  return result;
}

__attribute__((noinline)) int hwckpt_load(void) {
  int result;
  INSTRUCTION(HWCKPT_OP_LOAD, result);
  return result;
}

void hwckpt_check_failed(const char *condition, const char *file, int line) {
  if (faults_check(condition, file, line))
    hwckpt_load();
  faults_check_failed(condition, file, line);
}

static const char *environment(const char *name) {
  size_t length = strlen(name);
  for (char **entry = environ; entry && *entry; entry++)
    if (strlen(*entry) > length && memcmp(*entry, name, length) == 0 &&
        (*entry)[length] == '=')
      return *entry + length + 1;
  return 0;
}

/* On a thread of the program. */
static void say_here(const struct hwckpt_error *error) {
  char text[1400];
  hwckpt_error_text(error, "hwckpt", text, sizeof text);
  hwckpt_face_report(text);
}

static _Noreturn void give_up(const struct hwckpt_error *error) {
  say_here(error);
  for (;;)
    SYS(exit_group, 125);
}

/* Parses options_text; a wrong option ends the program before it begins. */
static void read_options(void) {
  static struct hwckpt_error error;
  static char key_file[4096];
  if (hwckpt_face_options(options_text, &options, &error) < 0)
    give_up(&error);
  settings_path(options.key_file, key_file, sizeof key_file);
  options.key_file = key_file;
}

/* Takes name=VALUE, which is the tool's and has no quotes, out of the text. */
static void forget_option(char *text, const char *name) {
  size_t length = strlen(name);
  for (char *at = text; *at;) {
    bool is_it = (at == text || at[-1] == ':') && strlen(at) >= length &&
                 memcmp(at, name, length) == 0;
    if (!is_it) {
      at++;
      continue;
    }
    char *end = at;
    while (*end && *end != ':')
      end++;
    end += *end == ':';
    memmove(at, end, strlen(end) + 1);
  }
}

static void restored(const char *cache, const char *application,
                     const char *override, uint64_t generation, int tracking) {
  /* Of who restored it before: it is not in the way of the new one. */
  forget_option(options_text, "tree=");
  forget_option(options_text, "key=");
  forget_option(options_text, "entered=");
  size_t length = strlen(options_text);
  if (*override)
    hwckpt_format(options_text + length, sizeof options_text - length, "%s%s",
                  length ? ":" : "", override);
  read_options();
  resources_executed_in(options.entered);
  monitors_read_rules(options.on, say_here);
  hooks_restored();
  sites_forget();
  monitors_forget();
  cut_forget();
  cut_came_back();
  faults_restored(&options);
  events_start(&options, cache, application, generation, tracking);
  events_await_monitors();
}

/* A preloaded runtime serves this program, and what takes its place (exec.c),
 * and not its children: it takes itself out of the list, which programs then
 * find as it was without us. */
static void leave_preload(void) {
  static const char key[] = "LD_PRELOAD=", own[] = "/hwckpt-preload.so";
  for (char **entry = environ; entry && *entry; entry++) {
    if (strlen(*entry) < sizeof key - 1 ||
        memcmp(*entry, key, sizeof key - 1) != 0)
      continue;
    char *list = *entry + sizeof key - 1;
    size_t first = 0;
    while (list[first] && list[first] != ':')
      first++;
    if (first < sizeof own - 1 ||
        memcmp(list + first - (sizeof own - 1), own, sizeof own - 1) != 0)
      return;
    hwckpt_format(preloaded, sizeof preloaded, "%.*s", (int)first, list);
    if (list[first]) {
      memmove(list, list + first + 1, strlen(list + first + 1) + 1);
      return;
    }
    do
      entry[0] = entry[1];
    while (*entry++);
    return;
  }
}

void __hwckpt_await_written(void) {
  if (cut_is_there() && events_here())
    cut_await_written();
}

void __hwckpt_before_end(void) {
  uint64_t stop = STOP_SIGNAL_BIT;
  if (!cut_is_there() || resources_forbid_end())
    return;
  SYS(rt_sigprocmask, SIG_BLOCK, &stop, 0, 8);
  __hwckpt_await_written();
  if (events_here() && cut_is_root() && !cut_is_alone())
    undo_before_end();
}

void __hwckpt_before_thread_end(int status) {
  const struct timespec moment = {.tv_nsec = 1000000};
  if (!events_here())
    return;
  for (unsigned i = 0; !__hwckpt_is_alone(); i++) {
    if (i == ENDED_MS)
      return;
    SYS(nanosleep, &moment, 0);
  }
  __hwckpt_before_end();
  SYS(exit_group, status);
}

int __hwckpt_successor(struct hwckpt_successor *successor) {
  bool here = events_here(), together = cut_is_there();
  if (!together && !(here && *preloaded))
    return 0;
  *successor = (struct hwckpt_successor){
      *preloaded ? preloaded : options.preload, options_text,
      *options.entered ? "" : resources_entered(), together};
  return 1;
}

void __hwckpt_before_program(int folder, const char *path, int seen) {
  undo_before_program(folder, path, seen);
}

void __hwckpt_ends_with(const char *path) {
  struct hwckpt_error error;
  if (!events_here() || (cut_is_there() && !cut_is_root()))
    return; /* who takes the checkpoint finds a process without a runtime */
  hwckpt_fail(&error, HWCKPT_E_NOT_INSTRUMENTED, 0, path,
              "it takes the place of a program that is checkpointed, and no "
              "runtime can be preloaded: no checkpoint is taken from now on");
  say_here(&error);
}

/* Traps must reach us whatever mask the program was started with; the stop
 * signal when all is there that it needs. */
static void unblock(uint64_t signals) {
  SYS(rt_sigprocmask, SIG_UNBLOCK, &signals, 0, 8);
}

/* Of libc; what pthread_atfork() calls, which is no function of its own. */
extern int __register_atfork(void (*prepare)(void), void (*parent)(void),
                             void (*child)(void), void *library)
    __attribute__((weak));

__attribute__((constructor(101))) static void start(void) {
  static char given[4096], cache[4096];
  uint64_t stop = STOP_SIGNAL_BIT;
  SYS(rt_sigprocmask, SIG_BLOCK, &stop, 0, 8);
  leave_preload();
  settings_begin();
  /* What somebody else's environment says is nothing to a program with more
   * rights than he has, as to the loader: it names commands, files and where a
   * cache is made. */
  bool trusted = !getauxval(AT_SECURE);
  const char *text = trusted ? environment("HWCKPT_OPTIONS") : 0;
  hwckpt_format(options_text, sizeof options_text, "%s", text ? text : "");
  read_options();
  if (options.help)
    SYS(exit_group, 0);
  monitors_read_rules(options.on, say_here);
  if (*options.cache)
    hwckpt_format(given, sizeof given, "%s", options.cache);
  else
    cache_default_path(trusted ? environ : 0, given, sizeof given);
  settings_path(given, cache, sizeof cache);
  quiesce_install();
  if (!*preloaded)
    trap_actions_expect_traps();
  unblock(__hwckpt_never_blocked());
  arch_read_tls_directly(true);
  checkpoint_remember();
  resources_executed_in(options.entered);
  hooks_install();
  faults_start(&options);
  entries_choose(options.hook);
  restored_notify(restored, options_text);
  events_start(&options, cache, options.application, 0, -1);
  if (*options.tree && __register_atfork)
    __register_atfork(0, 0, events_forked, 0);
  unblock(STOP_SIGNAL_BIT);
  signals_install(&options); /* now, for what they ask for is done */
  events_await_monitors();
}

__attribute__((destructor(101))) static void end(void) {
  __hwckpt_before_end();
  if (!resources_forbid_end() && events_here())
    monitors_stop();
}
