// SPDX-License-Identifier: BSD-2-Clause
// A Multiboot 1 header and its 32-bit entry: straight into long mode, on to where other guests are entered.
// Not the runtime's tables: those guest_start builds; these only carry it there.

#define MULTIBOOT_MAGIC 0x1badb002
#define MULTIBOOT_WANTS_MEMORY 2
#define CR0_PAGED 0x80000011 /* PG, ET, PE */
#define CR4_PAE 0x20
#define MSR_EFER 0xc0000080
#define EFER_LME 0x100
#define PRESENT_WRITABLE 3
#define PAGE_2M 0x80

	.section .text.header, "a"
	.balign	4
	.long	MULTIBOOT_MAGIC
	.long	MULTIBOOT_WANTS_MEMORY
	.long	-(MULTIBOOT_MAGIC + MULTIBOOT_WANTS_MEMORY)

// Paging and long mode go on together: hosts that emulate kernel code know no 32-bit paging.
	.section .text.entry, "ax"
	.code32
	.globl	multiboot_start
multiboot_start:
	cli
	movl	%ebx, %edi
	lgdtl	gdt_pointer
	movl	$CR4_PAE, %eax
	movl	%eax, %cr4
	movl	$pml4, %eax
	movl	%eax, %cr3
	movl	$MSR_EFER, %ecx
	xorl	%edx, %edx
	movl	$EFER_LME, %eax
	wrmsr
	movl	$CR0_PAGED, %eax
	movl	%eax, %cr0
	ljmpl	$8, $guest_start

	.section .data
	.balign	4096
pml4:	.quad	pointers + PRESENT_WRITABLE
	.fill	511, 8, 0
pointers:
	.quad	directory + PRESENT_WRITABLE
	.fill	511, 8, 0
directory:
	.set	page, 0
	.rept	512
	.quad	page + PRESENT_WRITABLE + PAGE_2M
	.set	page, page + 0x200000
	.endr
gdt:	.quad	0, 0x00af9b000000ffff, 0x00cf93000000ffff
gdt_pointer:
	.word	. - gdt - 1
	.long	gdt
	.section .note.GNU-stack, "", @progbits
