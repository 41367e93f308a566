// A fork between checkpoints: pages that became copy on write by it are in the
// delta when they are written, and what the child writes is not.
// RUN: %behaviour -I%S/Inputs %s -o %t && for track in wp mprotect full; do %restored -o track=$track -- %t || exit 1; done
#include "dirty.h"
#include <sys/wait.h>
static char *memory;
static void prepare(void) {
  memory = map_at(NULL, 64, 0);
  fill(memory, 64, 1);
}
static void change(void) {
  pid_t child = fork();
  if (child == 0) {
    fill(memory, 64, 150);
    _exit(7);
  }
  fill(memory + 8 * PAGE, 8, 60);
  int status;
  CHECK_EQUAL(waitpid(child, &status, 0), child);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 7);
  fill(memory + 32 * PAGE, 8, 90);
}
static void one_more(void) { memory[63 * PAGE] = 77; }
int main(void) {
  STEPS(prepare, change, one_more);
  expect(memory, 8, 1);
  expect(memory + 8 * PAGE, 8, 60);
  expect(memory + 16 * PAGE, 16, 17);
  expect(memory + 32 * PAGE, 8, 90);
  expect(memory + 40 * PAGE, 23, 41);
  CHECK_EQUAL(memory[63 * PAGE], 77);
  CHECK_EQUAL(memory[63 * PAGE + 1], 65);
  return 0;
}
