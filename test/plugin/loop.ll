; A loop that may run for long gets a site at the start of its header, which
; touches no memory of the program and has no operands.
; RUN: %opt -load-pass-plugin=%pass -passes=hwckpt -S %s | FileCheck %s

target triple = "x86_64-unknown-linux-gnu"

; CHECK-LABEL: define i64 @sum(
; CHECK:       loop:
; CHECK-NEXT:    %i = phi
; CHECK-NEXT:    %s = phi
; CHECK-NEXT:    call void asm sideeffect "
; CHECK-SAME:      .Lhwckpt_site${:uid}:
; CHECK-SAME:      .pushsection hwckpt_sites_loop,\22ao?\22,@progbits,.Lhwckpt_[[ID:[0-9a-f]+]]\0A
; CHECK-SAME:      .long .Lhwckpt_site${:uid}-.\0A
; CHECK-SAME:      .popsection", ""() [[SITE:#[0-9]+]]
; CHECK-NEXT:    %p = getelementptr
; CHECK-NOT:     asm
; CHECK:       {{^}}}
define i64 @sum(ptr %a, i64 %n) {
entry:
  br label %loop

loop:
  %i = phi i64 [ 0, %entry ], [ %i.next, %loop ]
  %s = phi i64 [ 0, %entry ], [ %s.next, %loop ]
  %p = getelementptr i64, ptr %a, i64 %i
  %v = load i64, ptr %p
  %s.next = add i64 %s, %v
  %i.next = add i64 %i, 1
  %more = icmp ne i64 %i.next, %n
  br i1 %more, label %loop, label %exit

exit:
  ret i64 %s.next
}

; CHECK-LABEL: define void @straight(
; CHECK-NOT:     asm
; CHECK:         ret void
define void @straight(ptr %p) {
  store i32 1, ptr %p
  ret void
}

; CHECK: attributes [[SITE]] = { nounwind memory(inaccessiblemem: readwrite) }
