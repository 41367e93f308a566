/* saves-and-waits.c - takes a checkpoint, another when it is continued, and
 * waits to be killed. */
#include <hwckptintrin.h>

#include <unistd.h>

int main(void) {
  if (__builtin_ckpt_save() > 0)
    __builtin_ckpt_save();
  for (;;)
    pause();
}
