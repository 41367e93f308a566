/* rights.c - takes a checkpoint, kills itself, and says in the end who it is. Status 9:
 * there is no checkpoint. */
#include <hwckptintrin.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

int main(void) {
  int times = __builtin_ckpt_save();
  if (times == 0)
    kill(getpid(), SIGKILL);
  printf("rights of %s\n", getuid() == geteuid() ? "its user" : "another");
  return times > 0 ? 7 : 9;
}
