; A loop that calls a function which always passes a site has none of its own.
; What may return without having passed one, may be replaced by another
; definition when linked, may throw first, or may be left by longjmp does not
; count.
; RUN: %opt -load-pass-plugin=%pass -passes=hwckpt -S %s -pass-remarks-missed=hwckpt 2>%t.remarks | FileCheck %s
; RUN: FileCheck --check-prefix=WHY %s <%t.remarks
; WHY: no site in loop: every iteration calls deeper, which passes one

target triple = "x86_64-unknown-linux-gnu"

declare void @__hwckpt_builtin_poll()
declare i32 @__gxx_personality_v0(...)
declare i32 @_setjmp(ptr) returns_twice

; Further down than what calls it: the order in the file does not matter.
; CHECK-LABEL: define void @covered(
; CHECK-NOT:     asm
; CHECK:       {{^}}}
define void @covered(ptr %p) {
entry:
  br label %loop

loop:
  call void @deeper(ptr %p)
  %more = load volatile i1, ptr %p
  br i1 %more, label %loop, label %exit

exit:
  ret void
}

; CHECK-LABEL: define void @covered_by_invoke(
; CHECK-NOT:     asm
; CHECK:       {{^}}}
define void @covered_by_invoke(ptr %p) personality ptr @__gxx_personality_v0 {
entry:
  br label %loop

loop:
  invoke void @always(ptr %p) to label %next unwind label %pad

next:
  %more = load volatile i1, ptr %p
  br i1 %more, label %loop, label %exit

exit:
  ret void

pad:
  %e = landingpad { ptr, i32 } cleanup
  resume { ptr, i32 } %e
}

; CHECK-LABEL: define void @sometimes_called(
; CHECK-COUNT-1: asm sideeffect {{.*}}hwckpt_sites_loop
; CHECK-NOT:     asm
; CHECK:       {{^}}}
define void @sometimes_called(ptr %p) {
entry:
  br label %loop

loop:
  %which = load volatile i1, ptr %p
  br i1 %which, label %call, label %latch

call:
  call void @always(ptr %p)
  br label %latch

latch:
  %more = load volatile i1, ptr %p
  br i1 %more, label %loop, label %exit

exit:
  ret void
}

; CHECK-LABEL: define void @throws_first(
; CHECK-COUNT-1: asm sideeffect {{.*}}hwckpt_sites_loop
; CHECK-NOT:     asm
; CHECK:       {{^}}}
define void @throws_first(ptr %p) personality ptr @__gxx_personality_v0 {
entry:
  br label %loop

loop:
  invoke void @always(ptr %p) to label %exit unwind label %pad

exit:
  ret void

pad:
  %e = landingpad { ptr, i32 } catch ptr null
  br label %loop
}

; CHECK-LABEL: define void @comes_back(
; CHECK-COUNT-1: asm sideeffect {{.*}}hwckpt_sites_loop
; CHECK-NOT:     asm
; CHECK:       {{^}}}
define void @comes_back(ptr %p) {
entry:
  %n = call i32 @_setjmp(ptr %p)
  br label %loop

loop:
  call void @always(ptr %p)
  %more = load volatile i1, ptr %p
  br i1 %more, label %loop, label %exit

exit:
  ret void
}

; CHECK-LABEL: define void @calls_sometimes(
; CHECK-COUNT-1: asm sideeffect {{.*}}hwckpt_sites_loop
; CHECK-NOT:     asm
; CHECK:       {{^}}}
define void @calls_sometimes(ptr %p) {
entry:
  br label %loop

loop:
  call void @sometimes(ptr %p)
  %more = load volatile i1, ptr %p
  br i1 %more, label %loop, label %exit

exit:
  ret void
}

; CHECK-LABEL: define void @calls_replaceable(
; CHECK-COUNT-1: asm sideeffect {{.*}}hwckpt_sites_loop
; CHECK-NOT:     asm
; CHECK:       {{^}}}
define void @calls_replaceable(ptr %p) {
entry:
  br label %loop

loop:
  call void @replaceable(ptr %p)
  %more = load volatile i1, ptr %p
  br i1 %more, label %loop, label %exit

exit:
  ret void
}

; CHECK-LABEL: define void @calls_silent(
; CHECK-COUNT-1: asm sideeffect {{.*}}hwckpt_sites_loop
; CHECK-NOT:     asm
; CHECK:       {{^}}}
define void @calls_silent(ptr %p) {
entry:
  br label %loop

loop:
  call void @silent(ptr %p)
  %more = load volatile i1, ptr %p
  br i1 %more, label %loop, label %exit

exit:
  ret void
}

define void @deeper(ptr %p) {
  call void @always(ptr %p)
  ret void
}

; Its loop is entered at least once.
; CHECK-LABEL: define internal void @always(
; CHECK-COUNT-1: asm sideeffect {{.*}}hwckpt_sites_loop
; CHECK-NOT:     asm
; CHECK:       {{^}}}
define internal void @always(ptr %p) {
entry:
  br label %loop

loop:
  %more = load volatile i1, ptr %p
  br i1 %more, label %loop, label %exit

exit:
  ret void
}

define internal void @sometimes(ptr %p) {
entry:
  %early = load volatile i1, ptr %p
  br i1 %early, label %exit, label %loop

loop:
  %more = load volatile i1, ptr %p
  br i1 %more, label %loop, label %exit

exit:
  ret void
}

define linkonce_odr void @replaceable(ptr %p) {
  call void @__hwckpt_builtin_poll()
  ret void
}

define internal void @silent(ptr %p) "hwckpt-nopoll" {
entry:
  br label %loop

loop:
  %more = load volatile i1, ptr %p
  br i1 %more, label %loop, label %exit

exit:
  ret void
}
