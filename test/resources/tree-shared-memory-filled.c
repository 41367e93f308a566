// Memory that several processes share has what it had, however they fill it at
// the same time when they are restored: words that a decoder puts together from
// what it has put there before.
// RUN: %behaviour %s -o %t && (%hwckpt run -- %t || test $? = 137) && for i in 1 2 3 4 5 6 7 8 9 10; do %hwckpt restore || exit; done
#include "behaviour.h"
#include <stdint.h>
#include <sys/mman.h>
#include <sys/wait.h>

enum { PROCESSES = 6, BYTES = 12 << 20 };
static char *memory;

// One of 512 words after the other, each of them what is far behind.
static uint32_t word, left, turn;
static char next_byte(void) {
  if (!left) {
    word = ++turn * 2654435761u >> 23;
    left = 8 + word % 30;
  }
  left--;
  return (char)('0' + ((word * 40503u + left * left * 97u) >> 5) % 75);
}

static int is_right(void) {
  word = left = turn = 0;
  for (uint32_t i = 0; i < BYTES; i++)
    if (memory[i] != next_byte())
      return 0;
  return 1;
}

int main(void) {
  int go[2], status;
  CHECK(pipe(go) == 0);
  memory = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                -1, 0);
  CHECK(memory != MAP_FAILED);
  for (uint32_t i = 0; i < BYTES; i++)
    memory[i] = next_byte();
  for (int i = 1; i < PROCESSES; i++)
    if (!fork()) {
      char byte;
      close(go[1]);
      CHECK(read(go[0], &byte, 1) == 0);
      _exit(!is_right());
    }
  if (!came_back())
    die();
  CHECK(is_right());
  CHECK(close(go[1]) == 0);
  for (int i = 1; i < PROCESSES; i++)
    CHECK(wait(&status) > 0 && status == 0);
  return 0;
}
