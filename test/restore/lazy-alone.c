// A program whose memory is loaded while it runs sees that no other process
// belongs to it: the loader is no child of the tool's first thread, which has
// what the program leaves behind. REQUIRES: root
// RUN: rm -rf %t.cache && export HWCKPT_CACHE=%t.cache && %clang -D_GNU_SOURCE -fhwckpt -O2 %s -o %t
// RUN: ! %hwckpt run --name it -- %t
// RUN: %hwckpt restore --lazy it; test $? = 7
#include "Inputs/come-back.h"
#include <string.h>
enum { SIZE = 64 << 20 };
static char *memory;
int main(void) {
  char path[64], children[256] = "";
  CHECK((memory = malloc(SIZE)));
  memset(memory, 1, SIZE);
  die_and_come_back();
  snprintf(path, sizeof path, "/proc/%d/task/%d/children", getppid(),
           getppid());
  FILE *file = fopen(path, "r");
  CHECK(file && fgets(children, sizeof children, file));
  CHECK(atoi(children) == getpid());
  CHECK(strcmp(strchr(children, ' '), " ") == 0);
  for (size_t i = 0; i < SIZE; i += 4096)
    CHECK(memory[i] == 1);
  return 7;
}
