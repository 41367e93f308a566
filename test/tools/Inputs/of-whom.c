/* of-whom.c [FILE] - takes a checkpoint, with FILE open, kills itself, and says when it
 * has come back whose it is, and whether it has the process id of before. */
#include <fcntl.h>
#include <hwckptintrin.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

int main(int count, char **arguments) {
  int own = getpid();
  if (count > 1 && open(arguments[1], O_RDONLY) < 0)
    return 1;
  if (__builtin_ckpt_save() == 0)
    kill(own, SIGKILL);
  printf("of %d, %s\n", getuid(), getpid() == own ? "the same" : "another id");
  return 7;
}
