/* faults.h - a program that serves its own page faults. */
#ifndef FAULTS_H
#define FAULTS_H

#include "behaviour.h"
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

enum { PAGE = 4096, PAGES = 1024 };

static int faults;
static char *memory;
static atomic_int asked[PAGES];       /* for it, by the kernel */
static atomic_int unprotected[PAGES]; /* because it was written to */

/* In a page that is asked for: every third one holds zeros. */
static int content(int page) { return page % 3 == 1 ? 0 : 'a' + page % 26; }

static void give(int page) {
  static char text[PAGE];
  memset(text, content(page), PAGE);
  struct uffdio_copy copy = {.dst = (unsigned long)memory + page * PAGE,
                             .src = (unsigned long)text,
                             .len = PAGE};
  struct uffdio_zeropage zero = {{copy.dst, PAGE}, 0, 0};
  /* One that was read twice was there by the second time. */
  if (page % 6 == 1 ? ioctl(faults, UFFDIO_ZEROPAGE, &zero)
                    : ioctl(faults, UFFDIO_COPY, &copy)) {
    struct uffdio_range woken = {copy.dst, PAGE};
    CHECK(errno == EEXIST);
    ioctl(faults, UFFDIO_WAKE, &woken);
  }
}

static void allow(int page) {
  struct uffdio_writeprotect off = {{(unsigned long)memory + page * PAGE, PAGE},
                                    0};
  atomic_fetch_add(&unprotected[page], 1);
  CHECK_EQUAL(ioctl(faults, UFFDIO_WRITEPROTECT, &off), 0);
}

/* The number of the page, which it counts, but does not give. */
static int take_question(int *protected) {
  struct uffd_msg message;
  CHECK_EQUAL(read(faults, &message, sizeof message), sizeof message);
  CHECK_EQUAL(message.event, UFFD_EVENT_PAGEFAULT);
  int page =
      (int)((message.arg.pagefault.address - (unsigned long)memory) / PAGE);
  *protected = message.arg.pagefault.flags & UFFD_PAGEFAULT_FLAG_WP;
  return page;
}

static void *serve(void *unused) {
  int protected;
  (void)unused;
  for (;;) {
    int page = take_question(&protected);
    if (protected) {
      allow(page);
    } else {
      atomic_fetch_add(&asked[page], 1);
      give(page);
    }
  }
}

static int open_faults(int flags) {
  int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | flags);
  return fd < 0 ? (int)syscall(SYS_userfaultfd,
                               O_CLOEXEC | flags | UFFD_USER_MODE_ONLY)
                : fd;
}

/* Of two huge pages, and so aligned. */
static void map_memory(void) {
  unsigned long huge = PAGES / 2 * PAGE;
  char *room = mmap(NULL, 2 * PAGES * PAGE, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  memory = (char *)(((unsigned long)room + huge - 1) & -huge);
}

static void begin(unsigned long features, unsigned long modes) {
  struct uffdio_api api = {.api = UFFD_API, .features = features};
  faults = open_faults(0);
  if (faults < 0 || ioctl(faults, UFFDIO_API, &api))
    SKIP("no userfaultfd");
  if (!memory)
    map_memory();
  struct uffdio_register all = {
      {(unsigned long)memory, PAGES * PAGE}, modes, 0};
  CHECK_EQUAL(ioctl(faults, UFFDIO_REGISTER, &all), 0);
}

static inline void begin_serving(void) {
  pthread_t thread;
  CHECK_EQUAL(pthread_create(&thread, NULL, serve, NULL), 0);
}

#endif
