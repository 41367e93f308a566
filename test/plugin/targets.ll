; Another processor, system or object format is refused, not left without sites
; in silence. Code for an accelerator is not part of what is checkpointed.
; RUN: sed s/TRIPLE/aarch64-unknown-linux-gnu/ %s >%t.ll
; RUN: not %opt -load-pass-plugin=%pass -passes=hwckpt -S %t.ll 2>&1 | FileCheck --check-prefix=REFUSED %s
; RUN: sed s/TRIPLE/x86_64-pc-windows-msvc/ %s >%t.ll
; RUN: not %opt -load-pass-plugin=%pass -passes=hwckpt -S %t.ll 2>&1 | FileCheck --check-prefix=REFUSED %s
; RUN: sed s/TRIPLE/x86_64-unknown-linux-gnux32/ %s >%t.ll
; RUN: not %opt -load-pass-plugin=%pass -passes=hwckpt -S %t.ll 2>&1 | FileCheck --check-prefix=REFUSED %s
; RUN: sed s/TRIPLE/nvptx64-nvidia-cuda/ %s >%t.ll
; RUN: %opt -load-pass-plugin=%pass -passes=hwckpt -S %t.ll | FileCheck --check-prefix=ALONE %s
; RUN: sed s/TRIPLE/x86_64-pc-linux-musl/ %s >%t.ll
; RUN: %opt -load-pass-plugin=%pass -passes=hwckpt -S %t.ll | FileCheck --check-prefix=TAKEN %s

target triple = "TRIPLE"

; REFUSED: error: -fhwckpt: target '{{.*}}' is not supported, only 64-bit x86 Linux is
; ALONE-NOT: hwckpt_
; TAKEN: hwckpt_sites_loop
define void @f() {
  br label %loop

loop:
  br label %loop
}
