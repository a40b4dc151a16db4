// SPDX-License-Identifier: BSD-2-Clause
// Questions about the processor itself: single-step, speed of kernel code, CPUID at run time.
// Not a benchmark: the speed is told apart from another by a factor of a thousand.
#include <linux/kvm.h>

#include "vmm/msr_index.h"
#include "vmm/probe.h"
#include "vmm/tsc.h"

#define APIC_BASE_EN    (UINT64_C(1) << 11)
#define CPUID1_EDX_APIC (UINT64_C(1) << 9)

static int vcpu_ioctl(const struct probe *p, unsigned long request, void *arg)
{
	return kvm_ioctl(p->vm.kvm, p->fd, request, arg);
}

uint32_t probe_tsc_khz(struct probe *p)
{
	int khz = vcpu_ioctl(p, KVM_GET_TSC_KHZ, NULL);

	return khz > 0 ? (uint32_t)khz : 0;
}

/* So far ahead that no host is there by itself. */
#define FAR_AHEAD (UINT64_C(1) << 60)

/* As a run would do it for a guest that writes the MSR. */
bool probe_tsc_moves(struct probe *p)
{
	static const uint8_t code[] = {
		0x0F, 0x31,       /* rdtsc */
		0xE6, PROBE_PORT, /* out 80h, al */
	};
	uint64_t tsc = 0, rcx;
	struct result ignored;
	struct host_traits movable = *p->vm.traits;
	struct vm vm = p->vm;
	struct tsc clock;
	bool seen;
	uint8_t al;

	/* This is what is being asked. */
	movable.tsc_moves = true;
	vm.traits = &movable;
	if (!tsc_init(&clock, &vm, p->fd, tsc_host, &ignored) ||
	    tsc_guest_write(&clock, MSR_IA32_TSC, FAR_AHEAD) < 0)
		return false;
	seen = probe_load(p, code, sizeof(code)) && probe_runs_to_out(p, PROBE_PORT, &al) &&
	       probe_registers(p, &tsc, &rcx);
	return tsc_guest_write(&clock, MSR_IA32_TSC, tsc_host()) >= 0 && seen && tsc >= FAR_AHEAD;
}

static bool set_single_step(struct probe *p, bool on)
{
	struct kvm_guest_debug debug = {
		.control = on ? KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP : 0,
	};

	return vcpu_ioctl(p, KVM_SET_GUEST_DEBUG, &debug) >= 0;
}

bool probe_single_step_cpl0(struct probe *p)
{
	static const uint8_t code[] = {
		0xE6, PROBE_PORT, /* out 80h, al */
		0x90,             /* nop */
		0xFB,             /* sti */
		0x90,             /* nop */
		0xFA,             /* cli */
		0x90,             /* nop */
	};
	uint64_t rip = PROBE_CODE + 2;
	bool exact = probe_load(p, code, sizeof(code));
	uint8_t al;

	if (!exact || !probe_runs_to_out(p, PROBE_PORT, &al) || !set_single_step(p, true))
		return false;
	for (unsigned step = 0; exact && step < sizeof(code) - 2; step++) {
		rip++;
		exact = probe_run(p) == KVM_EXIT_DEBUG;
		/* The first stop may still be that of the OUT, which an exit had split. */
		if (exact && step == 0 && p->run->debug.arch.pc == rip - 1)
			exact = probe_run(p) == KVM_EXIT_DEBUG;
		exact = exact && p->run->debug.arch.pc == rip;
	}
	return set_single_step(p, false) && exact;
}

#define LOOPS        2000u
#define INSTRUCTIONS (2u * LOOPS)
/* Emulated instructions take 600 ns and more, native ones less than one. */
#define SLOW_NS 100u
#define TRIES   3u

static bool is_slow(struct probe *p)
{
	static const uint8_t code[] = {
		0xE6, PROBE_PORT,                                  /* out 80h, al */
		0xB9, (uint8_t)LOOPS, (uint8_t)(LOOPS >> 8), 0, 0, /* mov ecx, LOOPS */
		0xFF, 0xC9,                                        /* again: dec ecx */
		0x75, 0xFC,                                        /* jnz again */
		0xE6, PROBE_PORT,                                  /* out 80h, al */
	};
	uint64_t start;
	uint8_t al;

	if (!probe_load(p, code, sizeof(code)) || !probe_runs_to_out(p, PROBE_PORT, &al))
		return false;
	start = kick_clock_ns();
	return probe_runs_to_out(p, PROBE_PORT, &al) &&
	       kick_clock_ns() - start > (uint64_t)INSTRUCTIONS * SLOW_NS;
}

bool probe_cpl0_emulated(struct probe *p)
{
	/* A native guest may lose the processor once, not each time. */
	for (unsigned i = 0; i < TRIES; i++)
		if (!is_slow(p))
			return false;
	return true;
}

static bool set_apic_enabled(struct probe *p, bool enabled)
{
	struct kvm_sregs sregs;

	if (vcpu_ioctl(p, KVM_GET_SREGS, &sregs) < 0)
		return false;
	sregs.apic_base &= ~APIC_BASE_EN;
	if (enabled)
		sregs.apic_base |= APIC_BASE_EN;
	return vcpu_ioctl(p, KVM_SET_SREGS, &sregs) >= 0;
}

/* Asks CPUID, after the guest has already run: what counts is the change at run time. */
static bool apic_bit_is(struct probe *p, bool wanted)
{
	static const uint8_t code[] = {
		0xE6, PROBE_PORT,          /* out 80h, al */
		0xB8, 1,          0, 0, 0, /* mov eax, 1 */
		0x0F, 0xA2,                /* cpuid */
		0xE6, PROBE_PORT,          /* out 80h, al */
	};
	uint64_t edx_eax, rcx;
	uint8_t al;

	return probe_load(p, code, sizeof(code)) && probe_runs_to_out(p, PROBE_PORT, &al) &&
	       set_apic_enabled(p, wanted) && probe_runs_to_out(p, PROBE_PORT, &al) &&
	       probe_registers(p, &edx_eax, &rcx) &&
	       (edx_eax >> 32 & CPUID1_EDX_APIC) == (wanted ? CPUID1_EDX_APIC : 0);
}

bool probe_apic_bit_follows(struct probe *p)
{
	bool off = apic_bit_is(p, false);

	/* On again in any case: what comes after finds the processor as after reset. */
	return apic_bit_is(p, true) && off;
}
