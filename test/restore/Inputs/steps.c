/* steps FILE - the program that bad input is tried on: six steps, a line in
 * FILE for each, a checkpoint after the second and the third; it kills itself
 * after the fourth, unless it was restored. Ends with status 7. With a second
 * argument neither checkpoints nor death. */
#include "come-back.h"

#include <fcntl.h>

enum { WORDS = 1 << 16 };

/* Does not shrink when it is coded. */
static unsigned long words[WORDS];

static void step(int file, int number) {
  for (int i = 0; i < WORDS; i++)
    words[i] = words[i] * 6364136223846793005UL + 1442695040888963407UL +
               (unsigned long)i;
  CHECK(dprintf(file, "%d %lx\n", number, words[number]) > 0);
}

int main(int count, char **arguments) {
  int undisturbed = count > 2;
  CHECK(count > 1);
  int file = open(arguments[1],
                  O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
  CHECK(file >= 0);
  step(file, 1);
  step(file, 2);
  int restored = undisturbed || save();
  step(file, 3);
  restored |= undisturbed || save();
  step(file, 4);
  if (!restored)
    kill(getpid(), SIGKILL);
  step(file, 5);
  step(file, 6);
  return 7;
}
