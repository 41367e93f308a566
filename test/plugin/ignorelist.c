// -fhwckpt-ignorelist=: files and functions without sites, in the format of
// LLVM's special case lists.
// RUN: rm -rf %t.d && mkdir -p %t.d && cp %s %t.d/in.c
// RUN: printf '# a comment\n[hwckpt]\nfun:list*\n[address]\nfun:other\n' >%t.d/functions
// RUN: printf 'src:*/in.c\n' >%t.d/sources
// RUN: printf 'src:*/out.c\n' >%t.d/elsewhere
// RUN: %clang -fhwckpt -O2 -S %t.d/in.c -o - | FileCheck --check-prefix=ALL %s
// RUN: %clang -fhwckpt -fhwckpt-ignorelist=%t.d/elsewhere -O2 -S %t.d/in.c -o - | FileCheck --check-prefix=ALL %s
// RUN: %clang -fhwckpt -fhwckpt-ignorelist=%t.d/functions -O2 -S %t.d/in.c -o - | FileCheck --check-prefix=SOME %s
// RUN: %clang -fhwckpt -fhwckpt-ignorelist=%t.d/functions -O0 -S %t.d/in.c -o - | FileCheck --check-prefix=SOME %s
// RUN: %clang -fhwckpt -fhwckpt-ignorelist=%t.d/sources -O2 -S %t.d/in.c -o - | FileCheck --check-prefix=NONE %s
// RUN: %clang -fhwckpt -fhwckpt-ignorelist=%t.d/elsewhere -fhwckpt-ignorelist=%t.d/sources -O2 -S %t.d/in.c -o - | FileCheck --check-prefix=NONE %s
// RUN: %clang -cc1 -fhwckpt -fhwckpt-ignorelist=%t.d/sources -triple x86_64-unknown-linux-gnu -S %t.d/in.c -o - | FileCheck --check-prefix=NONE %s
// RUN: %opt -load-pass-plugin=%pass -hwckpt-ignorelist=%t.d/functions -passes=hwckpt -S %S/loop.ll -o /dev/null
// The linker needs no list.
// RUN: %clang -fhwckpt -fhwckpt-ignorelist=%t.d/functions -O2 -flto -c %t.d/in.c -o %t.o
// RUN: %opt -load-pass-plugin=%pass -passes='lto<O2>' %t.o | %llc -o - | FileCheck --check-prefix=SOME %s
// Said with the remarks, and known to make.
// RUN: %clang -fhwckpt -fhwckpt-ignorelist=%t.d/functions -O0 -Rpass-missed=hwckpt -MD -MF %t.dep -c %t.d/in.c -o %t.o 2>&1 | FileCheck --check-prefix=WHY %s
// RUN: grep functions %t.dep
//
// RUN: not %clang -fhwckpt -fhwckpt-ignorelist=%t.missing -c %s -o %t.o 2>&1 | FileCheck --check-prefix=MISSING %s
// RUN: not %clang -fhwckpt -fhwckpt-ignorelist= -c %s -o %t.o 2>&1 | FileCheck --check-prefix=MISSING %s
// RUN: printf 'fun:fine\nnothing of the kind\n' >%t.d/malformed
// RUN: not %clang -fhwckpt -fhwckpt-ignorelist=%t.d/malformed -c %s -o %t.o 2>&1 | FileCheck --check-prefix=MALFORMED %s
// Without -fhwckpt it says nothing.
// RUN: %clang -fhwckpt-ignorelist=%t.missing -Werror -c %s -o %t.o

// ALL-LABEL: listed:
// ALL: Lhwckpt_site
// SOME-LABEL: listed:
// SOME-NOT: Lhwckpt_site
// NONE-NOT: Lhwckpt_site
// WHY: no sites in listed: it is in the ignorelist
// MISSING: clang{{.*}}: error: HWCKPT-E405: the file of -fhwckpt-ignorelist= cannot be read: '{{.*}}'
// MALFORMED: error: -fhwckpt-ignorelist: error parsing file '{{.*}}malformed': malformed line 2: 'nothing of the kind'
// MALFORMED-NOT: error:{{.*}}ignorelist
void listed(volatile int *p) {
  while (*p)
    ;
}

// ALL-LABEL: other:
// ALL: Lhwckpt_site
// SOME-LABEL: other:
// SOME: Lhwckpt_site
void other(volatile int *p) {
  while (*p)
    ;
}
