/* workload.c - the program whose checkpoints are measured.
 *
 * It holds memory, writes it at a given rate and in a given manner, and notes
 * when it does what, so that what a checkpoint costs is seen by the program
 * itself: a pause is a gap between heartbeats, a restore ends with the next
 * step. By hand:
 *
 *   build/bin/clang -O2 -D_GNU_SOURCE -pthread -fhwckpt bench/workload.c \
 *       -o workload
 *   build/bin/hwckpt run --every 1s -- ./workload --rss 1024 --percent 10
 *
 * It ends with a summary: of the largest gap in each window of a second, the
 * median and so on. A gap contains the millisecond between two beats, so the
 * pause was up to 1 ms shorter. `--help` tells the options, bench/run uses
 * them.
 *
 * Threads: workers write pages, the main thread gives the heartbeats (and
 * writes, where there are no workers), others do nothing (blocked) or compute
 * (spinning).
 *
 * Invariants. Pages are written in the order of a permutation: between two
 * moments as many different pages were written as there were writes, until all
 * were. Each page tells whether it is whole (`--log`, command SWEEP). The log
 * is a shared mapping of a file, best on tmpfs: no checkpoint takes it back,
 * and what was noted before a kill is still there. Its times are
 * CLOCK_REALTIME, which a restore does not shift. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

enum { PAGE = 4096, WORDS = PAGE / sizeof(uint64_t) };
#define SECOND 1000000000ull
#define TICK (SECOND / 1000)
/* A worker that was kept from writing makes up for no more than this. */
#define MOST_OWED (SECOND / 10)
/* What one unit of `--units` computes: a millisecond at most. */
#define UNIT_ROUNDS 250000

/* ---- the log ---- */

#define LOG_MAGIC 0x31676f6c6b726f77ull /* "worklog1" */
enum { LOG_ENTRIES = 1 << 20 };
enum kind { BEAT, STEP, SWEPT, FILLED, DONE, SWEEPING };
enum command { NOTHING, SWEEP, END };

struct entry {
  uint64_t time; /* CLOCK_REALTIME, ns */
  uint32_t kind; /* enum kind */
  uint32_t
      thread; /* number of the worker; of SWEPT how many pages are damaged */
  uint64_t writes; /* pages written so far, by all workers, that changed */
};

struct log {
  uint64_t magic;
  _Atomic uint64_t count; /* entries asked for: LOG_ENTRIES at most are there */
  _Atomic uint32_t command; /* enum command, by who watches */
  uint32_t pid;
  uint64_t reserved[5];
  struct entry entries[LOG_ENTRIES];
};

/* ---- what it does ---- */

enum pattern { RANDOM, HOT };
enum data { NOISE, TEXT };

static struct {
  uint64_t rss_mib, percent, rate, hot_mib, seconds, units;
  uint64_t threads, blocked, spinning, silent;
  enum pattern pattern;
  enum data data;
  const char *huge, *log;
} options = {.rss_mib = 64, .percent = 10, .seconds = 10, .threads = 1};

static uint64_t *memory;
static uint64_t page_count, hot_pages, writes_a_second;
static struct log *journal;
static _Atomic uint64_t changed;
static atomic_bool ending;

static void fail(const char *what) {
  fprintf(stderr, "workload: %s: %s\n", what, strerror(errno));
  exit(1);
}

static uint64_t now(clockid_t clock) {
  struct timespec time;
  clock_gettime(clock, &time);
  return (uint64_t)time.tv_sec * SECOND + (uint64_t)time.tv_nsec;
}

static void note(enum kind kind, uint32_t thread) {
  uint64_t place = atomic_fetch_add(&journal->count, 1);
  if (place < LOG_ENTRIES)
    journal->entries[place] = (struct entry){now(CLOCK_REALTIME), kind, thread,
                                             atomic_load(&changed)};
}

/* ---- pages ---- */

static uint64_t mix(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
  return x ^ (x >> 31);
}

/* Words that a compressor makes about a quarter of. */
static uint64_t text_word(uint64_t random) {
  static const char words[16][9] = {
      "memory  ", "page    ", "of the  ", "delta   ", "capture ", "a write ",
      "thread  ", "restore ", "to      ", "cache   ", "and     ", "is not  ",
      "site    ", "system  ", "kernel  ", "program "};
  uint64_t word;
  memcpy(&word, words[random & 15], sizeof word);
  return word;
}

