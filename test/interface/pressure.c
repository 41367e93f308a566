// pressure= of a rule: threads that wait for a processor, as the kernel's
// pressure stall information tells.
// RUN: %behaviour %s -o %t
// RUN: bash %S/Inputs/permitted %hwckpt run --on pressure=cpu,some,50ms/2s -- %t
// RUN: %hwckpt show | FileCheck %s
// CHECK: event {{ *}}pressure
// CHECK-NEXT: cause {{ *}}pressure=cpu,some,50ms/2s
// RUN: HWCKPT_OPTIONS='on="pressure=memory,some,1s/99s"' %t none 2>&1 | FileCheck %s --check-prefix=WINDOW
// RUN: bash %S/../tools/Inputs/status 125 %hwckpt run --on pressure=memory,some,1s/99s -- %t none 2>&1 | FileCheck %s --check-prefix=WINDOW
// WINDOW: HWCKPT-E25{{[123]}}: event {{[^:]*}}: pressure=memory,some,1s/99s:
// WINDOW-SAME: {{the kernel takes windows of 500ms to 10s|/proc/pressure}}
// A kernel that does not tell of pressure.
// RUN: test $(id -u) != 0 || { bash %S/Inputs/without-pressure %hwckpt run --on pressure=cpu,some,50ms/2s -- %t none || true; } 2>&1 | FileCheck %s --check-prefix=NOT-THERE
// RUN: test $(id -u) != 0 || HWCKPT_OPTIONS='on="pressure=cpu,some,50ms/2s"' bash %S/Inputs/without-pressure %t none 2>&1 | FileCheck %s --check-prefix=NOT-THERE
// NOT-THERE: {{SKIP|HWCKPT-E251: .*: /proc/pressure/cpu \(ENOENT}}
// RUN: for bad in pressure pressure=disk,some,1s/2s pressure=cpu,most,1s/2s pressure=cpu,some pressure=cpu,some,1s pressure=cpu,some,3s/2s pressure=cpu,some,1s/2x pressure=cpu,full,1s/2s pressure=irq,some,1s/2s; do bash %S/../tools/Inputs/status 2 %hwckpt run --on "$bad" true 2>&1 | grep -c E250 || { echo "not refused: $bad"; exit 1; }; done
#include "behaviour.h"
#include <pthread.h>
static void *work(void *unused) {
  struct hwckpt_statistics is;
  double begin = now();
  do {
    CHECK(now() - begin < 20);
    for (volatile int i = 0; i < 1000000;)
      i = i + 1;
    CHECK_EQUAL(hwckpt_statistics(&is, sizeof is), 0);
  } while (!is.checkpoints);
  return unused;
}
int main(int argc, char **argv) {
  pthread_t threads[64];
  if (argc > 1)
    return *argv[1] != 'n';
  long count = 2 * sysconf(_SC_NPROCESSORS_ONLN);
  count = count > 64 ? 64 : count;
  for (long i = 0; i < count; i++)
    CHECK_EQUAL(pthread_create(&threads[i], NULL, work, NULL), 0);
  for (long i = 0; i < count; i++)
    pthread_join(threads[i], NULL);
  return 0;
}
