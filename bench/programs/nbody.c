/* Bodies that attract each other. */
#include "common.h"

enum { N = 96 };
struct body {
  double x, y, z, vx, vy, vz, mass;
};

__attribute__((noinline)) static void advance(struct body *bodies, double dt) {
  for (int i = 0; i < N; i++)
    for (int j = i + 1; j < N; j++) {
      struct body *a = &bodies[i], *b = &bodies[j];
      double dx = a->x - b->x, dy = a->y - b->y, dz = a->z - b->z;
      double square = dx * dx + dy * dy + dz * dz + 0.01;
      double pull = dt / (square * sqrt(square));
      a->vx -= dx * b->mass * pull, b->vx += dx * a->mass * pull;
      a->vy -= dy * b->mass * pull, b->vy += dy * a->mass * pull;
      a->vz -= dz * b->mass * pull, b->vz += dz * a->mass * pull;
    }
  for (int i = 0; i < N; i++) {
    struct body *a = &bodies[i];
    a->x += dt * a->vx, a->y += dt * a->vy, a->z += dt * a->vz;
  }
}

int main(void) {
  enum { FIELDS = sizeof(struct body) / sizeof(double) };
  double *numbers = make_numbers(N * FIELDS);
  for (int i = 0; i < 700; i++)
    advance((struct body *)numbers, 0.001);
  return sum_numbers(numbers, N * FIELDS);
}
