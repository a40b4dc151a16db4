// SPDX-License-Identifier: BSD-2-Clause
// 256 interrupt entries: each saves the registers as a struct trap_frame and calls trap_dispatch.
// Not the policy: what a vector means is decided in trap.c.

// Vectors 17, 21, 29 and 30 push an error code only as exceptions that no guest here can raise
// (alignment check, control protection, the two of encrypted guests). As interrupts, which are
// legal from 16 up, they push none, and that is how these entries take them.
	.section .text
	.balign	16
	.globl	trap_entries
trap_entries:
	.set	number, 0
	.rept	256
	.balign	16
	.if	!(number == 8 || (number >= 10 && number <= 14))
	pushq	$0
	.endif
	pushq	$number
	jmp	entry_common
	.set	number, number + 1
	.endr

entry_common:
	pushq	%rax
	pushq	%rbx
	pushq	%rcx
	pushq	%rdx
	pushq	%rsi
	pushq	%rdi
	pushq	%rbp
	pushq	%r8
	pushq	%r9
	pushq	%r10
	pushq	%r11
	pushq	%r12
	pushq	%r13
	pushq	%r14
	pushq	%r15
	movq	%rsp, %rdi
	cld
	call	trap_dispatch
	popq	%r15
	popq	%r14
	popq	%r13
	popq	%r12
	popq	%r11
	popq	%r10
	popq	%r9
	popq	%r8
	popq	%rbp
	popq	%rdi
	popq	%rsi
	popq	%rdx
	popq	%rcx
	popq	%rbx
	popq	%rax
	addq	$16, %rsp
	iretq
	.section .note.GNU-stack, "", @progbits
