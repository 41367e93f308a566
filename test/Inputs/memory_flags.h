/* memory_flags.h - what the kernel says is set for memory. Behind behaviour.h.
 */
#ifndef HWCKPT_TEST_MEMORY_FLAGS_H
#define HWCKPT_TEST_MEMORY_FLAGS_H

#include <stdio.h>
#include <string.h>

/* Whether VmFlags of the mapping has the word, which begins with a space; -1:
 * no such mapping. */
static inline int memory_has(const char *memory, const char *word) {
  char line[512];
  unsigned long begin = 0, end = 0, from, to;
  FILE *file = fopen("/proc/self/smaps", "r");
  int found = -1;
  while (found < 0 && fgets(line, sizeof line, file)) {
    if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
      begin = from, end = to;
    if (strncmp(line, "VmFlags:", 8) == 0 && (unsigned long)memory >= begin &&
        (unsigned long)memory < end)
      found = strstr(line + 8, word) != NULL;
  }
  fclose(file);
  return found;
}

#endif
