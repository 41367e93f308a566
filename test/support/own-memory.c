// The runtime's own memory while checkpoints are taken: 32 MiB and half a
// percent of the program's at most, with a smaller ring less; and once some
// checkpoints were taken, nothing is touched for the first time while the
// program stands still: the faults that are left are first writes to pages of
// the runtime's static variables, which are tracked as the program's are and
// lie in other pages whenever one is added: 13 to 15 pages after two rounds, 17
// or 18 after three, of which the last is made when all is prepared and so
// protects what preparing has written. What grows with the program would be
// hundreds.
// RUN: %behaviour %s -o %t && %hwckpt run -o ring=24 --name a -- %t 33 && %hwckpt run -o ring=4 --name b -- %t 13
// RUN: for name in a b; do %hwckpt show --json $name | %python -c 'import json, sys; s = json.load(sys.stdin)["statistics"]; n = s["stop_faults"]; assert n <= (20 if s["rounds"] < 3 else 24), s' || exit 1; done
#include "behaviour.h"
#include <sys/mman.h>
enum { MIB = 96, PAGES = MIB * 256, PAGE = 4096 };
// Where memory of the runtime is asked for: support/private.c.
#define PRIVATE_BEGIN 0x2a0000000000ull
#define PRIVATE_END 0x2b0000000000ull
/* Of the runtime's memory, in KiB. */
static unsigned long resident(void) {
  char line[512];
  unsigned long long begin = 0, end;
  unsigned long sum = 0, size;
  FILE *file = fopen("/proc/self/smaps", "re");
  CHECK(file);
  while (fgets(line, sizeof line, file))
    if (sscanf(line, "%llx-%llx ", &begin, &end) != 2 &&
        sscanf(line, "Rss: %lu kB", &size) == 1 && begin >= PRIVATE_BEGIN &&
        begin < PRIVATE_END)
      sum += size;
  fclose(file);
  return sum;
}
int main(int argc, char **argv) {
  CHECK(argc == 2);
  unsigned long most = strtoul(argv[1], NULL, 10) << 10;
  unsigned char *memory =
      mmap(NULL, (size_t)PAGES * PAGE, PROT_READ | PROT_WRITE,
           MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(memory != MAP_FAILED);
  for (int round = 0; round < 8; round++) {
    for (int i = 0; i < PAGES; i += round ? 7 : 1)
      for (int k = 0; k < PAGE; k += 8)
        memory[(size_t)i * PAGE + (size_t)k] += (unsigned char)(i * 31 + k + 1);
    CHECK_EQUAL(__builtin_ckpt_save(), 0);
    unsigned long now = resident();
    if (now < 1024 || now > most) {
      dprintf(2, "%lu KiB after checkpoint %d\n", now, round);
      return 1;
    }
  }
  return 0;
}