/* A page: number, version, content, and a sum of the first two. */
static void write_page(uint64_t number, uint64_t version) {
  uint64_t *page = memory + number * WORDS;
  uint64_t state = mix(number * 0x9e3779b97f4a7c15ull + version);
  page[0] = number;
  page[1] = version;
  if (options.data == NOISE) {
    for (int i = 2; i < WORDS - 1; i++)
      page[i] = state = state * 6364136223846793005ull + 1442695040888963407ull;
  } else {
    for (int i = 2; i < WORDS - 1; i++) {
      state = state * 6364136223846793005ull + 1442695040888963407ull;
      page[i] = text_word(state >> 60);
    }
  }
  page[WORDS - 1] = mix(number ^ mix(version));
}

static bool is_whole(uint64_t number) {
  const volatile uint64_t *page = memory + number * WORDS;
  return page[0] == number && page[WORDS - 1] == mix(number ^ mix(page[1]));
}

/* The numbers below `count` in an order that looks random: a Feistel network
 * over the next power of four, walked until it is in range. */
static uint64_t permuted(uint64_t index, uint64_t count) {
  unsigned half = 1;
  while (1ull << (2 * half) < count)
    half++;
  uint64_t mask = (1ull << half) - 1;
  do {
    uint64_t left = index >> half, right = index & mask;
    for (uint64_t round = 1; round <= 4; round++) {
      uint64_t next = left ^ (mix(right + (round << 56)) & mask);
      left = right;
      right = next;
    }
    index = left << half | right;
  } while (index >= count);
  return index;
}

/* ---- threads ---- */

struct worker {
  pthread_t thread;
  uint32_t number;
  uint64_t first, pages; /* its part of the memory that is written */
  uint64_t place;        /* writes so far */
  uint64_t last, owed;   /* when it wrote last; what of it is still due */
};

/* Of a hundred writes the first `silent` store what is there already. */
static void write_next(struct worker *worker) {
  uint64_t index = worker->place % worker->pages;
  uint64_t number = worker->first + permuted(index, worker->pages);
  bool silent = worker->place % 100 < options.silent;
  write_page(number, memory[number * WORDS + 1] + !silent);
  worker->place++;
  if (!silent)
    atomic_fetch_add_explicit(&changed, 1, memory_order_relaxed);
}

static void pause_a_tick(void) {
  nanosleep(&(struct timespec){.tv_nsec = TICK}, NULL);
}

/* A step: the writes that are due since the last, of so many a second. */
static void write_due(struct worker *worker, uint64_t rate) {
  uint64_t time = now(CLOCK_MONOTONIC);
  uint64_t passed =
      time - worker->last < MOST_OWED ? time - worker->last : TICK;
  worker->last = time;
  for (worker->owed += passed * rate; worker->owed >= SECOND;
       worker->owed -= SECOND)
    write_next(worker);
  note(STEP, worker->number);
}

/* Writes at the rate that was asked for, a step each millisecond. */
static void write_paced(struct worker *worker) {
  worker->last = now(CLOCK_MONOTONIC);
  while (!atomic_load(&ending)) {
    pause_a_tick();
    write_due(worker, writes_a_second / options.threads);
  }
}

/* As fast as it can. */
static void write_flat_out(struct worker *worker) {
  for (uint64_t last = 0; !atomic_load(&ending);) {
    for (int i = 0; i < 32; i++)
      write_next(worker);
    uint64_t time = now(CLOCK_REALTIME);
    if (time - last < TICK)
      continue;
    last = time;
    note(STEP, worker->number);
  }
}

static uint64_t compute(uint64_t state) {
  for (int i = 0; i < UNIT_ROUNDS; i++) {
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    __asm__("" : "+r"(state));
  }
  return state;
}

/* A fixed amount of work: units of computing with writes between them. */
static void work(struct worker *worker) {
  uint64_t each = writes_a_second / options.threads, owed = 0, state = 1;
  for (uint64_t unit = 0; unit < options.units; unit++) {
    state = compute(state);
    for (owed += each; owed >= 1000; owed -= 1000)
      write_next(worker);
    note(STEP, worker->number);
  }
  if (!state) /* never: what was computed counts as used */
    note(DONE, worker->number);
}

static void *run_worker(void *argument) {
  struct worker *worker = argument;
  if (options.units)
    work(worker);
  else if (options.rate == UINT64_MAX)
    write_flat_out(worker);
  else
    write_paced(worker);
  return NULL;
}

static void *run_blocked(void *argument) {
  (void)argument;
  while (!atomic_load(&ending))
    nanosleep(&(struct timespec){.tv_sec = 1}, NULL);
  return NULL;
}

