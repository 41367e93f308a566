/* network.c - a checkpoint when the program sends or receives after a second of
 * quiet. `network=connect`, `accept` and `64K` (so much was sent and received)
 * are other events of the network.
 *
 *   clang -fhwckpt network.c -o network
 *   hwckpt run --on network=first,1s -- ./network
 */
#include <arpa/inet.h>
#include <hwckptintrin.h>
#include <stdio.h>
#include <sys/socket.h>

int main(void) {
  struct hwckpt_statistics now;
  struct sockaddr_in here = {.sin_family = AF_INET};
  socklen_t size = sizeof here;
  char text[8];
  here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int one = socket(AF_INET, SOCK_DGRAM, 0),
      other = socket(AF_INET, SOCK_DGRAM, 0);
  if (bind(one, (struct sockaddr *)&here, size) ||
      getsockname(one, (struct sockaddr *)&here, &size) ||
      sendto(other, "hello", 6, 0, (struct sockaddr *)&here, size) != 6)
    return 1;
  do
    hwckpt_statistics(&now, sizeof now);
  while (now.checkpoints < 1);
  printf("%zd bytes came\n", recv(one, text, sizeof text, 0));
  return 0;
}
