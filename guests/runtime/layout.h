/* SPDX-License-Identifier: BSD-2-Clause */
/* Numbers that the assembly and the C of the runtime share: selectors, table and stack sizes. */
/* Not the APIC's constants (apic.h). */
#ifndef GUESTS_RUNTIME_LAYOUT_H
#define GUESTS_RUNTIME_LAYOUT_H

#define MAX_CPUS        64   /* that run C */
#define MAX_IDS         4096 /* APIC IDs are below it */
#define NO_CPU          255
#define STACK_SIZE      8192 /* a power of two: a CPU's number is found from its stack pointer */

#define SEL_KERNEL_CODE 0x08
#define SEL_KERNEL_DATA 0x10
#define SEL_USER_DATA   0x1b
#define SEL_USER_CODE   0x23
#define SEL_TSS0        0x28 /* one 16-byte TSS descriptor a CPU from here */
#define GDT_BYTES       (SEL_TSS0 + 16 * MAX_CPUS)

#endif
