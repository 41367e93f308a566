/* spilled-tree.c - a process with two children, with whom it has memory in
 * common; before each of as many checkpoints as it is told each of them changes
 * a page of its own copy. Then it kills all; continued, all look whether their
 * memory is what it was, and it takes another checkpoint. Memory that is
 * excluded has a mark, and so has some that is not. */
#include <hwckpt.h>
#include <hwckptintrin.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096u
#define CHILDREN 2

static unsigned char *memory, expected[PAGE];
static char *volatile plain; /* with the mark */
static unsigned pages, rounds;
static int to[CHILDREN][2], from[CHILDREN][2];
static pid_t children[CHILDREN];

static void fill(unsigned char *page, unsigned version) {
  unsigned seed = version;
  for (unsigned i = 0; i < PAGE; i++) {
    seed = seed * 1664525 + 1013904223;
    page[i] = (unsigned char)(seed >> 24);
  }
}

static unsigned changed(int who, unsigned round) {
  return 100000u * (unsigned)(who + 1) + round;
}

static void change(int who, unsigned round) {
  fill(memory + round * PAGE, changed(who, round));
}

static unsigned count_good(int who) {
  unsigned good = 0;
  for (unsigned i = 0; i < pages; i++) {
    fill(expected, i < rounds ? changed(who, i) : 5000 + i);
    good += memcmp(expected, memory + i * PAGE, PAGE) == 0;
  }
  return good;
}

/* A number below `rounds`: change that page; else count. */
static void serve(int i) {
  unsigned number;
  while (read(to[i][0], &number, sizeof number) == sizeof number) {
    if (number < rounds)
      change(i + 1, number);
    else
      number = count_good(i + 1);
    if (write(from[i][1], &number, sizeof number) != sizeof number)
      _exit(2);
  }
  _exit(0);
}

static unsigned ask(int i, unsigned number) {
  return write(to[i][1], &number, sizeof number) == sizeof number &&
                 read(from[i][0], &number, sizeof number) == sizeof number
             ? number
             : 0;
}

static void start(int i) {
  if (pipe(to[i]) || pipe(from[i]))
    exit(3);
  if ((children[i] = fork()))
    return;
  close(to[i][1]);
  if (i)
    close(to[0][1]);
  serve(i);
}

static void mark(void) {
  static const char half[] = "EXCLUDED";
  char *secret = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  hwckpt_exclude(secret, PAGE);
  for (size_t i = 0; i + 1 < sizeof half; i++)
    secret[i] = half[i], secret[i + sizeof half] = half[i];
  secret[sizeof half - 1] = '-'; /* EXCLUDED-EXCLUDED is nowhere else */
  plain = malloc(PAGE);
  for (size_t i = 0; i < PAGE / 8; i++)
    memcpy(plain + 8 * i, "INMEMORY", 8);
}

int main(int argc, char **argv) {
  int result = 0;
  rounds = argc > 1 ? (unsigned)atoi(argv[1]) : 1;
  pages = argc > 2 ? (unsigned)atoi(argv[2]) : 512;
  memory = malloc((size_t)pages * PAGE);
  for (unsigned i = 0; i < pages; i++)
    fill(memory + (size_t)i * PAGE, 5000 + i);
  mark();
  for (int i = 0; i < CHILDREN; i++)
    start(i);
  for (unsigned round = 0; round < rounds && result == 0; round++) {
    change(0, round);
    for (int i = 0; i < CHILDREN; i++)
      ask(i, round);
    result = __builtin_ckpt_save();
    if (result < 0)
      return 4;
    if (result == 0) {
      printf("%u\n", round + 1);
      fflush(stdout);
      if (argc > 3) /* for whom it goes on when something is done */
        getchar();
    }
  }
  if (result == 0) {
    for (int i = 0; i < CHILDREN; i++)
      kill(children[i], SIGKILL);
    kill(getpid(), SIGKILL);
  }
  unsigned first = ask(0, rounds), second = ask(1, rounds);
  if (__builtin_ckpt_save() < 0)
    return 5;
  printf("went on with %u, %u, %u of %u pages\n", count_good(0), first, second,
         pages);
  for (int i = 0; i < CHILDREN; i++) {
    close(to[i][1]);
    waitpid(children[i], NULL, 0);
  }
  return 0;
}
