// A thousand rollbacks: each takes no more processor time than the first, and
// nothing is left behind: no descriptor, mapping or thread.
// RUN: %behaviour %s -o %t && HWCKPT_OPTIONS=files=keep %t
#include "behaviour.h"
#include <dirent.h>
#include <sys/mman.h>

#define TIMES 1000

static int count(const char *path) {
  int number = 0;
  DIR *folder = opendir(path);
  for (struct dirent *entry; (entry = readdir(folder));)
    number++;
  closedir(folder);
  return number;
}

static int lines(const char *path) {
  int number = 0;
  FILE *file = fopen(path, "r");
  for (int c; (c = getc(file)) != EOF;)
    number += c == '\n';
  fclose(file);
  return number;
}

int main(void) {
  char *data = mmap(0, 1 << 20, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  memset(data, 1, 1 << 20);
  clock_t begin = clock();
  int n = __builtin_ckpt_save();
  CHECK(n >= 0);
  /* What is not rolled back tells how it was. */
  char path[] = "counts";
  int counts[3] = {count("/proc/self/fd"), lines("/proc/self/maps"),
                   count("/proc/self/task")};
  int kept = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (n == 2)
    CHECK_EQUAL(pwrite(kept, counts, sizeof counts, 0), sizeof counts);
  if (n == TIMES) {
    int before[3];
    CHECK_EQUAL(pread(kept, before, sizeof before, 0), sizeof before);
    CHECK_EQUAL(counts[0], before[0]);
    /* The runtime gives back what it needed while the program goes on. */
    CHECK(counts[1] <= before[1] + 40);
    CHECK_EQUAL(counts[2], before[2]);
    CHECK((clock() - begin) / CLOCKS_PER_SEC < 30); // measured: 2 to 3
    unlink(path);
    return 0;
  }
  for (int i = 0; i < 16; i++)
    data[(n * 7 + i) % 256 * 4096] = 2;
  roll_back();
}
