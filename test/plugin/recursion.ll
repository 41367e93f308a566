; A function that calls itself, directly or through others, has a site that each
; of those calls comes after. The way that ends the recursion does not pass it.
; RUN: %opt -load-pass-plugin=%pass -passes=hwckpt -S %s | FileCheck %s

target triple = "x86_64-unknown-linux-gnu"

; CHECK-LABEL: define i32 @fib(
; CHECK:       entry:
; CHECK-NOT:     asm
; CHECK:       deeper:
; CHECK-NEXT:    %a = sub
; CHECK-NEXT:    call void asm sideeffect {{.*}}hwckpt_sites_recursion
; CHECK-NEXT:    call i32 @fib
; CHECK-NOT:     asm
; CHECK:       {{^}}}
define i32 @fib(i32 %n) {
entry:
  %leaf = icmp slt i32 %n, 2
  br i1 %leaf, label %exit, label %deeper

deeper:
  %a = sub i32 %n, 1
  %x = call i32 @fib(i32 %a)
  %b = sub i32 %n, 2
  %y = call i32 @fib(i32 %b)
  %s = add i32 %x, %y
  ret i32 %s

exit:
  ret i32 %n
}

; Two calls on different ways: the site is where the ways part.
; CHECK-LABEL: define void @parts(
; CHECK:       fork:
; CHECK-NEXT:    call void asm sideeffect {{.*}}hwckpt_sites_recursion
; CHECK-NEXT:    br i1
; CHECK-NOT:     asm
; CHECK:       {{^}}}
define void @parts(i1 %end, i1 %way) {
entry:
  br i1 %end, label %exit, label %fork

fork:
  br i1 %way, label %left, label %right

left:
  call void @parts(i1 %way, i1 %end)
  ret void

right:
  call void @parts(i1 %end, i1 %way)
  ret void

exit:
  ret void
}

; CHECK-LABEL: define void @even(
; CHECK:         asm sideeffect {{.*}}hwckpt_sites_recursion
; CHECK:       {{^}}}
define void @even(i32 %n) {
  %m = sub i32 %n, 1
  call void @odd(i32 %m)
  ret void
}

; CHECK-LABEL: define internal void @odd(
; CHECK:         asm sideeffect {{.*}}hwckpt_sites_recursion
; CHECK:       {{^}}}
define internal void @odd(i32 %n) {
  %m = sub i32 %n, 1
  call void @even(i32 %m)
  ret void
}

; Calls a recursive function, but is not one.
; CHECK-LABEL: define void @outside(
; CHECK-NOT:     asm
; CHECK:       {{^}}}
define void @outside() {
  call void @even(i32 3)
  ret void
}

; A tail call that must be one is still the last thing before the return.
; CHECK-LABEL: define void @tail(
; CHECK-NEXT:    call void asm sideeffect
; CHECK-NEXT:    musttail call void @tail
; CHECK-NEXT:    ret void
define void @tail(i32 %n) {
  musttail call void @tail(i32 %n)
  ret void
}

; Every iteration recurses, so the loop needs no site of its own.
; CHECK-LABEL: define void @walk(
; CHECK-COUNT-1: asm sideeffect {{.*}}hwckpt_sites_recursion
; CHECK-NOT:     asm
; CHECK:       {{^}}}
define void @walk(ptr %p) {
entry:
  br label %loop

loop:
  %child = load volatile ptr, ptr %p
  call void @walk(ptr %child)
  %more = load volatile i1, ptr %p
  br i1 %more, label %loop, label %exit

exit:
  ret void
}
