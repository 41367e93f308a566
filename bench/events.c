/* events.c - work that monitors of events may make slower, and events that are
 * waited for.
 *
 *   events WORK N          prints ns for each of N pieces of it
 *   events serve EVENT N   prints us from each of N events to its checkpoint
 *
 * For `bench/run events`; PATH is that of files and sockets, in the
 * environment. With -DMARK=... a variable is marked as watched.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <hwckptintrin.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096
#define PAGES 1024
#define TEXT 100

#ifndef MARK
#define MARK
#endif

static int file, out;
static struct sockaddr_in here = {.sin_family = AF_INET};
static char text[TEXT];

static double now(void) {
  struct timespec at;
  clock_gettime(CLOCK_MONOTONIC, &at);
  return (double)at.tv_sec * 1e9 + (double)at.tv_nsec;
}

static _Noreturn void fail(const char *what) {
  perror(what);
  exit(1);
}

/* ---- work: one piece each ---- */

static void compute(void) {
  static volatile unsigned long result;
  unsigned long x = result;
  for (int i = 0; i < 1000; i++)
    x = x * 6364136223846793005UL + 1;
  result = x;
}

static void fault(void) {
  static char *pages;
  static unsigned next = PAGES;
  if (next == PAGES) {
    if (pages)
      munmap(pages, (size_t)PAGES * PAGE);
    pages = mmap(NULL, (size_t)PAGES * PAGE, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED)
      fail("mmap");
    madvise(pages, (size_t)PAGES * PAGE, MADV_NOHUGEPAGE);
    next = 0;
  }
  pages[(size_t)next++ * PAGE] = 1;
}

static void write_file(void) {
  if (pwrite(file, text, sizeof text, 0) != sizeof text)
    fail("pwrite");
}

static void write_pipe(void) {
  static int ends[2];
  if (!ends[1] && pipe(ends))
    fail("pipe");
  if (write(ends[1], text, 1) != 1 || read(ends[0], text, 1) != 1)
    fail("pipe");
}

static void send_out(void) {
  if (send(out, text, sizeof text, MSG_DONTWAIT) != sizeof text)
    fail("send");
}

static void sync_file(void) {
  if (fsync(file))
    fail("fsync");
}

static void connect_out(void) {
  if (connect(out, (struct sockaddr *)&here, sizeof here))
    fail("connect");
}

static void raise_it(void) { raise(SIGUSR2); }

/* Rules watch the first word of a page, or all of it and more. */
long block[4 * PAGE / sizeof(long)] __attribute__((aligned(PAGE)));
MARK static long marked;

static void store(void) { ((volatile long *)block)[0]++; }

static void store_beside(void) { ((volatile long *)block)[100]++; }

static void store_marked(void) {
  marked++;
  __asm__ volatile("" : "+m"(marked));
}

/* ---- events ---- */

static void ask(void) { hwckpt_request(); }

static void faults(void) {
  for (int i = 0; i < 2 * PAGES; i++)
    fault();
}

static void touch(void) {
  int touched = open(getenv("PATH_OF_FILE"), O_CREAT | O_WRONLY, 0600);
  if (touched < 0 || write(touched, "x", 1) != 1 || close(touched))
    fail("touch");
}

static void control(void) {
  static int asking;
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (!asking) {
    asking = socket(AF_UNIX, SOCK_STREAM, 0);
    strncpy(address.sun_path, getenv("PATH_OF_SOCKET"),
            sizeof address.sun_path - 1);
    if (connect(asking, (struct sockaddr *)&address, sizeof address))
      fail("connect");
  }
  if (write(asking, "checkpoint\n", 11) != 11)
    fail("control");
}

static const struct {
  const char *name;
  void (*piece)(void);
} works[] = {
    {"compute", compute},
    {"fault", fault},
    {"write", write_file},
    {"pipe", write_pipe},
    {"send", send_out},
    {"fsync", sync_file},
    {"connect", connect_out},
    {"signal", raise_it},
    {"api", ask},
    {"faults", faults},
    {"file", touch},
    {"control", control},
    {"store", store},
    {"beside", store_beside},
    {"marked", store_marked},
};

static void prepare(void) {
  char name[] = "events-XXXXXX";
  socklen_t size = sizeof here;
  int in = socket(AF_INET, SOCK_DGRAM, 0);
  file = mkstemp(name);
  out = socket(AF_INET, SOCK_DGRAM, 0);
  here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (file < 0 || unlink(name) || in < 0 || out < 0 ||
      bind(in, (struct sockaddr *)&here, size) ||
      getsockname(in, (struct sockaddr *)&here, &size) ||
      connect(out, (struct sockaddr *)&here, size))
    fail("preparing");
}

static unsigned long long checkpoints(void) {
  struct hwckpt_statistics is;
  if (hwckpt_statistics(&is, sizeof is))
    fail("statistics");
  return is.checkpoints;
}

/* Not a busy wait: the runtime wants a processor. */
static void serve(void (*piece)(void), unsigned count) {
  struct timespec rest = {.tv_nsec = 5000000}, moment = {.tv_nsec = 20000};
  for (unsigned i = 0; i < count; i++) {
    nanosleep(&rest, NULL);
    unsigned long long before = checkpoints();
    double begin = now();
    piece();
    while (checkpoints() == before)
      nanosleep(&moment, NULL);
    printf("%.1f\n", (now() - begin) / 1e3);
  }
}

int main(int argc, char **argv) {
  int serving = argc == 4 && !strcmp(argv[1], "serve");
  if (argc != 3 && !serving)
    return 2;
  prepare();
  unsigned count = (unsigned)atoi(argv[argc - 1]);
  for (size_t i = 0; i < sizeof works / sizeof *works; i++) {
    if (strcmp(works[i].name, argv[argc - 2]) != 0)
      continue;
    if (serving) {
      serve(works[i].piece, count);
      return 0;
    }
    struct timespec rest = {.tv_nsec = 50000000}; /* all monitors watch */
    nanosleep(&rest, NULL);
    double begin = now();
    for (unsigned piece = 0; piece < count; piece++)
      works[i].piece();
    printf("%.2f\n", (now() - begin) / count);
    return 0;
  }
  return 2;
}
