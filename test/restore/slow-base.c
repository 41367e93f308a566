// The first checkpoint of a program takes a slow device 4 s, and the next have
// little to write: they come when the timer says, and not only after the time
// that the first has taken.
// REQUIRES: root
// RUN: %clang -fhwckpt -O2 %s -o %t
// RUN: %python %S/Inputs/slow-base %hwckpt %t
#include <signal.h>
#include <unistd.h>

enum { PAGES = 1024, PAGE = 4096 };

static volatile unsigned memory[PAGES][PAGE / sizeof(unsigned)];

int main(void) {
  unsigned state = 1;
  for (unsigned page = 0; page < PAGES; page++)
    for (unsigned word = 0; word < PAGE / sizeof(unsigned); word++) {
      state ^= state << 13;
      state ^= state >> 17;
      memory[page][word] = state ^= state << 5;
    }
  for (int i = 0; i < 160; i++) {
    usleep(50000);
    memory[0][i]++;
  }
  kill(getpid(), SIGKILL);
}
