// Shared anonymous memory, written by a child too, comes back, and is shared
// again by the threads and children of the restored program.
// RUN: %behaviour -I%S/Inputs %s -o %t && for track in wp mprotect full; do %restored -o track=$track -- %t || exit 1; done
#include "dirty.h"
#include <sys/wait.h>
static char *memory;
static void prepare(void) {
  memory = mmap(NULL, 32 * PAGE, PROT_READ | PROT_WRITE,
                MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  CHECK(memory != MAP_FAILED);
  fill(memory, 8, 1);
}
static void in_child(void (*change)(void)) {
  int status;
  pid_t child = fork();
  if (child == 0) {
    change();
    _exit(0);
  }
  CHECK_EQUAL(waitpid(child, &status, 0), child);
  CHECK_EQUAL(status, 0);
}
static void child_writes(void) { fill(memory + 16 * PAGE, 4, 100); }
static void change(void) { in_child(child_writes); }
static void removes(void) {
  CHECK_EQUAL(madvise(memory, 2 * PAGE, MADV_REMOVE), 0);
}
static void child_marks(void) { memory[31 * PAGE] = 55; }
int main(void) {
  STEPS(prepare, change, removes);
  expect_zero(memory, 2);
  expect(memory + 2 * PAGE, 6, 3);
  expect_zero(memory + 8 * PAGE, 8);
  expect(memory + 16 * PAGE, 4, 100);
  in_child(child_marks);
  CHECK_EQUAL(memory[31 * PAGE], 55);
  return 0;
}
