// Events that come while none may be served (the option spacing) are served by
// one checkpoint, at the end of it; its record has all, and the cause of the
// first as it was when it came. A save does not wait for that.
// RUN: %behaviour -std=gnu23 %s -o %t
// RUN: %hwckpt run -o spacing=2s -- %t
// RUN: %hwckpt show | FileCheck %s
// RUN: %hwckpt show --json | tr -d '\n' | FileCheck --check-prefix=JSON %s
// CHECK: event watch, signal, api{{$}}
// CHECK-NEXT: cause first (4 bytes at 0x
// JSON: "event": "watch",{{ *}}"events": [{{ *}}"signal",{{ *}}"api",
// JSON-SAME: "watch"{{ *}}],{{ *}}"cause": "first (
#include "behaviour.h"
[[hwckpt::watch]] static int first, second;
int main(void) {
  CHECK_EQUAL(__builtin_ckpt_save(), 0);
  CHECK_EQUAL(__builtin_ckpt_save(), 0);
  double begin = now();
  CHECK_EQUAL(generations(), 2);
  first = 1;
  second = 2;
  CHECK_EQUAL(hwckpt_request(), 0);
  raise(SIGUSR1);
  wait_for_generations(1);
  CHECK(now() - begin > 1);
  return first + second != 3;
}
