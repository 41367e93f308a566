// The header serves both builds, in C and C++, and a precompiled one as well.
// RUN: %clang -fhwckpt -O1 -Wall -Wextra -Werror -S %s -o - | FileCheck %s
// RUN: %clang -fhwckpt -O1 -Wall -Wextra -Werror -x c++ -S %s -o - | FileCheck %s
// RUN: %clang -O1 -I%inc -Wall -Wextra -Werror -S %s -o - | FileCheck --check-prefix=WITHOUT %s
// RUN: echo '#include <hwckptintrin.h>' >%t.h
// RUN: %clang -fhwckpt -O1 -Werror -x c-header %t.h -o %t.h.pch
// RUN: %clang -fhwckpt -O1 -Werror -include %t.h -S %s -o - | FileCheck %s

#include <hwckptintrin.h>

// CHECK: .byte 15
// WITHOUT-NOT: .byte 15
// WITHOUT: movl{{[[:space:]]+}}$-38, %eax
int save(void);
int save(void) { return __builtin_ckpt_save(); }

// CHECK: .byte 15
// WITHOUT: movl{{[[:space:]]+}}$-38, %eax
int load(void);
int load(void) { return __builtin_ckpt_load(); }
