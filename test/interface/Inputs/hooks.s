# hooks.s - the operations in assembly, as docs/isa.md shows them. Each function
# is int (void); those of polls return eax as it was, but for the system call's.

# discover: the runtime's HWCKPT_ISA_VERSION, 0: none.
	.weak	__hwckpt_isa
	.globl	asm_discover
asm_discover:
	xorl	%eax, %eax
	movq	__hwckpt_isa@GOTPCREL(%rip), %rcx
	testq	%rcx, %rcx
	je	1f
	movl	(%rcx), %eax
1:	retq

	.macro	trap operation, entry=2
	.byte	0x0f, 0xb9, 0x84, 0x00
	.long	0x48570000 | \operation << 8 | \entry
	.endm

	.macro	interrupt operation
	int3
	.byte	0x0f, 0x1f, 0x84, 0x00
	.long	0x48570002 | \operation << 8
	.endm

	.macro	system_call operation
	movl	$0x04857000 + \operation, %eax
	syscall
	cmpl	$-38, %eax
	jne	1f
	trap	\operation, 0x80
1:
	.endm

	.macro	function name, entry, operation
	.globl	\name
\name:	\entry	\operation
	retq
	.endm

	function asm_trap_poll, trap, 0
	function asm_trap_save, trap, 1
	function asm_trap_load, trap, 2
	function asm_interrupt_poll, interrupt, 0
	function asm_interrupt_save, interrupt, 1
	function asm_interrupt_load, interrupt, 2
	function asm_syscall_poll, system_call, 0
	function asm_syscall_save, system_call, 1
	function asm_syscall_load, system_call, 2

# The instruction itself: a NOP until it is armed, for which it stands in the
# table of sites.
	.globl	asm_insn_poll
asm_insn_poll:
.Lsite:	.byte	0x0f, 0x1f, 0x84, 0x00
	.long	0x48570002
	retq
	.section hwckpt_sites_annotated,"ao",@progbits,.text
	.long	.Lsite - .
	.text

	.section .note.GNU-stack,"",@progbits
