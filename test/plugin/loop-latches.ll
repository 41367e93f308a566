; However many back-edges lead to a header, one site serves them.
; RUN: %opt -load-pass-plugin=%pass -passes=hwckpt -S %s | FileCheck %s

target triple = "x86_64-unknown-linux-gnu"

; CHECK-LABEL: define void @search(
; CHECK:       header:
; CHECK-NEXT:    call void asm sideeffect
; CHECK-NOT:     asm
; CHECK:       {{^}}}
define void @search(ptr %p) {
entry:
  br label %header

header:
  %v = load volatile i32, ptr %p
  switch i32 %v, label %a [
    i32 1, label %b
    i32 2, label %exit
  ]

a:
  br label %header

b:
  br label %header

exit:
  ret void
}
