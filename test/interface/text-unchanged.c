// Sites that were armed leave no trace: after stops at them, every byte of the
// program's text is as in its file, and its pages are not writable.
// RUN: %behaviour -fno-pie -no-pie %s -o %t && %hwckpt run -- %t
#include "behaviour.h"
#include <elf.h>
#include <pthread.h>
#include <sys/stat.h>
static _Atomic int ends_now;
static char *file;
static void *loops(void *unused) {
  volatile unsigned long i = 0;
  while (!ends_now)
    i++;
  return unused;
}
static size_t compare(void) {
  const Elf64_Ehdr *header = (const Elf64_Ehdr *)file;
  const Elf64_Phdr *segment = (const Elf64_Phdr *)(file + header->e_phoff);
  size_t compared = 0;
  for (int i = 0; i < header->e_phnum; i++, segment++) {
    if (segment->p_type != PT_LOAD || !(segment->p_flags & PF_X))
      continue;
    CHECK(memcmp((const char *)segment->p_vaddr, file + segment->p_offset,
                 segment->p_filesz) == 0);
    compared += segment->p_filesz;
  }
  return compared;
}
static void check_protection(void) {
  char line[4096];
  FILE *maps = fopen("/proc/self/maps", "re");
  CHECK(maps);
  while (fgets(line, sizeof line, maps))
    CHECK(!strstr(line, "rwxp"));
  fclose(maps);
}
int main(void) {
  struct stat is;
  pthread_t threads[3];
  int fd = open("/proc/self/exe", O_RDONLY);
  CHECK(fd >= 0 && fstat(fd, &is) == 0);
  file = malloc((size_t)is.st_size);
  CHECK_EQUAL(read(fd, file, (size_t)is.st_size), is.st_size);
  CHECK(compare() > 1000);
  for (int i = 0; i < 3; i++)
    pthread_create(&threads[i], NULL, loops, NULL);
  for (int i = 0; i < 20; i++) {
    CHECK_EQUAL(__builtin_ckpt_save(), 0);
    compare();
    check_protection();
  }
  ends_now = 1;
  for (int i = 0; i < 3; i++)
    pthread_join(threads[i], NULL);
  return 0;
}
