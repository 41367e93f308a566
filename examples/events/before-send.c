/* before-send.c - what leaves the machine is in a checkpoint before: the number
 * that was sent is the one that a restored program has, though it is random.
 *
 *   clang -fhwckpt before-send.c -o before-send
 *   hwckpt run --on before=send -- ./before-send
 */
#include <arpa/inet.h>
#include <hwckptintrin.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/socket.h>

int main(void) {
  struct hwckpt_statistics now;
  struct sockaddr_in peer = {.sin_family = AF_INET, .sin_port = htons(9)};
  unsigned number = 0;
  peer.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int out = socket(AF_INET, SOCK_DGRAM, 0);
  if (getrandom(&number, sizeof number, 0) != sizeof number ||
      sendto(out, &number, sizeof number, 0, (struct sockaddr *)&peer,
             sizeof peer) != sizeof number)
    return 1;
  hwckpt_statistics(&now, sizeof now);
  printf("%u was sent after checkpoint %llu\n", number, now.generation);
  return now.generation == 0;
}
