/* A machine with registers whose program counts primes; INTERPRETER_GOTO makes
 * the dispatch a computed goto. */
#include "common.h"

enum operation { SET, ADD, MULTIPLY, LESS, DIVIDES, JUMP_IF, JUMP, STOP };
struct instruction {
  uint8_t operation, to, a, b;
  int32_t value;
};

static const struct instruction primes[] = {
    {SET, 0, 0, 0, 3},      /*  0: n = 3 */
    {SET, 1, 0, 0, 1},      /*  1: found = 1 */
    {SET, 5, 0, 0, 2},      /*  2: two */
    {SET, 6, 0, 0, 1},      /*  3: one */
    {SET, 2, 0, 0, 3},      /*  4: d = 3 */
    {MULTIPLY, 3, 2, 2, 0}, /*  5: d * d */
    {LESS, 4, 0, 3, 0},     /*  6: n < d * d: it is prime */
    {JUMP_IF, 0, 4, 0, 12}, /*  7 */
    {DIVIDES, 4, 2, 0, 0},  /*  8 */
    {JUMP_IF, 0, 4, 0, 13}, /*  9 */
    {ADD, 2, 2, 5, 0},      /* 10: d += 2 */
    {JUMP, 0, 0, 0, 5},     /* 11 */
    {ADD, 1, 1, 6, 0},      /* 12: found++ */
    {ADD, 0, 0, 5, 0},      /* 13: n += 2 */
    {LESS, 4, 0, 7, 0},     /* 14: n < limit */
    {JUMP_IF, 0, 4, 0, 4},  /* 15 */
    {STOP, 0, 0, 0, 0},
};

#ifdef INTERPRETER_GOTO
#define NEXT goto *labels[program[at].operation]
__attribute__((noinline)) static void
interpret(const struct instruction *program, uint64_t *registers) {
  static const void *const labels[] = {&&set,  &&add,     &&multiply, &&less,
                                       &&divi, &&jump_if, &&jump,     &&stop};
  size_t at = 0;
#define I program[at]
  NEXT;
set:
  registers[I.to] = (uint64_t)I.value, at++;
  NEXT;
add:
  registers[I.to] = registers[I.a] + registers[I.b], at++;
  NEXT;
multiply:
  registers[I.to] = registers[I.a] * registers[I.b], at++;
  NEXT;
less:
  registers[I.to] = registers[I.a] < registers[I.b], at++;
  NEXT;
divi:
  registers[I.to] = (uint32_t)registers[I.b] % (uint32_t)registers[I.a] == 0;
  at++;
  NEXT;
jump_if:
  at = registers[I.a] ? (size_t)I.value : at + 1;
  NEXT;
jump:
  at = (size_t)I.value;
  NEXT;
stop:
  return;
}
#else
__attribute__((noinline)) static void
interpret(const struct instruction *program, uint64_t *registers) {
  for (size_t at = 0;; at++) {
    struct instruction i = program[at];
    switch ((enum operation)i.operation) {
    case SET:
      registers[i.to] = (uint64_t)i.value;
      break;
    case ADD:
      registers[i.to] = registers[i.a] + registers[i.b];
      break;
    case MULTIPLY:
      registers[i.to] = registers[i.a] * registers[i.b];
      break;
    case LESS:
      registers[i.to] = registers[i.a] < registers[i.b];
      break;
    case DIVIDES:
      registers[i.to] =
          (uint32_t)registers[i.b] % (uint32_t)registers[i.a] == 0;
      break;
    case JUMP_IF:
      if (registers[i.a])
        at = (size_t)i.value - 1;
      break;
    case JUMP:
      at = (size_t)i.value - 1;
      break;
    case STOP:
      return;
    }
  }
}
#endif

int main(void) {
  uint64_t registers[8] = {0};
  registers[7] = 200000;
  interpret(primes, registers);
  return printf("%llu\n", (unsigned long long)registers[1]) < 0;
}
