// hwckpt::watch in C++: members of classes and namespaces, templates, inline
// variables, invokes; what is inlined later is checked where it ends up.
// RUN: %clangxx -fhwckpt -std=c++20 -O2 -S %s -o - | FileCheck %s
// RUN: %clangxx -fhwckpt -std=c++20 -O0 -S %s -o - | FileCheck --check-prefix=NAMES %s
// NAMES-DAG: .asciz "one::counter"
// NAMES-DAG: .asciz "holder::member"
// NAMES-DAG: .asciz "shared"
// NAMES-DAG: .asciz "of_type<int>"
namespace one {
[[hwckpt::watch]] long counter;
}
struct holder {
  [[hwckpt::watch]] static int member;
};
int holder::member;
[[hwckpt::watch]] inline int shared = 1;
template <class T> [[hwckpt::watch]] T of_type;

void may_throw(long *);

// The check is on the way that returns, not on the one that is thrown.
// CHECK-LABEL: _Z7invokesv:
// CHECK:       {{(call|jmp).*}}__hwckpt_watch_before_check
// CHECK:       _Z9may_throwPl
// CHECK:       {{(call|jmp).*}}__hwckpt_watch_after_check
// CHECK-LABEL: _Z7inlinedv:
// CHECK:       {{(call|jmp).*}}__hwckpt_watch_written_check
// CHECK-NOT:   {{(call|jmp).*}}__hwckpt_watch
// CHECK-LABEL: _Z3endv:
int invokes() {
  try {
    may_throw(&one::counter);
  } catch (int) {
    return 1;
  }
  return 0;
}

static inline void set(int &to, int value) { to = value; }
struct setter {
  int *to;
  void operator()(int value) const { *to = value; }
};
// Where the variable is known only once the object is gone.
void inlined() {
  setter by_pointer{&holder::member};
  by_pointer(3);
}
void end() {}
int use() {
  set(shared, 2);
  return of_type<int> ++;
}
