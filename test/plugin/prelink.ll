; Bitcode for the linker keeps its loops free, so that they can be optimised
; there, but loses the builtin.
; RUN: %opt -load-pass-plugin=%pass -hwckpt-prelink -passes='default<O2>' -S %s \
; RUN:   | FileCheck %s
; RUN: %opt -load-pass-plugin=%pass -hwckpt-prelink -passes='default<O2>' -S %s \
; RUN:   | %opt -load-pass-plugin=%pass -passes='lto<O2>' -S \
; RUN:   | FileCheck --check-prefix=LINKED %s
; RUN: %opt -load-pass-plugin=%pass -hwckpt-prelink -passes='default<O2>' -S %s \
; RUN:   | %opt -load-pass-plugin=%pass -passes='thinlto<O2>' -S \
; RUN:   | FileCheck --check-prefix=LINKED %s
; Without optimisation there is nothing to wait for.
; RUN: %opt -load-pass-plugin=%pass -hwckpt-prelink -passes='default<O0>' -S %s \
; RUN:   | FileCheck --check-prefix=LINKED %s

target triple = "x86_64-unknown-linux-gnu"

; CHECK-NOT: @__hwckpt_module
; CHECK-LABEL: define {{.*}}i32 @f(
; CHECK-NOT:     hwckpt_sites
; CHECK-NOT:     @__hwckpt_builtin_save
; CHECK:         0xb9
; CHECK-NOT:   !"hwckpt"
; LINKED: @llvm.global_ctors
; LINKED-LABEL: define {{.*}}i32 @f(
; LINKED-DAG:     hwckpt_sites_loop
; LINKED-DAG:     0xb9
; LINKED: !{i32 7, !"hwckpt", i32 3}
define i32 @f(ptr %p) {
entry:
  br label %loop

loop:
  %more = load volatile i1, ptr %p
  br i1 %more, label %loop, label %exit

exit:
  %v = call i32 @__hwckpt_builtin_save()
  ret i32 %v
}

declare i32 @__hwckpt_builtin_save()
