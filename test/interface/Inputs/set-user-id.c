/* set-user-id.c - says whether it was started with more rights. */
#include <stdio.h>
#include <sys/auxv.h>

int main(void) {
  printf("secure %lu\n", getauxval(AT_SECURE));
  return 0;
}
