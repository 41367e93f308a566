/* steps FILE [MODE] - the program that bad input is tried on: six steps, a line
 * in FILE for each, a checkpoint after the second and the third; it kills
 * itself after the fourth, unless it was restored. Ends with status 7.
 *
 *   undisturbed  takes no checkpoint and does not kill itself
 *   refused      the checkpoints must fail; does not kill itself
 *   waits        waits at the fourth for the end of its standard input
 */
#include "come-back.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

enum { WORDS = 1 << 16 };

/* Does not shrink when it is coded. */
static unsigned long words[WORDS];
static const char *mode = "";

static int in_mode(const char *name) { return strcmp(mode, name) == 0; }

static void step(int file, int number) {
  for (int i = 0; i < WORDS; i++)
    words[i] = words[i] * 6364136223846793005UL + 1442695040888963407UL +
               (unsigned long)i;
  CHECK(dprintf(file, "%d %lx\n", number, words[number]) > 0);
}

static int checkpoint(void) {
  if (in_mode("undisturbed"))
    return 1;
  if (!in_mode("refused"))
    return save();
  CHECK(__builtin_ckpt_save() == -EIO);
  return 1;
}

int main(int count, char **arguments) {
  CHECK(count > 1);
  if (count > 2)
    mode = arguments[2];
  int file = open(arguments[1],
                  O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
  CHECK(file >= 0);
  step(file, 1);
  step(file, 2);
  int restored = checkpoint();
  step(file, 3);
  restored |= checkpoint();
  step(file, 4);
  char byte;
  if (in_mode("waits"))
    CHECK(read(0, &byte, 1) == 0);
  else if (!restored)
    kill(getpid(), SIGKILL);
  step(file, 5);
  step(file, 6);
  return 7;
}
