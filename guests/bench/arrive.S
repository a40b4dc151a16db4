// SPDX-License-Identifier: BSD-2-Clause
// Waits for an interrupt and the handlers that note when it came: RDTSC is the first instruction of each.
// Not the runtime's entries: those save 15 registers first, some 20 us where kernel code is emulated.

// The waits hold R8 = struct arrival (bench.h) and R9 = the count waited for; RAX, RCX and RDX are the handler's to
// spoil. Interrupts are on in the waits alone, so nobody else is ever interrupted.

#include "guests/runtime/layout.h"

#define MSR_X2APIC_EOI 0x80b
#define XAPIC_EOI 0xfee000b0
#define FLAGS_IF 0x202

	.macro	note
	rdtsc
	movl	%eax, (%r8)
	movl	%edx, 4(%r8)
	incq	8(%r8)
	.endm

	.section .text
	.globl	arrive_x2apic, arrive_xapic, arrive_no_eoi
arrive_x2apic:
	note
	movl	$MSR_X2APIC_EOI, %ecx
	xorl	%eax, %eax
	xorl	%edx, %edx
	wrmsr
	testb	$3, 8(%rsp)
	jnz	leave_user
	iretq

arrive_xapic:
	note
	movl	$XAPIC_EOI, %ecx
	movl	$0, (%rcx)
	testb	$3, 8(%rsp)
	jnz	leave_user
	iretq

arrive_no_eoi:
	note
	iretq

// wait_*(struct arrival *, uint64_t count): returns, interrupts off as before, when the count is reached.
	.globl	wait_halted, wait_spinning, wait_counting, wait_user, let_come
wait_halted:
	movq	%rdi, %r8
	movq	%rsi, %r9
1:	cmpq	%r9, 8(%r8)
	jae	2f
	sti
	hlt
	cli
	jmp	1b
2:	ret

wait_spinning:
	movq	%rdi, %r8
	movq	%rsi, %r9
	sti
1:	cmpq	%r9, 8(%r8)
	jb	1b
	cli
	ret

// Answers how often it went round.
wait_counting:
	movq	%rdi, %r8
	movq	%rsi, %r9
	xorl	%r10d, %r10d
	sti
1:	incq	%r10
	cmpq	%r9, 8(%r8)
	jb	1b
	cli
	movq	%r10, %rax
	ret

// The second argument: so many rounds of a loop, for what may still be on its way.
let_come:
	movq	%rdi, %r8
	sti
1:	decq	%rsi
	jnz	1b
	cli
	ret

// The third argument: where this processor's TSS has the stack of interrupts from CPL3.
wait_user:
	movq	%rdi, %r8
	movq	%rsi, %r9
	movq	%rsp, kept(%rip)
	movq	%rsp, %rax
	andq	$-16, %rax
	movq	%rax, (%rdx)
	pushq	$SEL_USER_DATA
	pushq	$user_stack
	pushq	$FLAGS_IF
	pushq	$SEL_USER_CODE
	pushq	$1f
	iretq
1:	jmp	1b

leave_user:
	movl	$SEL_KERNEL_DATA, %eax
	movl	%eax, %ss
	movq	kept(%rip), %rsp
	cmpq	%r9, 8(%r8)
	jae	1f
	ud2
1:	ret

	.section .bss
	.balign	16
kept:	.skip	8
	.skip	248
user_stack:
	.section .note.GNU-stack, "", @progbits
