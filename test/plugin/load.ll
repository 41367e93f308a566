; __builtin_ckpt_load() becomes the eight bytes of CKPT.LOAD, or what the hook has
; in their place, and is not reached where no runtime is linked.
; RUN: %opt -load-pass-plugin=%pass -passes=hwckpt,verify -S %s | FileCheck %s
; RUN: %opt -load-pass-plugin=%pass -passes=hwckpt %s \
; RUN:   | %llc -filetype=obj -o - | llvm-objdump -d - | FileCheck --check-prefix=BYTES %s
; RUN: %opt -load-pass-plugin=%pass -hwckpt-hook=syscall -passes=hwckpt %s \
; RUN:   | %llc -filetype=obj -o - | llvm-objdump -d - | FileCheck --check-prefix=SYSCALL %s
; RUN: %opt -load-pass-plugin=%pass -hwckpt-hook=interrupt -passes=hwckpt %s \
; RUN:   | %llc -filetype=obj -o - | llvm-objdump -d - | FileCheck --check-prefix=INTERRUPT %s
; RUN: %opt -load-pass-plugin=%pass -hwckpt-hook=auto -passes=hwckpt,verify -S %s | FileCheck --check-prefix=AUTO %s

target triple = "x86_64-unknown-linux-gnu"

; CHECK-NOT: @__hwckpt_builtin_load
declare i32 @__hwckpt_builtin_load()

; CHECK-LABEL: define i32 @value(
; CHECK:         %[[PRESENT:.*]] = icmp ne ptr @__hwckpt_register_module, null
; CHECK-NEXT:    br i1 %[[PRESENT]], label %[[LOAD:.*]], label %[[JOIN:.*]]
; CHECK:       [[LOAD]]:
; CHECK-NEXT:    %[[RESULT:.*]] = call i32 asm sideeffect ".byte 0xf,0xb9,0x84,0x0\0A.long 0x48570202", "={eax},~{memory}"()
; CHECK:       [[JOIN]]:
; CHECK-NEXT:    %[[PHI:.*]] = phi i32 [ %[[RESULT]], %[[LOAD]] ], [ -38, %{{.*}} ]
; CHECK-NEXT:    ret i32 %[[PHI]]
; BYTES-LABEL: <value>:
; BYTES:         0f b9 84 00 02 02 57 48
; SYSCALL-LABEL: <value>:
; SYSCALL:       movl $0x4857002, %eax
; SYSCALL-NEXT:  syscall
; SYSCALL:       0f b9 84 00 80 02 57 48
; INTERRUPT-LABEL: <value>:
; INTERRUPT:     int3
; INTERRUPT-NEXT: nopl 0x48570202(%rax,%rax)
; AUTO-LABEL: define i32 @value(
; AUTO:          switch i32
; AUTO:          phi i32
define i32 @value() {
  %v = call i32 @__hwckpt_builtin_load()
  ret i32 %v
}
