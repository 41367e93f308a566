; What is instrumented is not instrumented again; what comes to it later is.
; RUN: %opt -load-pass-plugin=%pass -passes=hwckpt -S %s -o %t.once.ll
; RUN: %opt -load-pass-plugin=%pass -passes=hwckpt -S %t.once.ll -o %t.twice.ll
; RUN: diff -I ModuleID %t.once.ll %t.twice.ll
; RUN: sed -e s/@first/@second/ %s >%t.new.ll
; RUN: llvm-link -S %t.once.ll %t.new.ll \
; RUN:   | %opt -load-pass-plugin=%pass -passes=hwckpt,verify -S | FileCheck %s

; Functions of one name in two modules stay apart where both are linked as IR.
; RUN: sed -e s/@first/@second/ %s | %opt -load-pass-plugin=%pass -passes=hwckpt -S -o %t.other.ll
; RUN: llvm-link -S %t.once.ll %t.other.ll | FileCheck --check-prefix=BOTH %s
; BOTH-LABEL: define internal void @local(
; BOTH:         .Lhwckpt_[[LOCAL:[0-9a-f]+]]:
; BOTH-LABEL: define internal void @local.{{[0-9]+}}(
; BOTH:         asm sideeffect
; BOTH-NOT:     .Lhwckpt_[[LOCAL]]:
; BOTH:       {{^}}}

target triple = "x86_64-unknown-linux-gnu"

; CHECK: @llvm.global_ctors = appending global [1 x
; CHECK-LABEL: define void @first(
; CHECK-COUNT-1: .Lhwckpt_[[FIRST:[0-9a-f]+]]:
; CHECK-NOT:     asm
; CHECK:       {{^}}}
; CHECK-LABEL: define void @second(
; CHECK-NOT:     .Lhwckpt_[[FIRST]]:
; CHECK-COUNT-1: asm sideeffect
; CHECK-NOT:     asm
; CHECK:       {{^}}}
; CHECK: !{i32 7, !"hwckpt", i32 3}
define void @first() {
  br label %loop

loop:
  br label %loop
}

define internal void @local() {
  br label %loop

loop:
  br label %loop
}

@llvm.used = appending global [1 x ptr] [ptr @local]
