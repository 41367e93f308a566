/* fileio.c - a checkpoint when the program makes its results durable: then the
 * two fit together. `fileio=close` and `fileio=10M` are other events.
 *
 *   clang -fhwckpt fileio.c -o fileio
 *   hwckpt run --on fileio=fsync -- ./fileio results
 */
#include <fcntl.h>
#include <hwckptintrin.h>
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv) {
  struct hwckpt_statistics now;
  int file = open(argc == 2 ? argv[1] : "", O_CREAT | O_WRONLY, 0600);
  if (file < 0 || write(file, "result\n", 7) != 7 || fsync(file))
    return 1;
  do
    hwckpt_statistics(&now, sizeof now);
  while (now.checkpoints < 1);
  printf("synced, and a checkpoint\n");
  return unlink(argv[1]);
}
