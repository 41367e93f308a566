// A program that finds its written pages by the same means as the runtime, and
// clears their marks between checkpoints: with on_unsupported=warn nothing that
// it writes is missed.
// RUN: %behaviour %s -o %t
// RUN: for method in auto precopy cow; do %restored -o on_unsupported=warn -o method=$method -- %t || exit 1; done
#include "behaviour.h"
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
enum { PAGE = 4096, PAGES = 2048 };
#define WP_UNPOPULATED (1ull << 13)
#define WP_ASYNC (1ull << 15)
#define WRITTEN 2ull
struct scan { /* struct pm_scan_arg of linux/fs.h */
  unsigned long long size, flags, start, end, walk_end, regions, count, most;
  unsigned long long inverted, mask, anyof, returned;
};
static char *memory;

/* The program's own use: how many were written since it asked last. */
static int written(void) {
  struct region {
    unsigned long long start, end, categories;
  } found[PAGES];
  struct scan scan = {.size = sizeof scan,
                      .flags = 3, /* WP_MATCHING, CHECK_WPASYNC */
                      .start = (unsigned long)memory,
                      .end = (unsigned long)memory + PAGES * PAGE,
                      .regions = (unsigned long)found,
                      .count = PAGES,
                      .mask = WRITTEN,
                      .returned = WRITTEN};
  int pages = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
  int sum = 0, count = ioctl(pages, _IOWR('f', 16, struct scan), &scan);
  CHECK(count >= 0 && close(pages) == 0);
  for (int i = 0; i < count; i++)
    sum += (int)((found[i].end - found[i].start) / PAGE);
  return sum;
}

static void write_some(int round) {
  for (int i = round; i < PAGES; i += 3)
    memset(memory + i * PAGE, round + i % 100, PAGE);
}

static void expect(int rounds) {
  for (int i = 0; i < PAGES; i++) {
    int wanted = 0;
    for (int round = 0; round < rounds; round++)
      if (i >= round && (i - round) % 3 == 0)
        wanted = round + i % 100;
    for (int k = 0; k < PAGE; k += 1021)
      CHECK_EQUAL(memory[i * PAGE + k], wanted);
  }
}

int main(void) {
  struct uffdio_api api = {.api = UFFD_API,
                           .features = WP_ASYNC | WP_UNPOPULATED};
  int tracker = (int)syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY);
  if (tracker < 0 || ioctl(tracker, UFFDIO_API, &api))
    SKIP("no asynchronous write protection");
  memory = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  struct uffdio_register all = {
      {(unsigned long)memory, PAGES * PAGE}, UFFDIO_REGISTER_MODE_WP, 0};
  CHECK_EQUAL(ioctl(tracker, UFFDIO_REGISTER, &all), 0);
  written();
  for (int round = 0; round < 6; round++) {
    CHECK_EQUAL(written(),
                0); /* a checkpoint takes no marks away, or sets any */
    write_some(round);
    CHECK_EQUAL(written(), (PAGES - round + 2) / 3);
    if (round < 5)
      CHECK_EQUAL(__builtin_ckpt_save(), 0);
  }
  die_and_come_back();
  expect(6);
  return 0;
}
