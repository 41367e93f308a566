; Functions that get no sites, each with a loop that would have one.
; RUN: %opt -load-pass-plugin=%pass -passes=hwckpt -S %s \
; RUN:   -pass-remarks-missed=hwckpt 2>%t.remarks | FileCheck %s
; RUN: FileCheck --check-prefix=WHY %s <%t.remarks

target triple = "x86_64-unknown-linux-gnu"

; CHECK-LABEL: define void @bare(
; CHECK-NOT:     asm
; CHECK:       {{^}}}
; WHY: no sites in bare: it is naked
define void @bare() naked {
  br label %loop

loop:
  br label %loop
}

; CHECK-LABEL: define void @marked(
; CHECK-NOT:     asm
; CHECK:       {{^}}}
; WHY: no sites in marked: it is marked hwckpt-nopoll
define void @marked() "hwckpt-nopoll" {
  br label %loop

loop:
  br label %loop
}

; CHECK-LABEL: define void @__hwckpt_own(
; CHECK-NOT:     asm
; CHECK:       {{^}}}
; WHY: no sites in __hwckpt_own: it belongs to the runtime
define void @__hwckpt_own() {
  br label %loop

loop:
  br label %loop
}

; CHECK-LABEL: define void @own_section(
; CHECK-NOT:     asm
; CHECK:       {{^}}}
; WHY: no sites in own_section: it belongs to the runtime
define void @own_section() section "__hwckpt_text" {
  br label %loop

loop:
  br label %loop
}

; Code for this one comes from elsewhere.
; CHECK-LABEL: define available_externally void @elsewhere(
; CHECK-NOT:     asm
; CHECK:       {{^}}}
define available_externally void @elsewhere() {
  br label %loop

loop:
  br label %loop
}

; WHY: no sites in coroutine: it is a coroutine that is not split yet
; CHECK-LABEL: define void @coroutine(
; CHECK-NOT:     asm
; CHECK:       {{^}}}
define void @coroutine() presplitcoroutine {
  br label %loop

loop:
  br label %loop
}

; optnone is no reason: what is not optimised runs the longest.
; CHECK-LABEL: define void @not_optimised(
; CHECK:         asm
; CHECK:       {{^}}}
define void @not_optimised() noinline optnone {
  br label %loop

loop:
  br label %loop
}
