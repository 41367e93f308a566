// Files that are appended to and changed in place, the working directory and
// the umask.
// RUN: %clang -fhwckpt -O2 %s -o %t && %python %S/Inputs/kill-and-restore --hwckpt %hwckpt --dir %t.dir -- %t
// RUN: cmp %t.dir/work-reference/sub/log %t.dir/work-output/sub/log
// RUN: cmp %t.dir/work-reference/sub/data %t.dir/work-output/sub/data
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
int main(void) {
  umask(027);
  if (mkdir("sub", 0777) || chdir("sub"))
    return perror("sub"), 1;
  int log = open("log", O_WRONLY | O_CREAT | O_APPEND, 0666);
  int data = open("data", O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  FILE *lines = fdopen(log, "a");
  unsigned long x = 1;
  for (int i = 0; i < 4000; i++) {
    for (int k = 0; k < 1500000; k++)
      x = x * 6364136223846793005UL + 1442695040888963407UL;
    fprintf(lines, "%d %lx\n", i, x);
    if (i % 10 == 0)
      fflush(lines);
    if (write(data, &x, sizeof x) != sizeof x ||
        lseek(data, 0, SEEK_CUR) != (i + 1) * 8L)
      return printf("offset %ld at %d\n", (long)lseek(data, 0, SEEK_CUR), i), 1;
    if (i % 100 == 0) {
      char here[4096];
      mode_t mask = umask(027);
      printf("%d %o %s %x %x\n", i, mask,
             strrchr(getcwd(here, sizeof here), '/'),
             (unsigned)fcntl(log, F_GETFL), (unsigned)fcntl(data, F_GETFD));
    }
  }
  lseek(data, 0, SEEK_SET);
  unsigned long sum = 0;
  while (read(data, &x, sizeof x) == sizeof x)
    sum = sum * 31 + x;
  struct stat is;
  fstat(data, &is);
  printf("%lx %ld %o\n", sum, (long)is.st_size, is.st_mode);
  return 12;
}
