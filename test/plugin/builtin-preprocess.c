// Preprocessing apart from compiling, as ccache, distcc and -save-temps do,
// comes to the same: __has_builtin is answered alike.
// RUN: %clang -fhwckpt -E %s -o %t.i
// RUN: FileCheck --check-prefix=TEXT %s <%t.i
// RUN: %clang -fhwckpt -Werror -c %t.i -o %t.o
// RUN: mkdir -p %t.d && cd %t.d
// RUN: %clang -fhwckpt -Werror -save-temps -c %s -o %t.saved.o
// RUN: llvm-objdump -d %t.o | FileCheck --check-prefix=CODE %s
// RUN: llvm-objdump -d %t.saved.o | FileCheck --check-prefix=CODE %s
// TEXT: #pragma hwckpt site
// TEXT-NOT: hwckpt_builtins
// CODE-LABEL: <save>:
// CODE: 0f b9 84 00
#if __has_builtin(__builtin_ckpt_save) &&                                      \
    __has_builtin(__builtin_ckpt_poll) && __has_builtin(__builtin_ckpt_load)
int save(void) {
#pragma hwckpt site
  return __builtin_ckpt_save();
}
#endif
