/* command.c - a checkpoint when somebody asks for one from outside.
 *
 *   clang -fhwckpt command.c -o command
 *   hwckpt run --name job -- ./command &
 *   until hwckpt ckpt job; do sleep 0.1; done
 *   wait
 */
#include <hwckptintrin.h>
#include <stdio.h>
#include <unistd.h>

int main(void) {
  struct hwckpt_statistics now;
  do {
    usleep(1000);
    hwckpt_statistics(&now, sizeof now);
  } while (now.checkpoints < 1);
  printf("a checkpoint, as was asked for\n");
  return 0;
}
