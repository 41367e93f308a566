; The table of an executable is registered by a constructor of which the linker
; keeps one, if the runtime is there and it was not done yet.
; RUN: %opt -load-pass-plugin=%pass -passes=hwckpt,verify -S %s | FileCheck %s

target triple = "x86_64-unknown-linux-gnu"

; CHECK-DAG: $__hwckpt_module = comdat any
; CHECK-DAG: @__start_hwckpt_sites_loop = extern_weak hidden global i32
; CHECK-DAG: @__stop_hwckpt_sites_loop = extern_weak hidden global i32
; CHECK-DAG: @__hwckpt_module = linkonce_odr hidden constant {{.*}} { i32 3, i32 3, [3 x { ptr, ptr }] [{ ptr, ptr } { ptr @__start_hwckpt_sites_loop, ptr @__stop_hwckpt_sites_loop }, { ptr, ptr } { ptr @__start_hwckpt_sites_recursion, ptr @__stop_hwckpt_sites_recursion }, { ptr, ptr } { ptr @__start_hwckpt_sites_annotated, ptr @__stop_hwckpt_sites_annotated }], { ptr, ptr } { ptr @__start_hwckpt_excluded_table, ptr @__stop_hwckpt_excluded_table }, { ptr, ptr } { ptr @__start_hwckpt_watched_table, ptr @__stop_hwckpt_watched_table } }, comdat
; CHECK-DAG: @llvm.global_ctors = {{.*}} [{ i32, ptr, ptr } { i32 1, ptr @__hwckpt_module_constructor, ptr @__hwckpt_module }]
; CHECK-DAG: @llvm.global_dtors = {{.*}} [{ i32, ptr, ptr } { i32 1, ptr @__hwckpt_module_destructor, ptr @__hwckpt_module }]

; CHECK-LABEL: define linkonce_odr hidden void @__hwckpt_module_constructor() {{.*}} comdat($__hwckpt_module)
; CHECK:         %[[ABSENT:.*]] = icmp eq ptr @__hwckpt_register_module, null
; CHECK-NEXT:    br i1 %[[ABSENT]], label %[[END:.*]], label %[[CHECK:.*]]
; CHECK:       [[CHECK]]:
; CHECK:         load i8, ptr @__hwckpt_module_registered
; CHECK:         store i8 1, ptr @__hwckpt_module_registered
; CHECK-NEXT:    call void @__hwckpt_register_module(ptr @__hwckpt_module)
; CHECK: declare extern_weak void @__hwckpt_register_module(ptr)
; CHECK-LABEL: define linkonce_odr hidden void @__hwckpt_module_destructor()
; CHECK:         store i8 0, ptr @__hwckpt_module_registered
; CHECK-NEXT:    call void @__hwckpt_unregister_module(ptr @__hwckpt_module)
define void @f() {
  ret void
}
