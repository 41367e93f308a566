; What is instrumented is not instrumented again; what comes to it later is.
; RUN: %opt -load-pass-plugin=%pass -passes=hwckpt -S %s -o %t.once.ll
; RUN: %opt -load-pass-plugin=%pass -passes=hwckpt -S %t.once.ll -o %t.twice.ll
; RUN: diff -I ModuleID %t.once.ll %t.twice.ll
; RUN: sed -e s/@first/@second/ %s >%t.new.ll
; RUN: llvm-link -S %t.once.ll %t.new.ll \
; RUN:   | %opt -load-pass-plugin=%pass -passes=hwckpt,verify -S | FileCheck %s

target triple = "x86_64-unknown-linux-gnu"

; CHECK: @llvm.global_ctors = appending global [1 x
; CHECK-LABEL: define void @first(
; CHECK-COUNT-1: .Lhwckpt_[[FIRST:[0-9a-f]+]]:
; CHECK-NOT:     asm
; CHECK:       }
; CHECK-LABEL: define void @second(
; CHECK-NOT:     .Lhwckpt_[[FIRST]]:
; CHECK-COUNT-1: asm sideeffect
; CHECK-NOT:     asm
; CHECK:       }
; CHECK: !{i32 7, !"hwckpt", i32 1}
define void @first() {
  br label %loop

loop:
  br label %loop
}
