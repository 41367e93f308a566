/* start.S - the restorer's first instructions: the kernel left argc and argv at
 * the stack pointer. */
        .text
        .globl _start
        .hidden _start
        .type _start, @function
_start:
        xor %ebp, %ebp
        mov %rsp, %rdi
        lea __ehdr_start(%rip), %rsi
        and $-16, %rsp
        call restorer_start
        ud2
        .size _start, . - _start
        .hidden __ehdr_start
        .section .note.GNU-stack,"",@progbits
