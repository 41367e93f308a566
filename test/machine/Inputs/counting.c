/* counting ROUNDS [PAUSE_US] - takes a checkpoint each round and says the round when it is
 * committed; writes 64 pages a round, all of which hold the round. Says what it went
 * on from. CLOCK_MONOTONIC never runs backwards. */
#include "../../Inputs/behaviour.h"

#define PAGES 64
#define PAGE 4096ul

static unsigned char memory[PAGES * PAGE];

int main(int argc, char **argv) {
  CHECK(argc >= 2);
  unsigned rounds = (unsigned)atoi(argv[1]);
  useconds_t pause = argc > 2 ? (useconds_t)atoi(argv[2]) : 0;
  double last = now();
  dprintf(1, "began\n");
  for (unsigned round = 1; round <= rounds; round++) {
    for (unsigned i = 0; i < PAGES; i++)
      for (unsigned k = 0; k < 4; k++) {
        memcpy(memory + i * PAGE + k * 1000, &round, sizeof round);
        memory[i * PAGE + k * 1000 + 8] = (unsigned char)rand();
      }
    int times = __builtin_ckpt_save();
    CHECK(times >= 0);
    double at = now();
    CHECK(at >= last);
    last = at;
    for (unsigned i = 0; i < PAGES; i++) {
      unsigned kept;
      memcpy(&kept, memory + i * PAGE + 3000, sizeof kept);
      CHECK_EQUAL(kept, round);
    }
    dprintf(1, times ? "back in %u\n" : "committed %u\n", round);
    if (pause)
      usleep(pause);
  }
  dprintf(1, "ended\n");
  return 0;
}
