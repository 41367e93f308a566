// Pipes inside the program, with bytes under way.
// RUN: %clang -fhwckpt -O2 %s -o %t -pthread && %python %S/Inputs/kill-and-restore --hwckpt %hwckpt --dir %t.dir -- %t
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
enum { TOTAL = 150000 };
static int ends[2], slow[2];
static void *writer(void *unused) {
  for (unsigned i = 0; i < TOTAL; i++)
    if (write(ends[1], &i, sizeof i) != sizeof i) {
      perror("write");
      exit(1);
    }
  close(ends[1]);
  return unused;
}
int main(void) {
  pthread_t thread;
  if (pipe(ends) || pipe(slow) || write(slow[1], "in flight", 9) != 9)
    return 1;
  pthread_create(&thread, NULL, writer, NULL);
  unsigned long sum = 0;
  unsigned value, wanted = 0;
  ssize_t got;
  while ((got = read(ends[0], &value, sizeof value)) == sizeof value) {
    if (value != wanted++)
      return printf("%u, not %u\n", value, wanted - 1), 1;
    for (int i = 0; i < 8000; i++)
      sum = sum * 31 + value;
    if (value % 10000 == 0)
      printf("%u %lx\n", value, sum);
  }
  char text[20];
  printf("%zd %u %lx\n", got, wanted, sum);
  got = read(slow[0], text, sizeof text);
  printf("%.*s\n", (int)got, text);
  pthread_join(thread, NULL);
  return 11;
}
