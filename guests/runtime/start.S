// SPDX-License-Identifier: BSD-2-Clause
// Where each processor enters: the BSP from the loader in 64-bit mode, an AP from its SIPI in real mode.
// Not where anything is decided: both only get a stack and the runtime's tables, and go on in C.

#include "guests/runtime/layout.h"

#define CR0_PAGED 0x80000011 /* PG, ET, PE */
#define CR4_PAE 0x20
#define MSR_EFER 0xc0000080
#define EFER_LME 0x100

	.macro	load_data_segments
	movl	$SEL_KERNEL_DATA, %eax
	movl	%eax, %ds
	movl	%eax, %es
	movl	%eax, %ss
	xorl	%eax, %eax
	movl	%eax, %fs
	movl	%eax, %gs
	.endm

	.section .text.start, "ax"
	.code64
	.globl	guest_start
guest_start:
	cli
	cld
	movl	%edi, %ebx
	movq	$smp_stacks + STACK_SIZE, %rsp
	call	tables_build
	lgdt	tables_gdt_pointer
	movq	$tables_pml4, %rax
	movq	%rax, %cr3
	ljmpl	*1f
	.balign	8
1:	.long	2f
	.word	SEL_KERNEL_CODE
2:	load_data_segments
	movl	%ebx, %edi
	call	guest_boot
3:	cli
	hlt
	jmp	3b

// An AP goes from real mode to long mode in one write to CR0, so that neither 32-bit paging nor PAE
// is ever on without long mode: hosts that emulate kernel code know neither.
// The code is copied to the page of the SIPI vector, and finds itself by CS.
	.section .rodata.trampoline, "a"
	.code16
	.globl	smp_trampoline, smp_trampoline_end
smp_trampoline:
	cli
	movw	%cs, %ax
	movw	%ax, %ds
	lgdtl	tramp_gdt - smp_trampoline
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
	ljmpl	$SEL_KERNEL_CODE, $ap_start
	.balign	8
tramp_gdt:
	.word	GDT_BYTES - 1
	.long	tables_gdt
smp_trampoline_end:

// The processor's number follows from its initial APIC ID, as CPUID tells it, and picks its stack: all
// APs may pass here at once after a broadcast SIPI.
	.section .text
	.code64
ap_start:
	load_data_segments
	xorl	%eax, %eax
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
2:	cmpl	$MAX_IDS, %edx
	jae	3f
	movzbl	smp_numbers(%rdx), %edi
	cmpl	$MAX_CPUS, %edi
	jae	3f
	leal	1(%rdi), %eax
	imull	$STACK_SIZE, %eax, %eax
	leaq	smp_stacks(%rax), %rsp
	call	smp_ap_main
3:	cli
	hlt
	jmp	3b
	.section .note.GNU-stack, "", @progbits
