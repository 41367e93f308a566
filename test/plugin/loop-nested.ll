; An outer loop needs no site of its own if each of its iterations passes the
; inner one's; if an iteration can go round the inner loop, it does.
; RUN: %opt -load-pass-plugin=%pass -passes=hwckpt -S %s | FileCheck %s

target triple = "x86_64-unknown-linux-gnu"

; CHECK-LABEL: define void @covered(
; CHECK:       outer:
; CHECK-NEXT:    br label %inner
; CHECK:       inner:
; CHECK-NEXT:    call void asm sideeffect
; CHECK-NOT:     asm
; CHECK:       {{^}}}
define void @covered(ptr %p) {
entry:
  br label %outer

outer:
  br label %inner

inner:
  %v = load volatile i1, ptr %p
  br i1 %v, label %inner, label %latch

latch:
  %w = load volatile i1, ptr %p
  br i1 %w, label %outer, label %exit

exit:
  ret void
}

; CHECK-LABEL: define void @guarded(
; CHECK:       outer:
; CHECK-NEXT:    call void asm sideeffect
; CHECK:       inner:
; CHECK-NEXT:    call void asm sideeffect
; CHECK-NOT:     asm
; CHECK:       {{^}}}
define void @guarded(ptr %p) {
entry:
  br label %outer

outer:
  %g = load volatile i1, ptr %p
  br i1 %g, label %inner, label %latch

inner:
  %v = load volatile i1, ptr %p
  br i1 %v, label %inner, label %latch

latch:
  %w = load volatile i1, ptr %p
  br i1 %w, label %outer, label %exit

exit:
  ret void
}

; One of two ways back goes round the inner loop.
; CHECK-LABEL: define void @shortcut(
; CHECK:       outer:
; CHECK-NEXT:    call void asm sideeffect
; CHECK:       inner:
; CHECK-NEXT:    call void asm sideeffect
; CHECK-NOT:     asm
; CHECK:       {{^}}}
define void @shortcut(ptr %p) {
entry:
  br label %outer

outer:
  %g = load volatile i1, ptr %p
  br i1 %g, label %inner, label %outer

inner:
  %v = load volatile i1, ptr %p
  br i1 %v, label %inner, label %latch

latch:
  %w = load volatile i1, ptr %p
  br i1 %w, label %outer, label %exit

exit:
  ret void
}
