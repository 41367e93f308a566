/* saves-and-says.c - takes a checkpoint, says so in each of its lives, and waits
 * to be killed. */
#include <hwckptintrin.h>

#include <unistd.h>

int main(void) {
  __builtin_ckpt_save();
  if (write(1, "saved\n", 6) != 6)
    return 1;
  for (;;)
    pause();
}
