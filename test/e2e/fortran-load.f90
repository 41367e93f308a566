! A Fortran program rolls back: what it computed since is undone.
! REQUIRES: flang
! RUN: %flang -fhwckpt -O2 %s -o %t && %hwckpt run -- %t | FileCheck %s
! CHECK: turn 3 sum 10
program load
  use, intrinsic :: iso_c_binding
  implicit none
  interface
    integer(c_int) function hwckpt_checkpoint() bind(c)
      import c_int
    end function
    integer(c_int) function hwckpt_load() bind(c)
      import c_int
    end function
  end interface
  integer(c_int) :: turn
  integer, volatile :: sum
  sum = 10
  turn = hwckpt_checkpoint()
  if (turn >= 0 .and. turn < 3) then
    sum = sum + 1
    turn = hwckpt_load()
  end if
  print '(a,i0,a,i0)', 'turn ', turn, ' sum ', sum
end program
