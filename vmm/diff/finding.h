// SPDX-License-Identifier: BSD-2-Clause
// One difference between the two sides, as data: what a ledger entry is held against.
// Not a judgement: ledger.h says whether it is known.
#ifndef VMM_DIFF_FINDING_H
#define VMM_DIFF_FINDING_H

#include <stdbool.h>
#include <stdint.h>

#include "vmm/diff/program.h"

#ifdef __cplusplus
extern "C" {
#endif

enum finding_field {
	FINDING_VALUE,    /* what the operation read */
	FINDING_FAULT,    /* the exception that it raised: a vector, or FINDING_NO_FAULT */
	FINDING_ARRIVED,  /* the n-th vector that a CPU took in this step (2 for an NMI), or
			     FINDING_NOTHING where one side had none any more */
	FINDING_EOI,      /* the n-th EOI that went out to I/O APICs, or FINDING_NOTHING */
	FINDING_STATE,    /* enum finding_state of a CPU */
	FINDING_NMI,      /* whether an NMI waits for a CPU that waits for a SIPI on both sides */
	FINDING_REGISTER, /* register `reg` of a CPU's 1 KiB image (KVM_GET_LAPIC) */
	FINDING_BASE,     /* IA32_APIC_BASE of a CPU */
	FINDING_DEADLINE, /* IA32_TSC_DEADLINE of a CPU */
	FINDING_COUNT,    /* TMCCT beyond the interval that the clock readings allow: ours is the
			     nearer bound */
	FINDING_OURS,     /* what ours must keep by itself, whatever KVM does: `n` is an enum
			     finding_ours. No ledger can explain it */
	FINDING_FIELDS
};

enum finding_ours {
	FINDING_REFUSED, /* an operation that ended in #GP changed register `reg` */
	FINDING_NOBODY,  /* a lowest-priority interrupt for enabled CPUs went to none of them */
	FINDING_SEVERAL, /* one went to `ours` processors */
	FINDING_UNMEANT, /* an interrupt was taken by CPU `cpu`, though not meant for it or disabled
			  */
	FINDING_TRIGGER, /* TMR has the wrong trigger mode: `ours` */
	FINDING_HIGHER, /* a lowest-priority one went to CPU `cpu`, though another's PPR is lower */
	FINDING_OVERDUE, /* a timer that is due did not run out at a tick */
	FINDING_NO_REST  /* a step does not end, and no periodic timer is to blame */
};

#define FINDING_NO_FAULT UINT64_C(0xFFFF)
#define FINDING_NOTHING  UINT64_C(0xFFFF)
/* FINDING_ARRIVED: no vector, the CPU started at page N of FINDING_STARTED | N. */
#define FINDING_STARTED 0x1000u
/* Of a boot processor after an INIT: F000h:FFF0h. */
#define FINDING_AT_RESET (FINDING_STARTED | 0xF0u)
/* The same: the CPU asked the 8259s for a vector, of which there are none. */
#define FINDING_EXTINT 0x2000u

enum finding_state { FINDING_RUNNING, FINDING_HALTED, FINDING_WAITS_FOR_SIPI, FINDING_LOST };
enum finding_mode { FINDING_DISABLED, FINDING_XAPIC, FINDING_X2APIC };

struct finding {
	enum finding_field field;
	unsigned cpu; /* whose */
	unsigned reg; /* FINDING_REGISTER: offset >> 4 */
	unsigned n;   /* FINDING_ARRIVED, FINDING_EOI: position, from 0 */
	uint64_t ours, kvm;
	const struct program_op *op;        /* the step; after its end, with `settled`, the same */
	enum finding_mode before, mode;     /* of `cpu` in ours, before and after the step */
	bool enabled;                       /* SVR bit 8 of `cpu` in ours, after the step */
	uint32_t lvt_error, lvt_timer, svr; /* of `cpu` in ours, after the step */
	uint32_t id, ldr, dfr;              /* the same, as the registers have them */
	bool twin;         /* another CPU of ours has the ID of `cpu`, before the step */
	bool counted;      /* TMCCT of `cpu` in ours was not 0 before the step */
	bool was_enabled;  /* SVR bit 8 of `cpu` in ours before the step */
	bool was_masked;   /* LVT timer of `cpu` in ours was masked before the step */
	uint32_t was_ldr;  /* LDR of `cpu` in ours before the step */
	bool unchanged;    /* FINDING_REGISTER: ours has the bits that differ as before the step */
	bool past;         /* FINDING_DEADLINE: KVM's has gone by */
	bool sent_011;     /* mode 011b may have been sent to `cpu` since its last HLT began */
	bool addressed;    /* `cpu` is one that the operation's interrupt is for: address.h */
	uint32_t icr_high; /* of the step's CPU, before it: where a page write of the ICR went */
};

/* "ESR of CPU 1: ours 00000080, KVM 00000000". At most 160 bytes with the NUL. */
void finding_text(const struct finding *finding, char text[160]);
/* "ID", "TPR", "ISR3", "LVT timer", ... or "reg 3Fh". reg: 0 .. 3Fh. */
const char *finding_register_name(unsigned reg);

#ifdef __cplusplus
}
#endif

#endif