static void *run_spinning(void *argument) {
  uint64_t state = (uintptr_t)argument;
  while (!atomic_load(&ending))
    state = compute(state);
  return NULL;
}

static void *run_fill(void *argument) {
  struct worker *worker = argument;
  for (uint64_t i = 0; i < worker->pages; i++)
    write_page(worker->first + i, 0);
  return NULL;
}

static void start(pthread_t *thread, void *(*run)(void *), void *argument) {
  pthread_attr_t small;
  pthread_attr_init(&small);
  pthread_attr_setstacksize(&small, 64 << 10);
  errno = pthread_create(thread, &small, run, argument);
  if (errno)
    fail("thread");
  pthread_attr_destroy(&small);
}

static void fill(void) {
  enum { FILLERS = 4 };
  struct worker fillers[FILLERS];
  for (int i = 0; i < FILLERS; i++) {
    uint64_t first = page_count * i / FILLERS;
    fillers[i].first = first;
    fillers[i].pages = page_count * (i + 1) / FILLERS - first;
    start(&fillers[i].thread, run_fill, &fillers[i]);
  }
  for (int i = 0; i < FILLERS; i++)
    pthread_join(fillers[i].thread, NULL);
  note(FILLED, 0);
}

/* Reads every page, as a check and to have all of them. One that is just being
 * written is looked at again: it is whole soon. */
static void sweep(void) {
  uint32_t damaged = 0;
  note(SWEEPING, 0);
  for (uint64_t i = 0; i < page_count; i++) {
    int looks = 100;
    while (!is_whole(i) && --looks)
      pause_a_tick();
    damaged += !looks;
  }
  note(SWEPT, damaged);
  if (damaged)
    fprintf(stderr, "workload: %u pages are damaged\n", damaged);
}

/* ---- the main thread ---- */

enum { MAX_WINDOWS = 4096 };
static uint64_t largest[MAX_WINDOWS]; /* gap of each second, ns */
static uint64_t window;

static void heartbeats(struct worker *workers) {
  uint64_t begin = now(CLOCK_REALTIME), last = begin;
  uint64_t end = options.units ? UINT64_MAX : begin + options.seconds * SECOND;
  uint64_t running = options.threads;
  while (last < end && (running || !options.threads)) {
    pause_a_tick();
    if (!options.threads)
      write_due(workers, writes_a_second);
    uint64_t time = now(CLOCK_REALTIME), gap = time - last;
    note(BEAT, 0);
    last = time;
    window = (time - begin) / SECOND % MAX_WINDOWS;
    if (gap > largest[window])
      largest[window] = gap;
    uint32_t command = atomic_exchange(&journal->command, NOTHING);
    if (command == SWEEP) {
      sweep();
      last = now(CLOCK_REALTIME);
    } else if (command == END) {
      break;
    }
    if (options.units) {
      while (running && !pthread_tryjoin_np(
                            workers[options.threads - running].thread, NULL))
        running--;
    }
  }
  note(DONE, 0);
  atomic_store(&ending, true);
  for (; running && running <= options.threads; running--)
    pthread_join(workers[options.threads - running].thread, NULL);
}

static int by_size(const void *a, const void *b) {
  uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return (x > y) - (x < y);
}

static void summary(double took) {
  uint64_t count = window + 1;
  qsort(largest, count, sizeof largest[0], by_size);
  printf("%.3f s, %" PRIu64 " pages changed; largest gap between heartbeats "
         "in a second: p50 %.2f, p99 %.2f, worst %.2f ms\n",
         took, atomic_load(&changed), (double)largest[count / 2] / 1e6,
         (double)largest[count - 1 - count / 100] / 1e6,
         (double)largest[count - 1] / 1e6);
}

static void open_log(void) {
  int file = -1;
  if (options.log) {
    /* Without a reader it is of no use, and nobody would end it. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    /* Never cut: who measures may have it mapped already. */
    file = open(options.log, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0 || ftruncate(file, sizeof *journal))
      fail(options.log);
  }
  int flags = MAP_SHARED | (file < 0 ? MAP_ANONYMOUS | MAP_NORESERVE : 0);
  journal = mmap(NULL, sizeof *journal, PROT_READ | PROT_WRITE, flags, file, 0);
  if (journal == MAP_FAILED)
    fail("log");
  if (file >= 0)
    close(file);
  journal->pid = (uint32_t)getpid();
  journal->magic = LOG_MAGIC;
}

