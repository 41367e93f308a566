; A loop that provably ends soon gets no site. What has no bound gets one: a
; call, a block operation of unknown length, too many iterations, a loop inside
; that has no bound.
; RUN: %opt -load-pass-plugin=%pass -passes=hwckpt -S %s | FileCheck %s
; RUN: %opt -load-pass-plugin=%pass -hwckpt-short-loop=0 -passes=hwckpt -S %s \
; RUN:   | FileCheck --check-prefix=NONE %s

target triple = "x86_64-unknown-linux-gnu"

; CHECK-LABEL: define void @ten(
; CHECK-NOT:     asm
; CHECK:       {{^}}}
; NONE-LABEL: define void @ten(
; NONE:         asm
; NONE:       {{^}}}
define void @ten(ptr %p) {
entry:
  br label %loop

loop:
  %i = phi i64 [ 0, %entry ], [ %n, %loop ]
  store volatile i64 %i, ptr %p
  %n = add i64 %i, 1
  %more = icmp ne i64 %n, 10
  br i1 %more, label %loop, label %exit

exit:
  ret void
}

; CHECK-LABEL: define void @million(
; CHECK:         asm
; CHECK:       {{^}}}
define void @million(ptr %p) {
entry:
  br label %loop

loop:
  %i = phi i64 [ 0, %entry ], [ %n, %loop ]
  store volatile i64 %i, ptr %p
  %n = add i64 %i, 1
  %more = icmp ne i64 %n, 1000000
  br i1 %more, label %loop, label %exit

exit:
  ret void
}

; Each loop is short; one inside the other they are not.
; CHECK-LABEL: define void @product(
; CHECK:       outer:
; CHECK-NEXT:    %i = phi
; CHECK-NEXT:    call void asm
; CHECK:       inner:
; CHECK-NOT:     asm
; CHECK:       {{^}}}
define void @product(ptr %p) {
entry:
  br label %outer

outer:
  %i = phi i64 [ 0, %entry ], [ %i.next, %latch ]
  br label %inner

inner:
  %j = phi i64 [ 0, %outer ], [ %j.next, %inner ]
  store volatile i64 %j, ptr %p
  %j.next = add i64 %j, 1
  %j.more = icmp ne i64 %j.next, 100
  br i1 %j.more, label %inner, label %latch

latch:
  %i.next = add i64 %i, 1
  %i.more = icmp ne i64 %i.next, 100
  br i1 %i.more, label %outer, label %exit

exit:
  ret void
}

declare void @work()

; CHECK-LABEL: define void @calls(
; CHECK:         asm
; CHECK:       {{^}}}
define void @calls() {
entry:
  br label %loop

loop:
  %i = phi i64 [ 0, %entry ], [ %n, %loop ]
  call void @work()
  %n = add i64 %i, 1
  %more = icmp ne i64 %n, 10
  br i1 %more, label %loop, label %exit

exit:
  ret void
}

declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)

; CHECK-LABEL: define void @fills_some(
; CHECK:         asm
; CHECK:       {{^}}}
define void @fills_some(ptr %p, i64 %length) {
entry:
  br label %loop

loop:
  %i = phi i64 [ 0, %entry ], [ %n, %loop ]
  call void @llvm.memset.p0.i64(ptr %p, i8 0, i64 %length, i1 false)
  %n = add i64 %i, 1
  %more = icmp ne i64 %n, 10
  br i1 %more, label %loop, label %exit

exit:
  ret void
}

; CHECK-LABEL: define void @fills_much(
; CHECK:         asm
; CHECK:       {{^}}}
define void @fills_much(ptr %p) {
entry:
  br label %loop

loop:
  %i = phi i64 [ 0, %entry ], [ %n, %loop ]
  call void @llvm.memset.p0.i64(ptr %p, i8 0, i64 1048576, i1 false)
  %n = add i64 %i, 1
  %more = icmp ne i64 %n, 10
  br i1 %more, label %loop, label %exit

exit:
  ret void
}

; CHECK-LABEL: define void @fills_little(
; CHECK-NOT:     asm
; CHECK:       {{^}}}
define void @fills_little(ptr %p) {
entry:
  br label %loop

loop:
  %i = phi i64 [ 0, %entry ], [ %n, %loop ]
  call void @llvm.memset.p0.i64(ptr %p, i8 0, i64 64, i1 false)
  %n = add i64 %i, 1
  %more = icmp ne i64 %n, 10
  br i1 %more, label %loop, label %exit

exit:
  ret void
}
