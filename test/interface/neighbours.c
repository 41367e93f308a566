// Arming the sites of libraries that lie side by side leaves what is between
// them as it was: data stays writable, constants stay constant.
// RUN: rm -rf %t && mkdir %t
// RUN: for i in 0 1 2 3 4 5 6 7; do %clang -fhwckpt -O1 -shared -fPIC -DLIBRARY -DNUMBER=$i %s -o %t/lib$i.so || exit; done
// RUN: %clang -fhwckpt -O1 %s -o %t/main
// RUN: %hwckpt run --every 5ms --cache %t/cache -- %t/main %t
#ifdef LIBRARY
int counters[64] = {NUMBER};

int work(int n) {
  int sum = 0;
  for (int i = 0; i < n; i++)
    sum += counters[i % 64]++ & 1;
  return sum;
}
#else
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LIBRARIES 8

// The protection of every area, runs of the same one counted once.
static void protections(char *text) {
  FILE *maps = fopen("/proc/self/maps", "r");
  char line[4096], previous[4096] = "";
  *text = 0;
  while (fgets(line, sizeof line, maps)) {
    char permissions[8], name[3000] = "";
    sscanf(line, "%*s %7s %*s %*s %*s %2999[^\n]", permissions, name);
    if (!strstr(name, "/lib") || !strstr(name, ".so"))
      continue;
    char entry[4000];
    snprintf(entry, sizeof entry, "%s %s\n", permissions, name);
    if (strcmp(entry, previous))
      strcat(text, strcpy(previous, entry));
  }
  fclose(maps);
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

int main(int argc, char **argv) {
  int (*work[LIBRARIES])(int);
  for (int i = 0; i < LIBRARIES; i++) {
    char path[4096];
    snprintf(path, sizeof path, "%s/lib%d.so", argv[1], i);
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    work[i] = (int (*)(int))dlsym(library, "work");
  }
  static char before[1 << 16], after[1 << 16];
  protections(before);
  long sum = 0;
  for (double end = now() + 0.5; now() < end;)
    for (int i = 0; i < LIBRARIES; i++)
      sum += work[i](100000);
  protections(after);
  if (strcmp(before, after))
    return printf("before:\n%safter:\n%s", before, after), 1;
  return sum > 0 ? 0 : 2;
}
#endif
