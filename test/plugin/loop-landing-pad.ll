; Where a loop starts with a landing pad the site follows it.
; RUN: %opt -load-pass-plugin=%pass -passes=hwckpt,verify -S %s | FileCheck %s

target triple = "x86_64-unknown-linux-gnu"

declare void @try()
declare i32 @__gxx_personality_v0(...)

; CHECK-LABEL: define void @retry(
; CHECK:       again:
; CHECK-NEXT:    %pad = landingpad
; CHECK-NEXT:    catch
; CHECK-NEXT:    call void asm sideeffect
define void @retry() personality ptr @__gxx_personality_v0 {
entry:
  invoke void @try() to label %done unwind label %again

again:
  %pad = landingpad { ptr, i32 } catch ptr null
  invoke void @try() to label %done unwind label %again

done:
  ret void
}
