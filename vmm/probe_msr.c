// SPDX-License-Identifier: BSD-2-Clause
// Questions about MSRs: which accesses come back to us, whole, and can be refused.
// Not the routing of MSRs in a run: that is msr.c, which relies on the answers.
#include <linux/kvm.h>
#include <string.h>

#include "vmm/msr_index.h"
#include "vmm/probe.h"

#define GENERAL_PROTECTION 13u
#define BYTE(value, n)     (uint8_t)((uint32_t)(value) >> (8 * (n)))
#define DWORD(value)       BYTE(value, 0), BYTE(value, 1), BYTE(value, 2), BYTE(value, 3)

/* mov ecx, msr; mov eax, low; mov edx, high; wrmsr; out 80h, al */
static bool write_exits(struct probe *p, uint32_t msr)
{
	const uint64_t value = UINT64_C(0x5566778811223344);
	const uint8_t code[] = {0xB9, DWORD(msr), 0xBA, DWORD(value >> 32), 0xB8, DWORD(value),
				0x0F, 0x30,       0xE6, (uint8_t)PROBE_PORT};
	uint8_t al;

	return probe_load(p, code, sizeof(code)) && probe_runs_to_msr(p, true, msr) &&
	       p->run->msr.data == value && probe_runs_to_out(p, PROBE_PORT, &al) && al == 0x44;
}

/* mov ecx, msr; rdmsr; out 80h, al */
static bool load_read(struct probe *p, uint32_t msr)
{
	const uint8_t code[] = {0xB9, DWORD(msr), 0x0F, 0x32, 0xE6, (uint8_t)PROBE_PORT};

	return probe_load(p, code, sizeof(code)) && probe_runs_to_msr(p, false, msr);
}

static bool read_exits(struct probe *p, uint32_t msr)
{
	const uint64_t value = UINT64_C(0xF1E2D3C4B5A69788);
	uint64_t got, rcx;
	uint8_t al;

	if (!load_read(p, msr))
		return false;
	p->run->msr.data = value;
	return probe_runs_to_out(p, PROBE_PORT, &al) && probe_registers(p, &got, &rcx) &&
	       got == value;
}

/* An access that we call wrong is #GP at the instruction. */
static bool error_is_gp(struct probe *p, uint32_t msr)
{
	uint8_t vector;

	if (!load_read(p, msr))
		return false;
	p->run->msr.error = 1;
	return probe_runs_to_out(p, PROBE_VECTOR_PORT, &vector) && vector == GENERAL_PROTECTION;
}

bool probe_x2apic_exits(struct probe *p)
{
	/* TPR, EOI, ICR and SELF IPI have fast paths in KVM; 8FFh is at the end and no register. */
	static const uint32_t written[] = {0x808, 0x80B, 0x830, 0x83F};
	static const uint32_t read[] = {0x802, 0x808, 0x839};

	for (size_t i = 0; i < sizeof(written) / sizeof(written[0]); i++)
		if (!write_exits(p, written[i]))
			return false;
	for (size_t i = 0; i < sizeof(read) / sizeof(read[0]); i++)
		if (!read_exits(p, read[i]))
			return false;
	return error_is_gp(p, MSR_X2APIC_FIRST) && error_is_gp(p, MSR_X2APIC_LAST);
}

bool probe_apic_base_exits(struct probe *p)
{
	return write_exits(p, MSR_IA32_APIC_BASE) && read_exits(p, MSR_IA32_APIC_BASE) &&
	       error_is_gp(p, MSR_IA32_APIC_BASE);
}

bool probe_tsc_deadline_exits(struct probe *p)
{
	return write_exits(p, MSR_IA32_TSC_DEADLINE) && read_exits(p, MSR_IA32_TSC_DEADLINE);
}

bool probe_tsc_write_exits(struct probe *p)
{
	return write_exits(p, MSR_IA32_TSC) && write_exits(p, MSR_IA32_TSC_ADJUST);
}
