// SPDX-License-Identifier: BSD-2-Clause
// A rough picture of where a program has brought its processors: what the generator steers by.
// Not a Local APIC and no oracle: where it is wrong, a program is duller, and nothing else.
#ifndef VMM_DIFF_MODEL_H
#define VMM_DIFF_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "vmm/diff/finding.h"
#include "vmm/diff/program.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Numbers of registers: offset >> 4, MSR - 800h. */
enum model_reg {
	MODEL_ID = 0x02,
	MODEL_TPR = 0x08,
	MODEL_PPR = 0x0A,
	MODEL_EOI = 0x0B,
	MODEL_LDR = 0x0D,
	MODEL_DFR = 0x0E,
	MODEL_SVR = 0x0F,
	MODEL_ISR = 0x10,
	MODEL_TMR = 0x18,
	MODEL_IRR = 0x20,
	MODEL_ESR = 0x28,
	MODEL_CMCI = 0x2F,
	MODEL_ICR = 0x30,
	MODEL_ICR_HIGH = 0x31,
	MODEL_LVT_TIMER = 0x32,
	MODEL_LVT_THERMAL = 0x33,
	MODEL_LVT_PERF = 0x34,
	MODEL_LVT_LINT0 = 0x35,
	MODEL_LVT_LINT1 = 0x36,
	MODEL_LVT_ERROR = 0x37,
	MODEL_TMICT = 0x38,
	MODEL_TMCCT = 0x39,
	MODEL_DCR = 0x3E,
	MODEL_SELF_IPI = 0x3F
};

/* Delivery modes of the ICR and of messages. */
enum model_delivery {
	MODEL_FIXED = 0,
	MODEL_LOWEST = 1,
	MODEL_SMI = 2,
	MODEL_NMI = 4,
	MODEL_INIT = 5,
	MODEL_SIPI = 6,
	MODEL_EXTINT = 7
};

/* Bits of the ICR beside vector and delivery mode, and its shorthands. */
#define MODEL_LOGICAL        0x800u
#define MODEL_ASSERT         0x4000u
#define MODEL_LEVEL          0x8000u
#define MODEL_SELF           0x40000u
#define MODEL_ALL            0x80000u
#define MODEL_OTHERS         0xC0000u

#define MODEL_MASKED         0x10000u
#define MODEL_TIMER_PERIODIC 0x20000u
#define MODEL_TIMER_DEADLINE 0x40000u
#define MODEL_TIMER_MODE     0x60000u

#define MODEL_BSP            0x100u
#define MODEL_EXTD           0x400u
#define MODEL_EN             0x800u

struct model_cpu {
	enum finding_mode mode;
	uint64_t base;   /* IA32_APIC_BASE */
	bool enabled;    /* SVR bit 8 */
	bool waiting;    /* for a SIPI */
	bool lost;       /* started where no puppet is */
	bool halted;     /* by HLT, and nothing has ended it */
	bool keep;       /* handlers give no EOI */
	bool interrupts; /* IF */
	bool counting;   /* TMICT is not 0: it may run still */
	unsigned kept;   /* vectors in service, about */
	unsigned divide; /* 1 .. 128 */
	uint8_t tpr;
	uint32_t id, ldr, dfr, icr_high; /* as the registers have them; x2APIC: not used */
	uint32_t lvt_timer;
};

struct model {
	unsigned cpus;
	bool x2apic; /* EXTD may be set */
	struct model_cpu cpu[PROGRAM_CPUS_MAX];
};

/* Where a program begins. */
void model_start(struct model *model, unsigned cpus, bool started, bool x2apic);
void model_op(struct model *model, const struct program_op *op);
/* It runs, so that an operation reaches it. */
bool model_acts(const struct model *model, unsigned cpu);

/* An interrupt on its way: `low` as the ICR's low half has it. */
struct model_message {
	int sender; /* CPU; -1: the host */
	uint32_t dest, low;
	bool dest32; /* from an x2APIC sender */
};

/* Which CPUs it reaches, bit n for CPU n: by the destination alone. */
unsigned model_reaches(const struct model *model, const struct model_message *message);
/* The message that this operation sends; false: none. */
bool model_sends(const struct model *model, const struct program_op *op,
		 struct model_message *message);
/* The DCR value for 1, 2, 4 .. 128. */
uint32_t model_dcr(unsigned divide);

#ifdef __cplusplus
}
#endif

#endif
