/* solver.c - solves one problem after the other, checks itself, and is rolled
 * back when a check fails or it dies of a fault (rollback_on=all): what
 * bench/faults/inject.c flips bits in.
 *
 *   solver FIRST      the number of the first problem; answers go to stdout
 *
 * Every sweep contracts the residual, so a check before each checkpoint sees
 * what went wrong since the last. An answer is copied, sealed and then checked;
 * the seal needs a number that is there only once the check has been passed, so
 * that no jump past it makes one.
 */
#include "answers.h"

#include <hwckptintrin.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SWEEPS 320
#define CHECK_EVERY 20
#define SAVE_EVERY 80
#define FLOOR 1e-11 /* where rounding ends the contraction */

#define SOLVER __attribute__((noinline, section("solver_code")))
extern char code_begin[] __asm__("__start_solver_code");
extern char code_end[] __asm__("__stop_solver_code");

static struct {
  double u[N][N];
  double last;
  uint64_t problem, passed;
} s;
static struct answer out;

SOLVER static void sweep(void) {
  for (int i = 0; i < N; i++)
    for (int j = 0; j < N; j++)
      s.u[i][j] = (right_side(s.problem, i, j) + AT(s.u, i - 1, j) +
                   AT(s.u, i + 1, j) + AT(s.u, i, j - 1) + AT(s.u, i, j + 1)) /
                  DIAGONAL;
}

SOLVER static void check(void) {
  double now = residual_of(s.u, s.problem);
  hwckpt_check(now <= s.last * 0.5 || now <= FLOOR);
  s.last = now;
}

SOLVER static void save(void) { hwckpt_check(__builtin_ckpt_save() >= 0); }

SOLVER static void deliver(void) {
  struct hwckpt_statistics statistics;
  hwckpt_statistics(&statistics, sizeof statistics);
  out.magic = ANSWER_MAGIC;
  out.problem = s.problem;
  out.rollbacks = statistics.faults_rolled_back;
  memcpy(out.u, s.u, sizeof out.u);
  uint64_t seal = sealed(out.u, 0);
  hwckpt_check(residual_of(out.u, out.problem) <= GOOD);
  s.passed = mixed(s.problem);
  out.seal = seal ^ s.passed;
  hwckpt_check(write(1, &out, sizeof out) == sizeof out);
}

SOLVER static void solve(void) {
  memset(s.u, 0, sizeof s.u);
  s.passed = 0;
  s.last = HUGE_VAL;
  for (int k = 0; k < SWEEPS; k++) {
    if (k && k % CHECK_EVERY == 0)
      check();
    if (k % SAVE_EVERY == 0)
      save();
    sweep();
  }
  check();
  deliver();
}

int main(int argc, char **argv) {
  struct introduction introduction = {
      .code = {(uint64_t)code_begin, (uint64_t)code_end},
      .state = {(uint64_t)&s, sizeof s},
      .out = {(uint64_t)&out, sizeof out},
      .stack_top = (uint64_t)&introduction + sizeof introduction,
  };
  if (argc != 2)
    return 2;
  if (write(1, &introduction, sizeof introduction) != sizeof introduction)
    return 1;
  for (s.problem = strtoull(argv[1], NULL, 10);; s.problem++)
    solve();
}
