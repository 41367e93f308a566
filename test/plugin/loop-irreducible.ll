; A cycle with two entries is no loop to LLVM; it gets a site all the same, and
; a short loop around it is not taken for short.
; RUN: %opt -load-pass-plugin=%pass -passes=hwckpt -S %s | FileCheck %s

target triple = "x86_64-unknown-linux-gnu"

; CHECK-LABEL: define void @two_entries(
; CHECK-COUNT-1: asm sideeffect
; CHECK-NOT:     asm
; CHECK:       {{^}}}
define void @two_entries(i1 %which, ptr %p) {
entry:
  br i1 %which, label %a, label %b

a:
  %v = load volatile i1, ptr %p
  br i1 %v, label %b, label %exit

b:
  %w = load volatile i1, ptr %p
  br i1 %w, label %a, label %exit

exit:
  ret void
}

; CHECK-LABEL: define void @within_short(
; CHECK:       {{^}}loop:
; CHECK-NEXT:    %i = phi
; CHECK-NEXT:    call void asm sideeffect
; CHECK:       {{^}}}
define void @within_short(ptr %p) {
entry:
  br label %loop

loop:
  %i = phi i32 [ 0, %entry ], [ %n, %latch ]
  %which = load volatile i1, ptr %p
  br i1 %which, label %a, label %b

a:
  %v = load volatile i1, ptr %p
  br i1 %v, label %b, label %latch

b:
  %w = load volatile i1, ptr %p
  br i1 %w, label %a, label %latch

latch:
  %n = add i32 %i, 1
  %more = icmp ne i32 %n, 3
  br i1 %more, label %loop, label %exit

exit:
  ret void
}
