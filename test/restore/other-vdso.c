// A program that was restored under another kernel: what it calls in the vdso,
// at the addresses of before, works on, by the vdso of now, which lies
// elsewhere. And so it does when it was restored twice, and under the first
// kernel after that.
//
// RUN: %behaviour %s -o %t && %hwckpt run %t; test $? = 137
// RUN: HWCKPT_OTHER_KERNEL=1 %hwckpt restore; test $? = 137
// RUN: HWCKPT_OTHER_KERNEL=1 %hwckpt restore; test $? = 137
// RUN: %hwckpt restore; test $? = 137
// RUN: HWCKPT_OTHER_KERNEL=1 %hwckpt restore
#include "behaviour.h"

#include <elf.h>
#include <link.h>
#include <sched.h>
#include <stdbool.h>
#include <sys/auxv.h>
#include <sys/time.h>

#define ROUNDS 5

typedef int gettime(clockid_t, struct timespec *);
typedef int gettimeofday_of(struct timeval *, void *);
typedef time_t time_of(time_t *);
typedef int getcpu_of(unsigned *, unsigned *, void *);

static struct {
  gettime *clock_gettime, *clock_getres;
  gettimeofday_of *gettimeofday;
  time_of *time;
  getcpu_of *getcpu;
} vdso;

/* As a libc of its own finds them, once, at the start. */
static void *find(const char *name) {
  const char *image = (const char *)getauxval(AT_SYSINFO_EHDR);
  const ElfW(Ehdr) *head = (const ElfW(Ehdr) *)image;
  const ElfW(Phdr) *segments = (const ElfW(Phdr) *)(image + head->e_phoff);
  const ElfW(Sym) *symbols = NULL;
  const char *strings = NULL;
  for (int i = 0; i < head->e_phnum; i++) {
    if (segments[i].p_type != PT_DYNAMIC)
      continue;
    const ElfW(Dyn) *entry = (const ElfW(Dyn) *)(image + segments[i].p_offset);
    for (; entry->d_tag != DT_NULL; entry++) {
      if (entry->d_tag == DT_SYMTAB)
        symbols = (const ElfW(Sym) *)(image + entry->d_un.d_ptr);
      if (entry->d_tag == DT_STRTAB)
        strings = image + entry->d_un.d_ptr;
    }
  }
  CHECK(symbols && strings);
  for (; (const char *)symbols < strings; symbols++)
    if (!strcmp(strings + symbols->st_name, name))
      return (void *)(image + symbols->st_value);
  return NULL;
}

static bool in_vdso(const void *address) {
  char line[512];
  unsigned long begin, end;
  bool is = false;
  FILE *maps = fopen("/proc/self/maps", "r");
  while (fgets(line, sizeof line, maps))
    if (strstr(line, "[vdso]") && sscanf(line, "%lx-%lx", &begin, &end) == 2)
      is |= (unsigned long)address >= begin && (unsigned long)address < end;
  fclose(maps);
  return is;
}

static void look_at_clocks(void) {
  struct timespec own, libc, resolution;
  struct timeval day;
  unsigned processor = 12345, node;
  CHECK(vdso.clock_gettime(CLOCK_MONOTONIC, &own) == 0);
  CHECK(clock_gettime(CLOCK_MONOTONIC, &libc) == 0);
  CHECK(libc.tv_sec - own.tv_sec >= 0 && libc.tv_sec - own.tv_sec <= 60);
  CHECK(vdso.clock_gettime(-1, &own) == -EINVAL);
  CHECK(vdso.gettimeofday(&day, NULL) == 0);
  CHECK(labs(vdso.time(NULL) - day.tv_sec) <= 60);
  CHECK(labs(time(NULL) - day.tv_sec) <= 60);
  CHECK(vdso.getcpu(&processor, &node, NULL) == 0 && processor != 12345);
  CHECK(sched_getcpu() >= 0);
  CHECK(!vdso.clock_getres ||
        (vdso.clock_getres(CLOCK_REALTIME, &resolution) == 0 &&
         resolution.tv_nsec > 0));
}

int main(void) {
  vdso.clock_gettime = (gettime *)find("__vdso_clock_gettime");
  vdso.clock_getres = (gettime *)find("__vdso_clock_getres");
  vdso.gettimeofday = (gettimeofday_of *)find("__vdso_gettimeofday");
  vdso.time = (time_of *)find("__vdso_time");
  vdso.getcpu = (getcpu_of *)find("__vdso_getcpu");
  CHECK(vdso.clock_gettime && vdso.gettimeofday && vdso.time && vdso.getcpu);
  for (int round = 0; round < ROUNDS; round++) {
    for (int i = 0; i < 1000; i++)
      look_at_clocks();
    CHECK(in_vdso((void *)vdso.clock_gettime) == (round == 0));
    if (round < ROUNDS - 1) {
      int restored = __builtin_ckpt_save();
      CHECK(restored >= 0);
      if (!restored)
        kill(getpid(), SIGKILL);
    }
  }
  return 0;
}