static void map_memory(void) {
  page_count = (options.rss_mib << 20) / PAGE;
  hot_pages =
      options.pattern == HOT ? (options.hot_mib << 20) / PAGE : page_count;
  if (hot_pages > page_count || hot_pages < options.threads) {
    errno = EINVAL;
    fail("--hot");
  }
  writes_a_second =
      options.rate ? options.rate : page_count * options.percent / 100;
  memory = mmap(NULL, page_count * PAGE, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED)
    fail("memory");
  if (options.huge) {
    bool yes = !strcmp(options.huge, "yes");
    madvise(memory, page_count * PAGE, yes ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
  }
}

/* ---- options ---- */

static const struct {
  const char *name;
  uint64_t *value;
  const char *what;
} numbers[] = {
    {"--rss", &options.rss_mib, "MiB of memory (64)"},
    {"--percent", &options.percent, "of it that is written in a second (10)"},
    {"--rate", &options.rate, "pages written in a second instead; or max"},
    {"--hot", &options.hot_mib, "only the first so many MiB are written"},
    {"--silent", &options.silent,
     "percent of the writes that change nothing (0)"},
    {"--seconds", &options.seconds, "how long it runs (10)"},
    {"--units", &options.units,
     "instead: a fixed amount of work, in units of "
     "1 ms or less, a thousandth of the writes in each"},
    {"--threads", &options.threads,
     "that write (1); 0: the main thread does, at --percent or --rate"},
    {"--blocked", &options.blocked, "threads that do nothing"},
    {"--spinning", &options.spinning, "threads that compute"},
};
enum { NUMBERS = sizeof numbers / sizeof numbers[0] };

static int usage(FILE *to) {
  fputs("usage: workload [OPTION VALUE]...\n", to);
  for (int i = 0; i < NUMBERS; i++)
    fprintf(to, "  %-11s %s\n", numbers[i].name, numbers[i].what);
  fputs("  --data      noise (default) or text: compresses about 4 : 1\n"
        "  --huge      yes or no: huge pages; otherwise as the system has it\n"
        "  --log       file for the times of beats and steps, best on tmpfs\n",
        to);
  return to == stdout ? 0 : 2;
}

static bool take(const char *name, const char *value) {
  for (int i = 0; i < NUMBERS; i++)
    if (!strcmp(name, numbers[i].name)) {
      char *end;
      *numbers[i].value = strtoull(value, &end, 10);
      if (!strcmp(name, "--rate") && !strcmp(value, "max"))
        options.rate = UINT64_MAX;
      else if (end == value || *end)
        return false;
      return true;
    }
  if (!strcmp(name, "--data")) {
    options.data = !strcmp(value, "text") ? TEXT : NOISE;
    return options.data == TEXT || !strcmp(value, "noise");
  }
  if (!strcmp(name, "--huge")) {
    options.huge = value;
    return !strcmp(value, "yes") || !strcmp(value, "no");
  }
  options.log = value;
  return !strcmp(name, "--log");
}

int main(int count, char **arguments) {
  for (int i = 1; i < count; i += 2) {
    if (!strcmp(arguments[i], "--help"))
      return usage(stdout);
    if (i + 1 == count || !take(arguments[i], arguments[i + 1])) {
      fprintf(stderr, "workload: not understood: %s\n", arguments[i]);
      return usage(stderr);
    }
  }
  bool paced = !options.units && options.rate != UINT64_MAX;
  if (options.threads > 4096 || !options.rss_mib ||
      (!options.threads && !paced))
    return usage(stderr);
  if (options.hot_mib)
    options.pattern = HOT;
  map_memory();
  open_log();
  fill();
  struct worker *workers = calloc(options.threads + 1, sizeof *workers);
  if (!workers)
    fail("workers");
  workers[0].pages = hot_pages; /* if it is the main thread */
  uint64_t begin = now(CLOCK_REALTIME);
  pthread_t other;
  for (uint64_t i = 0; i < options.blocked; i++)
    start(&other, run_blocked, NULL);
  for (uint64_t i = 0; i < options.spinning; i++)
    start(&other, run_spinning, &workers);
  for (uint64_t i = 0; i < options.threads; i++) {
    struct worker *worker = &workers[i];
    worker->number = (uint32_t)i;
    worker->first = hot_pages * i / options.threads;
    worker->pages = hot_pages * (i + 1) / options.threads - worker->first;
    start(&worker->thread, run_worker, worker);
  }
  heartbeats(workers);
  summary((double)(now(CLOCK_REALTIME) - begin) / 1e9);
  fflush(stdout);
  _exit(0);
}
