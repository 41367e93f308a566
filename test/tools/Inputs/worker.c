/* worker NAME FOLDER: mixes memory that begins with its name, and adds a line to
 * FOLDER/NAME.log now and then, until FOLDER/stop is there; then the last line
 * says what came of it. With a number of lines instead of FOLDER/stop it is its
 * own reference: worker NAME FOLDER LINES. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WORDS (1u << 17)

int main(int argc, char **argv) {
  char log[512], stop[512], line[128];
  static uint64_t memory[WORDS];
  uint64_t at = 1;
  if (argc < 3)
    return 2;
  unsigned long lines = argc > 3 ? strtoul(argv[3], NULL, 10) : 0;
  snprintf(log, sizeof log, "%s/%s.log", argv[2], argv[1]);
  snprintf(stop, sizeof stop, "%s/stop", argv[2]);
  for (unsigned i = 0; i < WORDS; i++)
    memcpy(&memory[i], argv[1], strlen(argv[1]) < 8 ? strlen(argv[1]) : 8);
  int fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_TRUNC, 0600);
  for (unsigned long n = 1; fd >= 0; n++) {
    for (unsigned i = 0; i < 2000; i++) {
      at = at * 6364136223846793005u + 1442695040888963407u;
      memory[at >> 47] ^= at + memory[at >> 30 & (WORDS - 1)];
    }
    {
      int length = snprintf(line, sizeof line, "%s %lu %016llx\n", argv[1], n,
                            (unsigned long long)memory[at >> 47]);
      if (write(fd, line, (size_t)length) != length)
        return 3;
    }
    if (lines ? n == lines : !access(stop, F_OK))
      return 0;
    if (!lines)
      usleep(5000);
  }
  return 1;
}
