// With short loops counted, no function has a cycle without a site, and no
// cycle of calls either; exceptions and coroutines too.
// RUN: clang -O0 -S -emit-llvm %S/identical.c -o %t.1.ll
// RUN: clang -O2 -S -emit-llvm %S/identical.c -o %t.2.ll
// RUN: clang -O2 -S -emit-llvm %s -o %t.3.ll
// RUN: for level in 0 2; do \
// RUN:   %clangxx -fhwckpt -std=c++20 -O$level -mllvm -hwckpt-short-loop=0 -S -emit-llvm %S/coroutine.cpp -o %t.c.ll && %python %S/Inputs/cycles.py <%t.c.ll || exit 1; \
// RUN: done
// RUN: for file in %t.1.ll %t.2.ll %t.3.ll %S/loop-irreducible.ll %S/loop-nested.ll %S/loop-short.ll %S/recursion.ll %S/loop-landing-pad.ll; do \
// RUN:   %opt -load-pass-plugin=%pass -hwckpt-short-loop=0 -passes=hwckpt -S $file | %python %S/Inputs/cycles.py || exit 1; \
// RUN: done
// The check itself: without sites there are cycles.
// RUN: for file in %S/loop-nested.ll %S/recursion.ll; do not %python %S/Inputs/cycles.py <$file || exit 1; done

int parse(const char *s, int depth) {
  int n = 0;
again:
  for (; *s; s++) {
    switch (*s) {
    case '(':
      n += parse(s + 1, depth + 1);
      break;
    case ')':
      if (depth)
        return n;
      goto again;
    case '#':
      while (*s && *s != '\n')
        s++;
      if (!*s)
        goto out;
      continue;
    case '\\':
      do {
        if (!*++s)
          goto out;
      } while (*s == '\\' || *s == ' ');
      goto again;
    default:
      for (int i = 0; i < *s; i++)
        n ^= i * n;
    }
  }
out:
  return n;
}
