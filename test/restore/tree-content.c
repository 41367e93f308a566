// What a forked child has in common with its parent, or with the one before
// that, is on flash once, already in the checkpoint that they are in for the
// first time; each comes back with what it has itself.
// RUN: %behaviour %s -o %t
// RUN: %hwckpt run -- %t; test $? = 137
// RUN: test $(cat $HWCKPT_CACHE/*/s*.seg | wc -c) -lt 40000000
// RUN: %hwckpt verify
// RUN: %hwckpt restore
#include "behaviour.h"
#include <stdint.h>
#include <sys/mman.h>
#include <sys/wait.h>
#define PAGES 6144 /* 24 MiB */
#define CHILDREN 4
static uint64_t *memory;
static uint64_t expected(size_t word, unsigned version) {
  uint64_t mixed = (word + 1) * 0x9e3779b97f4a7c15u + version;
  mixed ^= mixed >> 29;
  return mixed * 0xbf58476d1ce4e5b9u;
}
static void fill(size_t page, unsigned version) {
  for (size_t word = page * 512; word < page * 512 + 512; word++)
    memory[word] = expected(word, version);
}
/* Each process changes pages of its own. */
static int is_whole(const unsigned *versions, unsigned count) {
  for (size_t page = 0; page < PAGES; page++) {
    unsigned version = 1;
    for (unsigned i = 0; i < count; i++)
      if (page % 97 == versions[i])
        version = versions[i];
    for (size_t word = page * 512; word < page * 512 + 512; word++)
      if (memory[word] != expected(word, version))
        return 0;
  }
  return 1;
}
static void change(unsigned version) {
  for (size_t page = version; page < PAGES; page += 97)
    fill(page, version);
}
int main(void) {
  int ready[2], go[2], status;
  char byte;
  memory = mmap(NULL, (size_t)PAGES * 4096, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(memory != MAP_FAILED && pipe(ready) == 0 && pipe(go) == 0);
  for (size_t page = 0; page < PAGES; page++)
    fill(page, 1);
  pid_t child[CHILDREN];
  for (unsigned i = 0; i < CHILDREN; i++) {
    child[i] = fork();
    if (child[i])
      continue;
    unsigned versions[] = {i + 2, i + 20};
    change(versions[0]);
    pid_t below = fork();
    if (!below)
      change(versions[1]);
    close(go[1]);
    CHECK(write(ready[1], "", 1) == 1);
    CHECK(read(go[0], &byte, 1) == 0);
    CHECK(is_whole(versions, below ? 1 : 2));
    if (below)
      CHECK(waitpid(below, &status, 0) == below && status == 0);
    _exit(0);
  }
  for (unsigned i = 0; i < 2 * CHILDREN; i++)
    CHECK(read(ready[0], &byte, 1) == 1);
  if (!came_back()) {
    for (unsigned i = 0; i < CHILDREN; i++)
      kill(child[i], SIGKILL);
    die();
  }
  close(go[1]);
  CHECK(is_whole(NULL, 0));
  for (unsigned i = 0; i < CHILDREN; i++)
    CHECK(waitpid(child[i], &status, 0) == child[i] && status == 0);
  return 0;
}
