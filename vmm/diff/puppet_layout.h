/* SPDX-License-Identifier: BSD-2-Clause */
/* Where the puppet's pieces lie in its machine's memory, and its ports: for C and assembler. */
/* Not what it does: puppet_code.S. */
#ifndef VMM_DIFF_PUPPET_LAYOUT_H
#define VMM_DIFF_PUPPET_LAYOUT_H

/* Below the pages that a SIPI can name (program.h), so that all of those are alike. */
#define PUPPET_PML4          0x1000 /* then PDPT and four page directories */
#define PUPPET_GDT           0x7000
#define PUPPET_GDT_POINTER   0x7100
#define PUPPET_IDT_POINTER   0x7110
#define PUPPET_IDT           0x8000
#define PUPPET_CODE          0x9000
#define PUPPET_SEGMENT       0x900 /* PUPPET_CODE as a real-mode segment */
#define PUPPET_BLOCKS        0xE000
#define PUPPET_BLOCK_BYTES   0x100
#define PUPPET_STACKS        0x80000
#define PUPPET_STACK_BYTES   0x1000
#define PUPPET_RAM_BYTES     0x200000
#define PUPPET_RESET_PAGE    0xFFFFF000 /* the reset vector's, a piece of RAM of its own */

#define PUPPET_CODE_SELECTOR 0x08
#define PUPPET_DATA_SELECTOR 0x10

/* Each OUT is an exit. NEXT: the last operation is done. ARRIVED: vector AL was taken, its handler
 * asks how to give the EOI. STARTED: EAX = CS at which it started. */
#define PUPPET_PORT_NEXT    0x10
#define PUPPET_PORT_ARRIVED 0x11
#define PUPPET_PORT_STARTED 0x12

/* Offsets in a CPU's block. */
#define PUPPET_DO           0x00 /* PUPPET_DO_* */
#define PUPPET_ADDRESS      0x08
#define PUPPET_VALUE        0x10
#define PUPPET_RESULT       0x18
#define PUPPET_FAULT        0x20
#define PUPPET_BEFORE       0x28 /* TSC */
#define PUPPET_AFTER        0x30
#define PUPPET_EOI          0x38 /* PUPPET_EOI_*, for the handler that asks */
#define PUPPET_EOI_PAGE     0x40 /* address of the EOI register */

#define PUPPET_EOI_NONE     0
#define PUPPET_EOI_BY_PAGE  1
#define PUPPET_EOI_BY_MSR   2

#define PUPPET_DO_NOTHING   0
#define PUPPET_DO_READ1     1
#define PUPPET_DO_READ2     2
#define PUPPET_DO_READ4     3
#define PUPPET_DO_READ8     4
#define PUPPET_DO_WRITE1    5
#define PUPPET_DO_WRITE2    6
#define PUPPET_DO_WRITE4    7
#define PUPPET_DO_WRITE8    8
#define PUPPET_DO_RDMSR     9
#define PUPPET_DO_WRMSR     10
#define PUPPET_DO_DEADLINE  11 /* WRMSR 6E0h with TSC + VALUE, which becomes RESULT */
#define PUPPET_DO_READ_CR8  12
#define PUPPET_DO_WRITE_CR8 13
#define PUPPET_DO_RDTSC     14
#define PUPPET_DO_STI       15
#define PUPPET_DO_CLI       16
#define PUPPET_DO_HLT       17

#endif
