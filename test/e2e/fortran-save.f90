! A checkpoint asked for in Fortran: hwckpt_checkpoint has C's calling sequence.
! What was written after it is taken back by the restore.
! REQUIRES: flang
! RUN: %flang -fhwckpt -O2 %s -o %t
! RUN: (! %hwckpt run -- %t >%t.out)
! RUN: %hwckpt restore >%t.restore && cat %t.out
! RUN: printf "before\nafter 1\n" | diff - %t.out
program save
  use, intrinsic :: iso_c_binding
  implicit none
  interface
    integer(c_int) function hwckpt_checkpoint() bind(c)
      import c_int
    end function
    integer(c_int) function raise(number) bind(c)
      import c_int
      integer(c_int), value :: number
    end function
  end interface
  integer(c_int) :: turn
  print '(a)', 'before'
  flush (6)
  turn = hwckpt_checkpoint()
  print '(a,i0)', 'after ', turn
  flush (6)
  if (turn == 0) turn = raise(9)
end program
