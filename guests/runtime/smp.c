// SPDX-License-Identifier: BSD-2-Clause
// Starts APs and hands them work through one mailbox each.
// No IPI is sent to hand over work: that would add to what tests count.
#include "guests/runtime/smp.h"

#include <stddef.h>

#include "guests/runtime/apic.h"
#include "guests/runtime/cpu.h"
#include "guests/runtime/layout.h"
#include "guests/runtime/madt.h"
#include "guests/runtime/memory.h"
#include "guests/runtime/result.h"
#include "guests/runtime/time.h"
#include "guests/runtime/trap.h"

#define FW_CFG_SELECT 0x510
#define FW_CFG_DATA   0x511
#define FW_CFG_CPUS   5

struct mailbox {
	smp_function function; /* set by the caller, cleared by the AP when it has returned */
	uintptr_t argument;
	unsigned starts;
};

extern const char smp_trampoline[], smp_trampoline_end[];
extern char smp_stacks[MAX_CPUS][STACK_SIZE];
void smp_ap_main(unsigned cpu) __attribute__((noreturn));

char smp_stacks[MAX_CPUS][STACK_SIZE] __attribute__((aligned(STACK_SIZE)));
static struct mailbox mailboxes[MAX_CPUS];
static uint32_t ids[SMP_IDS];

/* By APIC ID, for start.S. */
extern uint8_t smp_numbers[MAX_IDS];
uint8_t smp_numbers[MAX_IDS];
static void (*volatile first_act)(void);

unsigned smp_self(void)
{
	uintptr_t stack;

	__asm__("movq %%rsp, %0" : "=r"(stack));
	return (unsigned)((stack - (uintptr_t)smp_stacks) / STACK_SIZE);
}

unsigned smp_cpus(void)
{
	unsigned low;

	outw(FW_CFG_SELECT, FW_CFG_CPUS);
	low = inb(FW_CFG_DATA);
	return low | (unsigned)inb(FW_CFG_DATA) << 8;
}

static void learn_ids(void)
{
	static bool learnt;
	unsigned count, most;

	if (learnt)
		return;
	learnt = true;
	most = smp_cpus() < SMP_IDS ? smp_cpus() : SMP_IDS;
	count = madt_ids(ids, SMP_IDS);
	for (unsigned cpu = count; cpu < most; cpu++)
		ids[cpu] = cpu;
	memset(smp_numbers, NO_CPU, sizeof(smp_numbers));
	for (unsigned cpu = 0; cpu < most && cpu < MAX_CPUS; cpu++)
		if (ids[cpu] < MAX_IDS)
			smp_numbers[ids[cpu]] = (uint8_t)cpu;
}

uint32_t smp_id(unsigned cpu)
{
	learn_ids();
	return ids[cpu];
}

uint32_t smp_put_trampoline(uint32_t address)
{
	learn_ids();
	memcpy((void *)(uintptr_t)address, smp_trampoline,
	       (uintptr_t)smp_trampoline_end - (uintptr_t)smp_trampoline);
	return address >> 12;
}

void smp_set_first(void (*first)(void))
{
	first_act = first;
}

unsigned smp_starts(unsigned cpu)
{
	return __atomic_load_n(&mailboxes[cpu].starts, __ATOMIC_ACQUIRE);
}

bool smp_start_one(unsigned cpu)
{
	unsigned before = smp_starts(cpu);
	uint32_t page = smp_put_trampoline(SMP_TRAMPOLINE_PAGE);

	smp_abandon(cpu);
	apic_ipi(ids[cpu], APIC_ICR_INIT | APIC_ICR_ASSERT);
	apic_ipi(ids[cpu], APIC_ICR_SIPI | APIC_ICR_ASSERT | page);
	return TIME_WAIT(smp_starts(cpu) != before);
}

void smp_start(unsigned n)
{
	unsigned have = smp_cpus();

	if (have < n)
		guest_skip("needs %u CPUs, the machine has %u", n, have);
	if (n > MAX_CPUS)
		guest_skip("no more than %u CPUs are known to this guest", MAX_CPUS);
	for (unsigned cpu = 1; cpu < n; cpu++)
		if (!smp_start_one(cpu))
			guest_fail("cpu %u did not start", cpu);
}

void smp_begin(unsigned cpu, smp_function function, uintptr_t argument)
{
	mailboxes[cpu].argument = argument;
	__atomic_store_n(&mailboxes[cpu].function, function, __ATOMIC_RELEASE);
}

void smp_finish(unsigned cpu)
{
	if (!TIME_WAIT(!__atomic_load_n(&mailboxes[cpu].function, __ATOMIC_ACQUIRE)))
		guest_fail("cpu %u did not finish what it was given", cpu);
}

void smp_call(unsigned cpu, smp_function function, uintptr_t argument)
{
	smp_begin(cpu, function, argument);
	smp_finish(cpu);
}

void smp_abandon(unsigned cpu)
{
	__atomic_store_n(&mailboxes[cpu].function, NULL, __ATOMIC_RELEASE);
}

void smp_ap_main(unsigned cpu)
{
	struct mailbox *box = &mailboxes[cpu];

	trap_load();
	apic_learn();
	if (first_act)
		first_act();
	apic_enable();
	__atomic_add_fetch(&box->starts, 1, __ATOMIC_RELEASE);
	for (;;) {
		smp_function function = __atomic_load_n(&box->function, __ATOMIC_ACQUIRE);

		sti();
		if (!function) {
			cpu_pause();
			continue;
		}
		function(box->argument);
		__atomic_store_n(&box->function, NULL, __ATOMIC_RELEASE);
	}
}
