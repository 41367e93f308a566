// What #pragma hwckpt site regions describes, of each kind of variable, and
// what it cannot: that is a warning with the reason. With a goto whatever the
// function names is needed. Without a name the set is called as the function.
// RUN: %clang -fhwckpt -O0 -Wno-unused %s -o %t -Xclang -verify
// RUN: rm -rf $HWCKPT_CACHE/* && %t && %hwckpt show $(ls $HWCKPT_CACHE | grep '[.]kinds$') >%t.kinds
// RUN: tail -n +2 %t.kinds | FileCheck %s
// RUN: %hwckpt show $(ls $HWCKPT_CACHE | grep '[.]jumps$') | grep -E '^  (before|i|n) ' | grep -cx '.*int32.1., 4 B' | grep -cx 3
// RUN: %hwckpt show $(ls $HWCKPT_CACHE | grep '[.]around$') | grep -cE '^  (rounds|outer) ' | grep -cx 2
// RUN: %clang -fhwckpt -O1 -Rpass=hwckpt -Wno-everything -c %s -o %t.o 2>&1 | FileCheck %s --check-prefix=LIST
// LIST-DAG: remark: 'shorts' is a region of the set kinds: uint16[6] [-Rpass=hwckpt]
// LIST-DAG: remark: 'larger' is a region of the set kinds: bytes[16] [-Rpass=hwckpt]
// LIST-DAG: remark: 'exact' is a region of the set kinds: long double[1] [-Rpass=hwckpt]
// LIST-DAG: remark: 'before' is a region of the set jumps: int32[1] [-Rpass=hwckpt]
// RUN: %clang -fhwckpt -O1 -Rpass=inline -Wno-everything -c %s -o %t.o 2>&1 | not grep "is a region"
// CHECK-DAG: {{^  flag +}}uint8[1], 1 B
// CHECK-DAG: {{^  letter +}}int8[1], 1 B
// CHECK-DAG: {{^  shorts +}}uint16[6], 12 B
// CHECK-DAG: {{^  number +}}uint32[1], 4 B
// CHECK-DAG: {{^  large +}}uint64[1], 8 B
// CHECK-DAG: {{^  larger +}}bytes[16], 16 B
// CHECK-DAG: {{^  single +}}float[1], 4 B
// CHECK-DAG: {{^  exact +}}long double[1], 16 B
// CHECK-DAG: {{^  pair +}}double[4], 32 B
// CHECK-DAG: {{^  color +}}uint32[1], 4 B
// CHECK-DAG: {{^  either +}}bytes[4], 4 B
// CHECK-DAG: {{^  bits +}}bytes[4], 4 B
// CHECK-DAG: {{^  counted +}}int32[1], 4 B
// CHECK-DAG: {{^  changing +}}int64[1], 8 B
#include <hwckptintrin.h>
#include <stdbool.h>
#include <stdio.h>

static _Thread_local int of_thread;
__attribute__((weak)) extern int of_unknown_length[]; // and of no definition
enum color { RED };

static int count(void) {
  static int calls;
  return ++calls;
}

static int kinds(int n, int list[3]) {
  bool flag = false;
  char letter = 'a';
  unsigned short shorts[2][3] = {{0}};
  unsigned number = 0;
  unsigned long large = 0;
  __int128 larger = 0;
  float single = 0;
  long double exact = 0;
  _Complex double pair[2] = {0};
  enum color color = RED;
  union {
    int integer;
    float real;
  } either = {0};
  struct {
    unsigned low : 3, high : 5;
  } bits = {0};
  _Atomic int counted = 0;
  volatile long changing = 0;
  register int fast = 0;
  int *pointers[2] = {0};
  struct {
    int value;
    union {
      void *other;
    } within[2];
  } holder = {0};
  int of_length[n];
  const int constant = n;
// expected-warning@+8 {{'fast' is a register variable, which has no address; it is not saved; describe it with hwckpt_region() if the loop needs it}}
// expected-warning@+7 {{'pointers' is a pointer; what it points to is not saved; describe it}}
// expected-warning@+6 {{'list' is a pointer; what it points to is not saved; describe it}}
// expected-warning@+5 {{'holder' holds pointers; it is not saved; describe it}}
// expected-warning@+4 {{'of_length' has a size that is not known here; describe it}}
// expected-warning@+3 {{'of_thread' is thread-local; it is not saved; describe it}}
// expected-warning@+2 {{'calls' is a static variable of another function; it is not saved; describe it}}
// expected-warning@+1 {{'of_unknown_length' is of an incomplete type; it is not saved; describe it}}
#pragma hwckpt site regions
  for (int i = 0; i < n; i++) {
    flag = !flag;
    letter++;
    shorts[1][i % 3]++;
    number++, large++, larger++, single++, exact++;
    pair[0] += 1;
    color = RED;
    either.integer++;
    bits.low++;
    counted++, changing++, fast++;
    pointers[0] = 0;
    list[0]++;
    holder.value += constant;
    of_length[i] = of_thread++;
    count();
    fflush(stdout); // a header's own is not the program's
    large += of_unknown_length ? 1 : 0;
    if (hwckpt_region_save("kinds") < 0)
      return 1;
  }
  return 0;
}

static int jumps(int n) {
  int before = 0;
  before++;
again:
  n++;
#pragma hwckpt site regions
  for (int i = 0; i < 3; i++)
    if (hwckpt_region_save("jumps") < 0)
      return 1;
  if (n < 3)
    goto again;
  return 0;
}

// What the loop around it names before it is needed in the next round.
static int around(int n) {
  int rounds = 0;
  for (int outer = 0; outer < n; outer++) {
    rounds++;
#pragma hwckpt site regions(around)
    for (int i = 0; i < 3; i++)
      if (hwckpt_region_save("around") < 0)
        return 1;
  }
  return 0;
}

int main(void) {
  int list[3] = {0};
  return kinds(2, list) | jumps(0) | around(2);
}
