// Guard pages (MADV_GUARD_INSTALL, as libc's thread stacks have them from 2.42
// on) come back: those that are older than the base, that came since, also
// where something was, and not those that were removed since, whose pages hold
// what was written then. Also where everything is copied while the program
// stands still, as with a file open for direct reading; and by a rollback.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t
// RUN: %restored_by_all -- %t direct
// RUN: %restored_by_all -o track=full -- %t
// RUN: %hwckpt run -- %t rollback
#include "behaviour.h"
#include <setjmp.h>
#include <sys/mman.h>
#include <sys/wait.h>
enum { PAGE = 4096, PAGES = 64, INSTALL = 102, REMOVE = 103 };
enum { OLD = 3, NEW = 8, REMOVED = 20, KEPT = 30, SHORT = 40 };
static char *memory;
static sigjmp_buf back;
static void on_fault(int number) {
  (void)number;
  siglongjmp(back, 1);
}
static int is_guarded(int page) {
  if (sigsetjmp(back, 1))
    return 1;
  return *(volatile char *)(memory + page * PAGE) == -1;
}
static void advise(int page, int pages, int advice) {
  CHECK(madvise(memory + page * PAGE, (size_t)pages * PAGE, advice) == 0);
}
static void is_as_saved(void) {
  for (int i = 0; i < PAGES; i++) {
    int guarded = (i >= OLD && i < OLD + 2) || (i >= NEW && i < NEW + 5);
    if (is_guarded(i) != guarded) {
      dprintf(2, "page %d is guarded: %d\n", i, !guarded);
      _exit(1);
    }
    if (!guarded)
      CHECK_EQUAL(memory[i * PAGE], i == REMOVED || i == REMOVED + 1 ? 'r'
                                    : i == SHORT                     ? 0
                                                                     : 'x');
  }
}
static void be_as_saved_in_child(void) {
  int status;
  pid_t child = fork();
  if (child == 0) {
    is_as_saved();
    _exit(0);
  }
  CHECK(child > 0 && waitpid(child, &status, 0) == child && status == 0);
}
int main(int count, char **arguments) {
  const char *how = count > 1 ? arguments[1] : "";
  int rolls_back = !strcmp(how, "rollback");
  memory = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(memory != MAP_FAILED && signal(SIGSEGV, on_fault) != SIG_ERR);
  if (madvise(memory, PAGE, INSTALL) || madvise(memory, PAGE, REMOVE))
    SKIP("the kernel has no guard pages");
  if (!strcmp(how, "direct"))
    CHECK(open("direct", O_RDWR | O_CREAT | O_DIRECT, 0600) >= 0 ||
          errno == EINVAL);
  memset(memory, 'x', PAGES * PAGE);
  advise(OLD, 2, INSTALL);
  advise(REMOVED, 2, INSTALL);
  CHECK(came_back() == 0);
  advise(NEW, 5, INSTALL);
  advise(REMOVED, 2, REMOVE);
  memset(memory + REMOVED * PAGE, 'r', 2 * PAGE);
  advise(SHORT, 1, INSTALL); /* nothing comes in its place */
  advise(SHORT, 1, REMOVE);
  is_as_saved();
  int back_again = came_back();
  if (!back_again && !rolls_back)
    die();
  if (!back_again) {
    is_as_saved();
    advise(OLD, 2, REMOVE);
    memset(memory + OLD * PAGE, 'o', 2 * PAGE);
    advise(KEPT, 4, INSTALL);
    roll_back();
  }
  is_as_saved();
  be_as_saved_in_child();
  CHECK(came_back() >= 0); /* and can be saved again */
  is_as_saved();
  return 0;
}
