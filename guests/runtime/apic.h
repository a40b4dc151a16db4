// SPDX-License-Identifier: BSD-2-Clause
// The Local APIC as software sees it: registers by number, in whichever mode this processor is.
// Not the host's model: these constants come from the SDM, Vol. 3A, chapter "APIC", on their own.
#ifndef GUESTS_RUNTIME_APIC_H
#define GUESTS_RUNTIME_APIC_H

#include <stdbool.h>
#include <stdint.h>

/* Register n lies at n << 4 of the xAPIC page, and is MSR 800h + n. */
enum apic_register {
	APIC_ID = 0x02,
	APIC_VERSION = 0x03,
	APIC_TPR = 0x08,
	APIC_APR = 0x09,
	APIC_PPR = 0x0a,
	APIC_EOI = 0x0b,
	APIC_RRD = 0x0c,
	APIC_LDR = 0x0d,
	APIC_DFR = 0x0e,
	APIC_SVR = 0x0f,
	APIC_ISR = 0x10,
	APIC_TMR = 0x18,
	APIC_IRR = 0x20,
	APIC_ESR = 0x28,
	APIC_LVT_CMCI = 0x2f,
	APIC_ICR = 0x30,
	APIC_ICR_HIGH = 0x31,
	APIC_LVT_TIMER = 0x32,
	APIC_LVT_THERMAL = 0x33,
	APIC_LVT_PERF = 0x34,
	APIC_LVT_LINT0 = 0x35,
	APIC_LVT_LINT1 = 0x36,
	APIC_LVT_ERROR = 0x37,
	APIC_TMICT = 0x38,
	APIC_CCR = 0x39,
	APIC_DCR = 0x3e,
	APIC_SELF_IPI = 0x3f,
};

enum {
	APIC_SVR_ENABLE = 1 << 8,

	APIC_LVT_MASKED = 1 << 16,
	APIC_LVT_PERIODIC = 1 << 17,
	APIC_LVT_DEADLINE = 2 << 17,

	APIC_ICR_FIXED = 0 << 8,
	APIC_ICR_LOWEST = 1 << 8,
	APIC_ICR_NMI = 4 << 8,
	APIC_ICR_INIT = 5 << 8,
	APIC_ICR_SIPI = 6 << 8,
	APIC_ICR_LOGICAL = 1 << 11,
	APIC_ICR_BUSY = 1 << 12,
	APIC_ICR_ASSERT = 1 << 14,
	APIC_ICR_LEVEL = 1 << 15,
	APIC_ICR_SELF = 1 << 18,
	APIC_ICR_ALL = 2 << 18,
	APIC_ICR_OTHERS = 3 << 18,

	APIC_ESR_SEND_VECTOR = 1 << 5,
	APIC_ESR_RECEIVE_VECTOR = 1 << 6,
	APIC_ESR_REGISTER = 1 << 7,

	APIC_DFR_FLAT = -1,
	APIC_DFR_CLUSTER = 0x0fffffff,
};

#define MSR_APIC_BASE     UINT32_C(0x1b)
#define MSR_TSC_DEADLINE  UINT32_C(0x6e0)
#define MSR_X2APIC        UINT32_C(0x800)

#define APIC_BASE_BSP     (UINT64_C(1) << 8)
#define APIC_BASE_EXTD    (UINT64_C(1) << 10)
#define APIC_BASE_EN      (UINT64_C(1) << 11)
#define APIC_BASE_ADDRESS UINT64_C(0xfffffffff000)
#define APIC_DEFAULT_PAGE UINT64_C(0xfee00000)
#define APIC_MOVED_PAGE   UINT64_C(0xfe000000) /* where a machine has nothing else */

enum apic_mode { APIC_DISABLED, APIC_XAPIC, APIC_X2APIC };

/* What CPUID says. */
bool apic_has_x2apic(void);
bool apic_has_deadline(void);
bool apic_cpuid_enabled(void); /* CPUID.1:EDX[9] */
uint32_t apic_cpuid_id(void);  /* initial APIC ID, all 32 bits where leaf Bh is */

/* This processor's mode and page, as last learnt; apic_learn() reads IA32_APIC_BASE again. */
enum apic_mode apic_mode(void);
uint64_t apic_page(void);
void apic_learn(void);
/* Writes IA32_APIC_BASE and learns; it must be a legal transition. */
void apic_set_base(uint64_t base);
/* Goes to a mode by legal transitions, the page where it is. */
void apic_set_mode(enum apic_mode mode);

/* By the mode this processor is in. */
uint32_t apic_read(unsigned reg);
void apic_write(unsigned reg, uint32_t value);
void apic_eoi(void);
/* Destination as the mode has it: an 8-bit or a 32-bit ID. */
void apic_ipi(uint32_t destination, uint32_t low);
uint32_t apic_id(void);
/* One bit of ISR, TMR or IRR. */
bool apic_bit(unsigned reg, unsigned vector);
/* Whether all 256 bits are clear. */
bool apic_no_bits(unsigned reg);
/* Latches the errors since the last time, and answers them. */
uint32_t apic_take_errors(void);

/*
 * Switches this processor's APIC on: with the argument "moved" at another page, in x2APIC mode
 * where the guest was started with the argument "x2apic" and has it, else in the mode it is in.
 * Spurious vector FFh, TPR 0.
 */
void apic_enable(void);

/* The page itself, with accesses of one exact width. */
static inline uint32_t apic_mmio_read32(uint64_t address)
{
	uint32_t value;

	__asm__ volatile("movl (%1), %0" : "=r"(value) : "r"(address) : "memory");
	return value;
}

static inline void apic_mmio_write32(uint64_t address, uint32_t value)
{
	__asm__ volatile("movl %0, (%1)" : : "r"(value), "r"(address) : "memory");
}

#endif
