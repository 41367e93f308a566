/* solver.c - solves a linear system by conjugate gradients, with several
 * threads, and checks the residual against the matrix itself. Sums are added in
 * the order of rows, so that results do not depend on the threads. */
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { SIDE = 220, N = SIDE * SIDE, THREADS = 3 };
static double x[N], r[N], p[N], q[N], b[N], rows[N];
static pthread_barrier_t barrier;

/* The Laplacian of a square with a potential: q = A p. */
static double product(const double *v, int i) {
  int row = i / SIDE, column = i % SIDE;
  double sum = (4 + 1e-4 * (i % 7)) * v[i];
  sum -= row ? v[i - SIDE] : 0;
  sum -= row < SIDE - 1 ? v[i + SIDE] : 0;
  sum -= column ? v[i - 1] : 0;
  sum -= column < SIDE - 1 ? v[i + 1] : 0;
  return sum;
}

static double sum(void) {
  double total = 0;
  for (int i = 0; i < N; i++)
    total += rows[i];
  return total;
}

static double alpha, beta, old;
static int steps, done;

static void step(int first, int last, int leads) {
  for (int i = first; i < last; i++)
    rows[i] = p[i] * (q[i] = product(p, i));
  pthread_barrier_wait(&barrier);
  if (leads)
    alpha = old / sum();
  pthread_barrier_wait(&barrier);
  for (int i = first; i < last; i++) {
    x[i] += alpha * p[i];
    r[i] -= alpha * q[i];
    rows[i] = r[i] * r[i];
  }
  pthread_barrier_wait(&barrier);
  if (leads) {
    double now = sum();
    beta = now / old;
    old = now;
    done = sqrt(now) < 1e-9 || ++steps == 5 * N;
  }
  pthread_barrier_wait(&barrier);
  for (int i = first; i < last; i++)
    p[i] = r[i] + beta * p[i];
  pthread_barrier_wait(&barrier);
}

static void *work(void *number) {
  int which = (int)(size_t)number;
  int first = (int)((long)N * which / THREADS);
  int last = (int)((long)N * (which + 1) / THREADS);
  do
    step(first, last, !which);
  while (!done);
  return NULL;
}

static void solve(void) {
  pthread_t threads[THREADS];
  old = 0;
  steps = done = 0;
  for (int i = 0; i < N; i++) {
    x[i] = 0;
    p[i] = r[i] = b[i];
    old += r[i] * r[i];
  }
  for (size_t i = 0; i < THREADS; i++)
    pthread_create(&threads[i], NULL, work, (void *)i);
  for (int i = 0; i < THREADS; i++)
    pthread_join(threads[i], NULL);
}

int main(int count, char **arguments) {
  int systems = count == 2 ? atoi(arguments[1]) : 1;
  unsigned seed = 1;
  pthread_barrier_init(&barrier, NULL, THREADS);
  for (int system = 0; system < systems; system++) {
    for (int i = 0; i < N; i++)
      b[i] = (double)((seed = seed * 1103515245 + 12345) >> 16) / 65536;
    solve();
    double residual = 0, norm = 0;
    for (int i = 0; i < N; i++) {
      double difference = b[i] - product(x, i);
      residual += difference * difference;
      norm += x[i] * x[i];
    }
    residual = sqrt(residual);
    printf("%d: %d steps, |x| %.17g, residual %.17g\n", system, steps,
           sqrt(norm), residual);
    fflush(stdout);
    if (!(residual < 1e-7))
      return 1;
  }
  return 0;
}
