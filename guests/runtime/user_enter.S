// SPDX-License-Identifier: BSD-2-Clause
// Into CPL3 by IRETQ and back to where that was asked for.
// Not the way out: a handler decides when, by user_leave().

#include "guests/runtime/layout.h"

#define FLAGS_IF 0x202

	.section .text
	.globl	user_enter, user_back
// user_enter(code, stack, uint64_t *kept, uint64_t *interrupt_stack): returns when somebody comes
// to user_back with RSP = *kept. Interrupts from CPL3 push below *interrupt_stack.
user_enter:
	pushq	%rbx
	pushq	%rbp
	pushq	%r12
	pushq	%r13
	pushq	%r14
	pushq	%r15
	movq	%rsp, (%rdx)
	movq	%rsp, %rax
	andq	$-16, %rax
	movq	%rax, (%rcx)
	pushq	$SEL_USER_DATA
	pushq	%rsi
	pushq	$FLAGS_IF
	pushq	$SEL_USER_CODE
	pushq	%rdi
	iretq

user_back:
	popq	%r15
	popq	%r14
	popq	%r13
	popq	%r12
	popq	%rbp
	popq	%rbx
	ret
	.section .note.GNU-stack, "", @progbits
