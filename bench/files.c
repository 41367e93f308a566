/* files.c - what calls that change files cost after a checkpoint, when what was
 * there before is kept to be taken back (files=rollback), or is not.
 *
 *   files CALLS FOLDER
 *
 * Prints "KIND NANOSECONDS" of one call of each kind, and of a checkpoint while
 * a file is mapped shared.
 */
#include <fcntl.h>
#include <hwckptintrin.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define BLOCK 4096
#define MAPPED ((size_t)16 << 20)

static long long now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000000000ll + now.tv_nsec;
}

static void need(int so, const char *what) {
  if (!so) {
    perror(what);
    exit(1);
  }
}

static void say(const char *kind, long long begin, int calls) {
  printf("%s %lld\n", kind, (now_ns() - begin) / calls);
}

static char block[BLOCK];

static void write_at(int file, int calls) {
  for (int i = 0; i < calls; i++)
    need(pwrite(file, block, BLOCK, (off_t)i * BLOCK) == BLOCK, "pwrite");
}

static void time_calls(int file, int calls) {
  long long begin = now_ns();
  write_at(file, calls);
  say("overwrite-first", begin, calls);
  begin = now_ns();
  write_at(file, calls);
  say("overwrite-again", begin, calls);
  lseek(file, 0, SEEK_END);
  begin = now_ns();
  for (int i = 0; i < calls; i++)
    need(write(file, block, BLOCK) == BLOCK, "write");
  say("append", begin, calls);
  begin = now_ns();
  for (int i = 0; i < calls; i++)
    need(pread(file, block, BLOCK, (off_t)i * BLOCK) == BLOCK, "pread");
  say("read", begin, calls);
  begin = now_ns();
  for (int i = 0; i < calls; i++) {
    int made = open("made", O_WRONLY | O_CREAT | O_EXCL, 0600);
    need(made >= 0 && close(made) == 0 && unlink("made") == 0, "made");
  }
  say("make-and-remove", begin, calls);
}

/* All that is mapped is kept beforehand, for nobody tells what is written. */
static void time_checkpoint(int file) {
  need(ftruncate(file, MAPPED) == 0, "ftruncate");
  char *memory =
      mmap(NULL, MAPPED, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  need(memory != MAP_FAILED, "mmap");
  for (int i = 0; i < 3; i++) {
    memset(memory, i + 1, MAPPED);
    long long begin = now_ns();
    need(__builtin_ckpt_save() >= 0, "checkpoint");
    if (i == 2)
      say("checkpoint-mapped", begin, 1);
  }
}

int main(int argc, char **argv) {
  if (argc != 3)
    return fprintf(stderr, "usage: files CALLS FOLDER\n"), 2;
  int calls = atoi(argv[1]);
  need(chdir(argv[2]) == 0, "chdir");
  int file = open("data", O_RDWR | O_CREAT | O_TRUNC, 0600);
  need(file >= 0, "data");
  memset(block, 1, sizeof block);
  write_at(file, calls);
  need(fsync(file) == 0 && __builtin_ckpt_save() >= 0, "checkpoint");
  memset(block, 2, sizeof block);
  time_calls(file, calls);
  time_checkpoint(file);
  return 0;
}
