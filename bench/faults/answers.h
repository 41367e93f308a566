/* answers.h - what bench/faults/solver.c sends, for bench/faults/inject.c: the
 * problems, their residual, and the seal on an answer.
 *
 * Problem p: (4 + c) u - (the four neighbours of u) = f(p), zero outside.
 */
#ifndef ANSWERS_H
#define ANSWERS_H

#include <math.h>
#include <stdint.h>

#define N 48
#define DIAGONAL 4.2
#define GOOD 1e-8 /* a residual of an answer */

struct answer {
  uint64_t magic, problem, seal;
  uint64_t rollbacks; /* for failures, so far; not sealed */
  double u[N][N];
};
#define ANSWER_MAGIC 0x616e73776572ull

/* Once, before all answers: where the solver's code and memory are. */
struct introduction {
  uint64_t code[2], state[2], out[2], stack_top;
};

static inline double right_side(uint64_t p, int i, int j) {
  return (double)(((uint64_t)i * 7 + (uint64_t)j * 13 + p * 31) % 101) / 101.0;
}

static inline uint64_t mixed(uint64_t value) {
  value = (value ^ value >> 31) * 0x9e3779b97f4a7c15ull;
  return value ^ value >> 29;
}

/* Over what is in the grid; the start is what only who passed the last check
 * knows. */
static inline uint64_t sealed(const double u[N][N], uint64_t start) {
  uint64_t seal = start;
  for (int i = 0; i < N; i++)
    for (int j = 0; j < N; j++) {
      union {
        double number;
        uint64_t bits;
      } one = {.number = u[i][j]};
      seal = mixed(seal ^ one.bits) + 1;
    }
  return seal;
}

#define AT(u, i, j)                                                            \
  ((i) < 0 || (j) < 0 || (i) >= N || (j) >= N ? 0.0 : (u)[i][j])

static inline double residual_of(const double u[N][N], uint64_t p) {
  double worst = 0;
  for (int i = 0; i < N; i++)
    for (int j = 0; j < N; j++) {
      double r = right_side(p, i, j) - DIAGONAL * u[i][j] + AT(u, i - 1, j) +
                 AT(u, i + 1, j) + AT(u, i, j - 1) + AT(u, i, j + 1);
      if (!(fabs(r) <= worst)) /* NaN too */
        worst = isnan(r) ? HUGE_VAL : fabs(r);
    }
  return worst;
}

#endif
