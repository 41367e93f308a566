/* file.c - a checkpoint when a file appears, or is touched.
 *
 *   clang -fhwckpt file.c -o file
 *   hwckpt run --on file=$PWD/now -- ./file now
 */
#include <fcntl.h>
#include <hwckptintrin.h>
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv) {
  struct hwckpt_statistics now;
  if (argc != 2)
    return 2;
  close(open(argv[1], O_CREAT | O_WRONLY, 0600)); /* somebody else, as a rule */
  do
    hwckpt_statistics(&now, sizeof now);
  while (now.checkpoints < 1);
  printf("a checkpoint for %s\n", argv[1]);
  return unlink(argv[1]);
}
