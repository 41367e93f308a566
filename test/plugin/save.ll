; __builtin_ckpt_save() becomes the eight bytes of CKPT.SAVE, in every function,
; and is not reached where no runtime is linked.
; RUN: %opt -load-pass-plugin=%pass -passes=hwckpt,verify -S %s | FileCheck %s
; What passes before have found out of the functions is out of date by then.
; RUN: %opt -load-pass-plugin=%pass -passes='function(require<scalar-evolution>),hwckpt,verify' -S %s | FileCheck %s
; RUN: %opt -load-pass-plugin=%pass -passes=hwckpt %s \
; RUN:   | %llc -filetype=obj -o - | llvm-objdump -d - | FileCheck --check-prefix=BYTES %s

target triple = "x86_64-unknown-linux-gnu"

; CHECK-NOT: @__hwckpt_builtin_save
declare i32 @__hwckpt_builtin_save()
declare i32 @__gxx_personality_v0(...)

; CHECK-LABEL: define i32 @value(
; CHECK:         %[[PRESENT:.*]] = icmp ne ptr @__hwckpt_register_module, null
; CHECK-NEXT:    br i1 %[[PRESENT]], label %[[SAVE:.*]], label %[[JOIN:.*]]
; CHECK:       [[SAVE]]:
; CHECK-NEXT:    %[[RESULT:.*]] = call i32 asm sideeffect ".byte 0xf,0xb9,0x84,0x0\0A.long 0x48570102", "={eax},~{memory}"() [[NOUNWIND:#[0-9]+]]
; CHECK:       [[JOIN]]:
; CHECK-NEXT:    %[[PHI:.*]] = phi i32 [ %[[RESULT]], %[[SAVE]] ], [ -38, %{{.*}} ]
; CHECK-NEXT:    ret i32 %[[PHI]]
; BYTES-LABEL: <value>:
; BYTES:         0f b9 84 00 02 01 57 48
define i32 @value() {
  %v = call i32 @__hwckpt_builtin_save()
  ret i32 %v
}

; CHECK-LABEL: define void @unused(
; CHECK:         call i32 asm sideeffect {{.*}}0xb9
define void @unused() "hwckpt-nopoll" {
  call i32 @__hwckpt_builtin_save()
  ret void
}

; CHECK-LABEL: define i32 @invoked(
; CHECK-NOT:     invoke
; CHECK:         call i32 asm sideeffect {{.*}}0xb9
; CHECK-NOT:     invoke
; CHECK:       {{^}}}
define i32 @invoked() personality ptr @__gxx_personality_v0 {
  %v = invoke i32 @__hwckpt_builtin_save() to label %done unwind label %pad

done:
  ret i32 %v

pad:
  %p = landingpad { ptr, i32 } cleanup
  resume { ptr, i32 } %p
}

; In a loop that would be short without it.
; CHECK-LABEL: define void @repeated(
; CHECK:       loop:
; CHECK:         asm sideeffect {{.*}}hwckpt_sites_loop
; CHECK:         call i32 asm sideeffect {{.*}}0xb9
define void @repeated() {
entry:
  br label %loop

loop:
  %i = phi i64 [ 0, %entry ], [ %n, %loop ]
  call i32 @__hwckpt_builtin_save()
  %n = add i64 %i, 1
  %more = icmp ne i64 %n, 10
  br i1 %more, label %loop, label %exit

exit:
  ret void
}

; CHECK: attributes [[NOUNWIND]] = { nounwind }
