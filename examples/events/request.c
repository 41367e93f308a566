/* request.c - a checkpoint when the program asks for one, which goes on
 * meanwhile and hears when it is durable.
 *
 *   clang -fhwckpt request.c -o request
 *   hwckpt run -- ./request
 */
#include <hwckpt.h>
#include <stdio.h>

int main(void) {
  unsigned long long before = hwckpt_generation();
  if (hwckpt_request() < 0)
    return 1;
  printf("asked for\n");
  if (hwckpt_wait(before + 1, 60000) < 0)
    return 1;
  printf("durable: generation %llu\n", hwckpt_generation());
  return 0;
}
