// SPDX-License-Identifier: BSD-2-Clause
// Entries of a processor that forgets: 256 vectors that drop the frame, and a trampoline that an
// NMI may hit at any instruction. Not start.S, where interrupts are off and nobody sends one.

#include "guests/runtime/layout.h"

#define CR0_PAGED 0x80000011 /* PG, ET, PE */
#define CR4_PAE 0x20
#define MSR_EFER 0xc0000080
#define EFER_LME 0x100

	.section .text
	.code64
	.balign	16
	.globl	anew_entries
anew_entries:
	.set	number, 0
	.rept	256
	.balign	16
	movl	$number, %edi
	jmp	drop_frame
	.set	number, number + 1
	.endr

// The stack's region tells the processor, so all above it may go.
drop_frame:
	cld
	movq	%rsp, %rax
	andq	$-STACK_SIZE, %rax
	leaq	STACK_SIZE(%rax), %rsp
	call	anew_trap

// By IRETQ, because NMIs are blocked until one.
	.globl	anew_begin
anew_begin:
	movq	%rsp, %rax
	decq	%rax
	andq	$-STACK_SIZE, %rax
	leaq	STACK_SIZE(%rax), %rsp
	movq	%rsp, %rax
	pushq	$SEL_KERNEL_DATA
	pushq	%rax
	pushq	$2
	pushq	$SEL_KERNEL_CODE
	pushq	$1f
	iretq
1:	call	anew_work
2:	cli
	hlt
	jmp	2b

// Real mode has its own vectors in page 0, of which an NMI's leads to 0:400. Once IDTR is that of
// long mode, an NMI before CR0.PG reads the zeros at its bytes 8 to 11, and goes to 0:0. Both, and
// SIPI vector 0, go on at 60:0, where another copy of this lies. ESP is a stack for all modes: its
// low half lies at the end of some page, behind the copy there.
	.section .rodata.anew, "a"
	.code16
	.globl	anew_trampoline, anew_trampoline_end
anew_trampoline:
	cli
	movw	%cs, %ax
	movw	%ax, %ds
	xorl	%eax, %eax
	movw	%ax, %ss
	cpuid
	cmpl	$0xb, %eax
	jb	1f
	movl	$0xb, %eax
	xorl	%ecx, %ecx
	cpuid
	testl	%ebx, %ebx
	jnz	2f
1:	movl	$1, %eax
	cpuid
	shrl	$24, %ebx
	movl	%ebx, %edx
2:	cmpl	$MAX_CPUS, %edx
	jae	3f
	leal	1(%edx), %esp
	imull	$STACK_SIZE, %esp, %esp
	addl	$smp_stacks, %esp
	lgdtl	anew_gdt_pointer - anew_trampoline
	lidtl	anew_idt_pointer - anew_trampoline
	movl	$CR4_PAE, %eax
	movl	%eax, %cr4
	movl	$tables_pml4, %eax
	movl	%eax, %cr3
	movl	$MSR_EFER, %ecx
	xorl	%edx, %edx
	movl	$EFER_LME, %eax
	wrmsr
	movl	$CR0_PAGED, %eax
	movl	%eax, %cr0
	ljmpl	$SEL_KERNEL_CODE, $started
3:	hlt
	jmp	3b
	.balign	8
anew_gdt_pointer:
	.word	GDT_BYTES - 1
	.long	tables_gdt
	.balign	8
anew_idt_pointer:
	.word	4095
	.long	anew_idt
anew_trampoline_end:

	.section .text
	.code64
started:
	movl	$SEL_KERNEL_DATA, %eax
	movl	%eax, %ds
	movl	%eax, %es
	movl	%eax, %ss
	movl	$256, %edi
	call	anew_trap
	jmp	anew_begin
	.section .note.GNU-stack, "", @progbits
