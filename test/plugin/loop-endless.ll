; A loop without a way out and without any work is a place to stop at, too.
; It has its site even where optimisations are switched off one by one.
; RUN: %opt -load-pass-plugin=%pass -passes=hwckpt -S %s | FileCheck %s
; RUN: %opt -load-pass-plugin=%pass -passes=hwckpt -opt-bisect-limit=0 -S %s | FileCheck %s

target triple = "x86_64-unknown-linux-gnu"

; CHECK-LABEL: define void @forever(
; CHECK:       loop:
; CHECK-NEXT:    call void asm sideeffect {{.*}}hwckpt_sites_loop
; CHECK-NEXT:    br label %loop
define void @forever() {
  br label %loop

loop:
  br label %loop
}
