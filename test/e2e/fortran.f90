! A Fortran program: formatted output to a file and to standard output, both
! buffered by its runtime, allocatable arrays, recursion.
! REQUIRES: flang
! RUN: %flang -fhwckpt -O2 %s -o %t && %python %S/Inputs/kill-and-restore --hwckpt %hwckpt --dir %t.dir -- %t
! RUN: cmp %t.dir/work-reference/rows.txt %t.dir/work-output/rows.txt
! RUN: test $(wc -l <%t.dir/output) = 101
module tree
  implicit none
contains
  recursive integer(8) function calls(n) result(total)
    integer, intent(in) :: n
    total = 1
    if (n > 1) total = calls(n - 1) + calls(n - 2)
  end function
end module

program rows
  use tree
  implicit none
  real(8), allocatable :: a(:, :), b(:, :)
  integer :: turn, k
  allocate (a(120, 120), b(120, 120))
  call random_init(.true., .true.)
  call random_number(a)
  open (10, file='rows.txt', form='formatted')
  write (*, '(a,t20,a)') 'turn', 'trace'
  do turn = 1, 100
    b = matmul(a, transpose(a))
    do k = 1, 40
      a = mod(a + 0.001d0 * b * k, 1.0d0)
    end do
    write (10, '(i6,3(1x,es23.16),1x,i0)') turn, a(1, 1), a(60, 7), sum(a), calls(22)
    write (*, '(a,i0,t20,f16.9)') 'turn ', turn, sum([(a(k, k), k=1, 120)])
  end do
  close (10)
end program
