! Save, load and poll through each hook from Fortran, which calls a file of
! assembly that no plugin sees (docs/isa.md). A load says that there is no
! checkpoint yet; a save says 0, and 1 when the load
! has rolled back to it; a rule that waits for a site is served by a poll.
! REQUIRES: flang
! RUN: rm -rf %t && mkdir %t && %clang -c %S/../interface/Inputs/hooks.s -o %t/hooks.o
! No site of the compiler's lies on the way, and one object registers the table.
! RUN: echo 'void site(void) { __builtin_ckpt_poll(); }' >%t/site.c && %clang -fhwckpt -c %t/site.c -o %t/site.o
! RUN: %flang -O2 -c %s -o %t/main.o
! RUN: %flang -fhwckpt %t/main.o %t/hooks.o %t/site.o -o %t/hooks
! RUN: %hwckpt run --on signal=USR1,site=100s -- %t/hooks | FileCheck %s
! CHECK: {{^}}trap: load -2
! CHECK-NEXT: {{^}}interrupt: load -2
! CHECK-NEXT: {{^}}syscall: load -2
! CHECK-NEXT: {{^}}trap: save 0 sum 10
! CHECK-NEXT: {{^}}trap: save 1 sum 10
! CHECK-NEXT: {{^}}trap: polled
! CHECK-NEXT: {{^}}interrupt: save 0 sum 10
! CHECK-NEXT: {{^}}interrupt: save 1 sum 10
! CHECK-NEXT: {{^}}interrupt: polled
! CHECK-NEXT: {{^}}syscall: save 0 sum 10
! CHECK-NEXT: {{^}}syscall: save 1 sum 10
! CHECK-NEXT: {{^}}syscall: polled
! CHECK-NEXT: {{^}}insn: polled
module operations
  use, intrinsic :: iso_c_binding
  implicit none
  abstract interface
    integer(c_int) function operation() bind(c)
      import c_int
    end function
  end interface
  interface
    integer(c_long_long) function hwckpt_generation() bind(c)
      import c_long_long
    end function
    integer(c_int) function raise(number) bind(c)
      import c_int
      integer(c_int), value :: number
    end function
  end interface
  procedure(operation), bind(c) :: asm_trap_poll, asm_trap_save, asm_trap_load
  procedure(operation), bind(c) :: asm_interrupt_poll, asm_interrupt_save, asm_interrupt_load
  procedure(operation), bind(c) :: asm_syscall_poll, asm_syscall_save, asm_syscall_load
  procedure(operation), bind(c) :: asm_insn_poll
contains
  subroutine finds_none(name, load)
    character(*), intent(in) :: name
    procedure(operation) :: load
    print '(2a,i0)', name, ': load ', load()
    flush (6)
  end subroutine

  subroutine rolls_back(name, save_, load)
    character(*), intent(in) :: name
    procedure(operation) :: save_, load
    integer(c_int) :: times
    integer, volatile :: sum
    sum = 10
    times = save_()
    print '(2a,i0,a,i0)', name, ': save ', times, ' sum ', sum
    flush (6)
    if (times == 0) then
      sum = sum + 1
      times = load()
      error stop 'the load came back'
    end if
    if (times /= 1) error stop 'the save failed'
  end subroutine

  subroutine polls(name, poll)
    character(*), intent(in) :: name
    procedure(operation) :: poll
    integer(c_long_long) :: before, begin, at, rate
    integer(c_int) :: ignored
    before = hwckpt_generation()
    if (raise(10_c_int) /= 0) error stop 'raise'
    call system_clock(begin, rate)
    do while (hwckpt_generation() == before)
      ignored = poll()
      call system_clock(at)
      if (at - begin > 60 * rate) error stop 'no poll was a site'
    end do
    print '(2a)', name, ': polled'
    flush (6)
  end subroutine
end module

program hooks
  use operations
  implicit none
  call finds_none('trap', asm_trap_load)
  call finds_none('interrupt', asm_interrupt_load)
  call finds_none('syscall', asm_syscall_load)
  call rolls_back('trap', asm_trap_save, asm_trap_load)
  call polls('trap', asm_trap_poll)
  call rolls_back('interrupt', asm_interrupt_save, asm_interrupt_load)
  call polls('interrupt', asm_interrupt_poll)
  call rolls_back('syscall', asm_syscall_save, asm_syscall_load)
  call polls('syscall', asm_syscall_poll)
  call polls('insn', asm_insn_poll)
end program
