/* laid-out.c [undisturbed] - works with all that lies where the kernel chose:
 * stack, heap, break, mappings, vdso, the executable itself; and asks for more
 * of each after every restore. What it says is the same wherever that is.
 *
 * Undisturbed it takes no checkpoints; else it is killed after each of them. */
#define _GNU_SOURCE
#include "come-back.h"

#include <stdbool.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <time.h>

/* Stack of 7 MiB in the last leg, of which there may be 8. */
enum { LEGS = 5, PAGE = 4096, PIECES = 64, LEVELS = 1700 };

/* More than is free above the stack. */
#define LARGE ((size_t)100 << 30)

static unsigned long next(unsigned long value) {
  return value * 6364136223846793005UL + 1442695040888963407UL;
}

static unsigned long (*volatile called)(unsigned long) = next;

/* A ring through memory of every kind: it is walked by what was stored. */
struct piece {
  struct piece *next;
  unsigned long value;
};

static struct piece first = {&first, 1};

static void add(void *memory) {
  struct piece *piece = memory;
  *piece = (struct piece){first.next, called(first.next->value)};
  first.next = piece;
}

static unsigned long walk(unsigned long sum) {
  for (struct piece *piece = first.next; piece != &first; piece = piece->next)
    sum = sum * 31 + piece->value;
  return sum;
}

static unsigned long deep(int levels, unsigned long sum) {
  volatile unsigned char frame[PAGE];
  memset((unsigned char *)frame, levels & 127, PAGE);
  if (levels)
    sum = deep(levels - 1, called(sum));
  return sum + frame[sum % PAGE];
}

static void more_memory(void) {
  for (int i = 0; i < PIECES; i++)
    add(malloc(sizeof first + (size_t)i * 3000));
  void *old = sbrk(16 * PAGE);
  CHECK(old != (void *)-1);
  add((void *)(((unsigned long)old + PAGE - 1) / PAGE * PAGE));
  void *mapped = mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(mapped != MAP_FAILED);
  add(mapped);
  CHECK(mmap(NULL, LARGE, PROT_NONE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0) != MAP_FAILED);
}

static void look_at_kernel(void) {
  struct timespec now;
  CHECK(memcmp((void *)getauxval(AT_SYSINFO_EHDR), "\177ELF", 4) == 0);
  CHECK(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
}

int main(int count, char **arguments) {
  struct piece here;
  bool undisturbed = count > 1 && !strcmp(arguments[1], "undisturbed");
  unsigned long sum = 1;
  add(&here);
  for (int leg = 0; leg < LEGS; leg++) {
    more_memory();
    if (leg && !undisturbed)
      die_and_come_back();
    look_at_kernel();
    more_memory();
    sum = deep(leg < LEGS - 1 ? 10 : LEVELS, walk(sum));
    dprintf(1, "leg %d: %lx\n", leg, sum);
  }
  return 7;
}
