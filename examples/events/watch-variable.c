/* watch-variable.c - a variable that the source marks: a write to it asks for a
 * checkpoint, with the processor's debug registers or the compiler's checks,
 * and no rule is needed.
 *
 *   clang -fhwckpt watch-variable.c -o watch-variable
 *   ./watch-variable
 */
#include <hwckptintrin.h>
#include <stdio.h>

__attribute__((hwckpt_watch)) static int epoch; /* [[hwckpt::watch]] in C++ */

int main(void) {
  struct hwckpt_statistics now;
  epoch = 1;
  do
    hwckpt_statistics(&now, sizeof now);
  while (now.checkpoints < 1);
  printf("a checkpoint for epoch %d\n", epoch);
  return 0;
}
