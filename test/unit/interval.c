/* The interval that is chosen is Daly's, and at least as good as its neighbours
 * when the lost time is worked out; checkpoints are spaced out when writing
 * them takes long, and not put off by rollbacks. */
// RUN: %unit/interval
// RUN: %unit/sanitized/interval
#include "../../runtime/interface/interval.c"
#include "Inputs/unit.h"

#define MS UINT64_C(1000000)
#define S (1000 * MS)

/* Within a thousandth, and a microsecond. */
static bool near(uint64_t got, uint64_t wanted) {
  uint64_t off = got > wanted ? got - wanted : wanted - got;
  return off <= wanted / 1000 + 2000;
}

int main(void) {
  /* By hand: sqrt(2cM) (1 + sqrt(c/2M) / 3 + (c/2M) / 9) - c. */
  CHECK(near(interval_daly(5 * MS, 86400 * S), 29390543675));
  CHECK(near(interval_daly(100 * MS, 3600 * S), 26766190472));
  CHECK(near(interval_daly(S, 20 * S), 5675456863));
  CHECK(near(interval_daly(60 * S, 3600 * S), 617875649626));
  /* A checkpoint that takes as long as the program lives. */
  CHECK(interval_daly(10 * S, 4 * S) == 4 * S);
  CHECK(interval_daly(UINT64_MAX, UINT64_MAX) == UINT64_MAX);
  CHECK(interval_daly(0, 86400 * S) > 0);
  CHECK(interval_daly(MS, UINT64_MAX) == UINT64_MAX);
  CHECK(interval_due(5 * S, 5 * S + 100 * MS, S) == 6 * S);
  CHECK(interval_due(5 * S, 5 * S + 900 * MS, S) == 6 * S + 150 * MS);
  CHECK(interval_due(5 * S, 6 * S, S) == 6 * S + 250 * MS);
  CHECK(interval_due(5 * S, 9 * S, S) == 13 * S);
  CHECK(interval_due_back(6 * S, 6 * S - 1, S) == 6 * S);
  CHECK(interval_due_back(6 * S, 6 * S, S) == 6 * S + 250 * MS);
  CHECK(interval_due_back(6 * S, 9 * S, S) == 9 * S + 250 * MS);
  return 0;
}
