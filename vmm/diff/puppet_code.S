// SPDX-License-Identifier: BSD-2-Clause
// The guest that does one operation at a time as the host bids, and says which interrupts it takes.
// No will of its own: what it does and what comes of it is decided and judged outside.

#include "vmm/diff/puppet_layout.h"

#define AT(label) (PUPPET_CODE + (label - puppet_code))

#define CR0_PAGED 0x80000011 /* PG, ET, PE */
#define CR4_PAE 0x20
#define MSR_EFER 0xc0000080
#define EFER_LME 0x100
#define MSR_X2APIC_EOI 0x80b
#define MSR_TSC_DEADLINE 0x6e0

	.section .rodata
	.balign	16
	.globl	puppet_code, puppet_code_end, puppet_entries, puppet_nmi16
	.hidden	puppet_code, puppet_code_end, puppet_entries, puppet_nmi16

// Entered from the start pages with CS in AX. To long mode in one write to CR0: hosts that emulate
// kernel code know neither 32-bit paging nor PAE without it.
puppet_code:
	.code16
	cli
	movw	%ax, %bp
	xorw	%ax, %ax
	movw	%ax, %ds
	lgdtl	PUPPET_GDT_POINTER
	movl	$CR4_PAE, %eax
	movl	%eax, %cr4
	movl	$PUPPET_PML4, %eax
	movl	%eax, %cr3
	movl	$MSR_EFER, %ecx
	xorl	%edx, %edx
	movl	$EFER_LME, %eax
	wrmsr
	movl	$CR0_PAGED, %eax
	movl	%eax, %cr0
	ljmpl	$PUPPET_CODE_SELECTOR, $AT(start64)

// An NMI that comes before there is an IDT.
puppet_nmi16:
	pushw	%ax
	movb	$2, %al
	outb	%al, $PUPPET_PORT_ARRIVED
	popw	%ax
	iretw

	.code64
start64:
	movl	$PUPPET_DATA_SELECTOR, %eax
	movl	%eax, %ds
	movl	%eax, %es
	movl	%eax, %ss
	lidt	PUPPET_IDT_POINTER
	// The initial APIC ID, as CPUID has it: the register may have been written.
	movl	$1, %eax
	cpuid
	shrl	$24, %ebx
	movl	%ebx, %eax
	imull	$PUPPET_BLOCK_BYTES, %eax, %eax
	leal	PUPPET_BLOCKS(%rax), %r15d
	leal	1(%rbx), %eax
	imull	$PUPPET_STACK_BYTES, %eax, %eax
	leal	PUPPET_STACKS(%rax), %esp
	movzwl	%bp, %eax
	outl	%eax, $PUPPET_PORT_STARTED

next:
	outb	%al, $PUPPET_PORT_NEXT
	movq	PUPPET_ADDRESS(%r15), %rdi
	movq	PUPPET_VALUE(%r15), %rbx
	movl	PUPPET_DO(%r15), %esi
	rdtsc
	shlq	$32, %rdx
	orq	%rdx, %rax
	movq	%rax, PUPPET_BEFORE(%r15)
	xorl	%eax, %eax
	jmp	*AT(table)(,%rsi,8)

	.balign	8
table:
	.quad	AT(done), AT(read1), AT(read2), AT(read4), AT(read8)
	.quad	AT(write1), AT(write2), AT(write4), AT(write8)
	.quad	AT(do_rdmsr), AT(do_wrmsr), AT(do_deadline)
	.quad	AT(read_cr8), AT(write_cr8), AT(do_rdtsc), AT(do_sti), AT(do_cli), AT(do_hlt)

read1:
	movb	(%rdi), %al
	jmp	done
read2:
	movw	(%rdi), %ax
	jmp	done
read4:
	movl	(%rdi), %eax
	jmp	done
read8:
	movq	(%rdi), %rax
	jmp	done
write1:
	movb	%bl, (%rdi)
	jmp	done
write2:
	movw	%bx, (%rdi)
	jmp	done
write4:
	movl	%ebx, (%rdi)
	jmp	done
write8:
	movq	%rbx, (%rdi)
	jmp	done
do_rdmsr:
	movl	%edi, %ecx
	rdmsr
	shlq	$32, %rdx
	orq	%rdx, %rax
	jmp	done
do_deadline:
	rdtsc
	shlq	$32, %rdx
	orq	%rdx, %rax
	addq	%rax, %rbx
	movq	%rbx, PUPPET_RESULT(%r15)
	movl	$MSR_TSC_DEADLINE, %ecx
	movl	%ebx, %eax
	movq	%rbx, %rdx
	shrq	$32, %rdx
	wrmsr
	movq	%rbx, %rax
	jmp	done
do_wrmsr:
	movl	%edi, %ecx
	movl	%ebx, %eax
	movq	%rbx, %rdx
	shrq	$32, %rdx
	wrmsr
	xorl	%eax, %eax
	jmp	done
read_cr8:
	movq	%cr8, %rax
	jmp	done
write_cr8:
	movq	%rbx, %cr8
	jmp	done
do_rdtsc:
	rdtsc
	shlq	$32, %rdx
	orq	%rdx, %rax
	jmp	done
do_sti:
	sti
	jmp	done
do_cli:
	cli
	jmp	done
do_hlt:
	hlt
done:
	movq	%rax, PUPPET_RESULT(%r15)
faulted:
	rdtsc
	shlq	$32, %rdx
	orq	%rdx, %rax
	movq	%rax, PUPPET_AFTER(%r15)
	jmp	next

entry:
	pushq	%rax
	pushq	%rcx
	pushq	%rdx
	movl	24(%rsp), %eax
	cmpl	$2, %eax
	je	arrived
	cmpl	$16, %eax
	jb	fault
arrived:
	outb	%al, $PUPPET_PORT_ARRIVED
	movl	PUPPET_EOI(%r15), %ecx
	cmpl	$PUPPET_EOI_BY_PAGE, %ecx
	je	eoi_by_page
	cmpl	$PUPPET_EOI_BY_MSR, %ecx
	jne	leave
	movl	$MSR_X2APIC_EOI, %ecx
	xorl	%eax, %eax
	xorl	%edx, %edx
	wrmsr
	jmp	leave
eoi_by_page:
	movq	PUPPET_EOI_PAGE(%r15), %rcx
	xorl	%eax, %eax
	movl	%eax, (%rcx)
	jmp	leave
fault:
	movl	%eax, PUPPET_FAULT(%r15)
	movq	$AT(faulted), 40(%rsp)
leave:
	popq	%rdx
	popq	%rcx
	popq	%rax
	addq	$16, %rsp
	iretq

// Vectors 17, 21, 29 and 30 push an error code as exceptions only, and those do not happen here.
	.balign	16
puppet_entries:
	.set	number, 0
	.rept	256
	.balign	16
	.if	!(number == 8 || (number >= 10 && number <= 14))
	pushq	$0
	.endif
	pushq	$number
	jmp	entry
	.set	number, number + 1
	.endr
puppet_code_end:
	.section .note.GNU-stack, "", @progbits
