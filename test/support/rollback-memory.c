// After a rollback memory is what it was at the checkpoint: pages written
// since, given back, mapped, unmapped, moved or protected otherwise, and the
// heap's end. Again and again, and of a delta too.
// RUN: %behaviour %s -o %t && %t && HWCKPT_OPTIONS=track=full %t
#include "behaviour.h"
#include <sys/mman.h>

#define SIZE ((size_t)1 << 20)
#define ROUNDS 6

static char *map(void) {
  char *at =
      mmap(0, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(at != MAP_FAILED);
  memset(at, 'a', SIZE);
  return at;
}

static int is_all(const char *at, size_t size, char value) {
  for (size_t i = 0; i < size; i++)
    if (at[i] != value)
      return 0;
  return 1;
}

static char initialised[3 * 4096] = {'i'};
static char zero[3 * 4096];

int main(int argc, char **argv) {
  char *written = map(), *dropped = map(), *gone = map(), *moved = map();
  char *closed = map(), *opened = map(), *shared;
  char local[4096];
  (void)argc;
  memset(local, 'l', sizeof local);
  mprotect(opened, SIZE, PROT_READ);
  mprotect(closed, SIZE, PROT_NONE);
  int self = open(argv[0], O_RDONLY);
  char *file = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE, self, 0);
  char *file_gone = mmap(0, 8192, PROT_READ, MAP_PRIVATE, self, 0);
  shared =
      mmap(0, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  close(self);
  file[4096] = 'f';
  char magic = file_gone[1];
  memset(shared, 's', 4096);
  char *top = sbrk(0);
  char *probe = mmap(0, SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  munmap(probe, SIZE);

  CHECK_EQUAL(__builtin_ckpt_save(), 0);
  written[4096] = 'b';
  int n = __builtin_ckpt_save();

  CHECK_EQUAL(written[4096], 'b');
  CHECK(is_all(written, 4096, 'a') && is_all(written + 8192, SIZE - 8192, 'a'));
  CHECK(is_all(dropped, SIZE, 'a') && is_all(gone, SIZE, 'a'));
  CHECK(is_all(moved, SIZE, 'a') && is_all(opened, SIZE, 'a'));
  CHECK(is_all(local, sizeof local, 'l'));
  CHECK(initialised[0] == 'i' && is_all(initialised + 1, 8192, 0));
  CHECK(is_all(zero, sizeof zero, 0));
  CHECK(file[4096] == 'f' && file[1] == magic && file_gone[1] == magic);
  CHECK(is_all(shared, 4096, 's') && is_all(shared + 4096, SIZE - 4096, 0));
  CHECK_EQUAL((long)sbrk(0), (long)top);
  /* Not mapped any more. */
  CHECK(msync(probe, 4096, MS_ASYNC) == -1 && errno == ENOMEM);
  /* As protected as before. */
  int pipe_ends[2];
  CHECK(pipe(pipe_ends) == 0 && write(pipe_ends[1], "x", 1) == 1);
  CHECK(read(pipe_ends[0], opened, 1) == -1 && errno == EFAULT);
  CHECK(write(pipe_ends[1], closed, 1) == -1 && errno == EFAULT);

  if (n == ROUNDS)
    return 0;
  memset(written, 'x', SIZE);
  memset(local, 'x', sizeof local);
  memset(initialised, 'x', sizeof initialised);
  memset(zero, 'x', sizeof zero);
  madvise(dropped, SIZE, MADV_DONTNEED);
  munmap(gone, SIZE);
  char *new_gone = mmap(gone, SIZE / 2, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  CHECK(new_gone == gone && n % 2 ? memset(gone, 'x', 4096) != 0 : 1);
  CHECK(mremap(moved, SIZE, SIZE, MREMAP_MAYMOVE | MREMAP_FIXED, probe) ==
        probe);
  mprotect(opened, SIZE, PROT_READ | PROT_WRITE);
  memset(opened, 'x', SIZE);
  mprotect(closed + 4096, SIZE / 2, PROT_READ | PROT_WRITE);
  memset(closed + 4096, 'x', 4096);
  file[1] = file[4096] = 'x';
  munmap(file_gone, 8192);
  memset(shared, 'x', 8192);
  CHECK(sbrk(n % 2 ? 1000000 : 4096) != (void *)-1);
  memset(top, 'x', 4096);
  roll_back();
}
