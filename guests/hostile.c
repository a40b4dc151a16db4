// SPDX-License-Identifier: BSD-2-Clause
// A guest that means harm: every processor makes random accesses to ports, MMIO and MSRs, and
// interrupts the others by all that can. Not a test of what such an access does.
//
// Proof: the machine goes on: a line is printed every quarter of a second, all kinds of access were
// made and all processors made some. What it costs the host is measured from outside
// (tests/storms/run). Nothing rests on a processor's good behaviour: whatever interrupts it, it
// begins anew, and those that stand still are started again by the first, which takes no INIT.
//
// Arguments: seed=N, ms=N (0: for ever), reset=N: resets the machine after so many milliseconds,
// and makes of the seed another one each time.
//
// run: smp=4 timeout=120 args="seed=1 ms=3000" options="--hpet" lapic="user kernel"
// run: smp=2 timeout=120 args="seed=2 ms=2000" options="-no-reboot --no-x2apic"
#include "guests/runtime/anew.h"
#include "guests/runtime/guest.h"
#include "guests/runtime/harm.h"
#include "guests/runtime/layout.h"

#define PM_TIMER    0x608
#define PM_PER_MS   3580
#define PRINT_MS    250
#define STILL_MS    1000
#define HALT_ONE_IN 64

enum { PORTS, STRINGS, PAGES, IOAPICS, HOLES, MSRS, BASES, IPIS, CHIPS, LINES, MEMORY, KINDS };

static const char *const kind_names[KINDS] = {
	[PORTS] = "port",  [STRINGS] = "string", [PAGES] = "lapic", [IOAPICS] = "ioapic",
	[HOLES] = "mmio",  [MSRS] = "msr",       [BASES] = "base",  [IPIS] = "ipi",
	[CHIPS] = "chips", [LINES] = "lines",    [MEMORY] = "ram",
};

static struct cpu {
	volatile uint64_t done[KINDS], accesses;
	volatile uint64_t interrupts, nmis, faults, starts;
} __attribute__((aligned(64))) cpus[MAX_CPUS];

static unsigned run_ms, reset_ms;
static uint32_t began;

static struct cpu *own(void)
{
	return &cpus[smp_self()];
}

/* ---- the processor's life ---- */

static uint32_t pm_timer(void)
{
	uint32_t now;

	__asm__ volatile("inl %1, %0" : "=a"(now) : "Nd"((uint16_t)PM_TIMER));
	return now;
}

static uint32_t ms_since(uint32_t then)
{
	return (pm_timer() - then) / PM_PER_MS;
}

/* An EOI, mostly: one that is never sent holds back what has a lower priority. */
static void end_interrupt(void)
{
	uint64_t base = rdmsr(MSR_APIC_BASE);

	if (!(base & APIC_BASE_EN) || harm_below(16) == 0)
		return;
	if (base & APIC_BASE_EXTD)
		wrmsr(MSR_X2APIC + APIC_EOI, 0);
	else if (!((base & APIC_BASE_ADDRESS) >> 32))
		apic_mmio_write32((base & APIC_BASE_ADDRESS) + (APIC_EOI << 4), 0);
}

static void came(unsigned vector)
{
	struct cpu *c = own();

	if (vector == ANEW_SIPI) {
		c->starts++;
		/* After INIT nothing would interrupt it for long. */
		harm_own_timer();
	} else if (vector == TRAP_NMI) {
		c->nmis++;
	} else if (vector == TRAP_GP) {
		/* Also an interrupt of that vector, now and then. */
		c->faults++;
	} else {
		c->interrupts++;
		end_interrupt();
	}
}

static void rest(void)
{
	switch (harm_below(16)) {
	case 0: write_cr8(harm_below(16)); return;
	case 1: write_cr8(0); return;
	case 2: cli(); return;
	case 3:
		/* The first never sleeps: with all asleep and nobody to wake them the run is over.
		 */
		if (smp_self() && harm_below(HALT_ONE_IN) == 0)
			__asm__ volatile("sti; hlt" : : : "memory");
		return;
	default: sti(); return;
	}
}

static const struct {
	void (*act)(void);
	uint8_t kind, share;
} acts[] = {
	{harm_ports, PORTS, 20},    {harm_strings, STRINGS, 2}, {harm_pages, PAGES, 16},
	{harm_ioapics, IOAPICS, 8}, {harm_holes, HOLES, 8},     {harm_msrs, MSRS, 20},
	{harm_bases, BASES, 1},     {harm_ipis, IPIS, 10},      {harm_chips, CHIPS, 5},
	{harm_lines, LINES, 5},     {harm_memory, MEMORY, 5},
};

static void act(void)
{
	unsigned at = harm_below(100), i = 0;
	struct cpu *c = own();

	while (at >= acts[i].share)
		at -= acts[i++].share;
	c->accesses++;
	c->done[acts[i].kind]++;
	acts[i].act();
	rest();
}

/* Processors that are waiting, asleep for good or lost to a mode of their own choosing. */
static void start_others(void)
{
	harm_send(0, APIC_ICR_INIT | APIC_ICR_ASSERT | APIC_ICR_OTHERS);
	harm_send(0, APIC_ICR_SIPI | APIC_ICR_OTHERS | anew_page(harm_any()));
	harm_send(0, APIC_ICR_SIPI | APIC_ICR_OTHERS | anew_page(harm_any()));
}

static uint64_t sum(unsigned offset)
{
	uint64_t all = 0;

	for (unsigned i = 0; i < harm_cpus(); i++)
		all += *(volatile uint64_t *)((uintptr_t)&cpus[i] + offset);
	return all;
}
#define SUM(field) sum(offsetof(struct cpu, field))

/* By the first processor alone, which may have been interrupted while it printed. The UART is as
 * the others left it: some lines get lost. */
static void say_figures(const char *what)
{
	print_abandon();
	outb(0x3fb, 0x03);
	outb(0x3fc, 0x08);
	print("\nhostile %s ms=%u accesses=%lu interrupts=%lu nmis=%lu faults=%lu starts=%lu\n",
	      what, ms_since(began), SUM(accesses), SUM(interrupts), SUM(nmis), SUM(faults),
	      SUM(starts));
}

static void finish(void)
{
	for (unsigned kind = 0; kind < KINDS; kind++)
		CHECK(sum((unsigned)offsetof(struct cpu, done) + 8 * kind) > 0, "kind %s was made",
		      kind_names[kind]);
	for (unsigned i = 0; i < harm_cpus(); i++)
		CHECK(cpus[i].accesses > 0, "cpu %u made accesses", i);
	CHECK(SUM(interrupts) > 0, "interrupts came");
	say_figures("end");
	guest_pass();
}

static void reset(void)
{
	switch (pm_timer() & 3) {
	case 0: outb(0xcf9, 0x06); return;
	case 1: outb(0x64, 0xfe); return;
	case 2:
		outb(0x64, 0xd1);
		outb(0x60, 0x00);
		return;
	default:
		outb(0xcf9, 0);
		outb(0xcf9, 0x04);
		return;
	}
}

static uint32_t printed;
static uint64_t seen[MAX_CPUS];
static uint32_t seen_at[MAX_CPUS];

static void look_after(void)
{
	bool still = false;

	if (run_ms && ms_since(began) >= run_ms)
		finish();
	if (reset_ms && ms_since(began) >= reset_ms)
		reset();
	for (unsigned i = 1; i < harm_cpus(); i++) {
		if (cpus[i].accesses != seen[i]) {
			seen[i] = cpus[i].accesses;
			seen_at[i] = pm_timer();
		}
		still = still || ms_since(seen_at[i]) >= STILL_MS;
	}
	if (still) {
		for (unsigned i = 1; i < harm_cpus(); i++)
			seen_at[i] = pm_timer();
		start_others();
	}
	if (ms_since(printed) >= PRINT_MS) {
		printed = pm_timer();
		say_figures("goes on");
	}
}

static void work(void)
{
	static unsigned turns;

	for (;;) {
		if (smp_self() == 0 && ++turns % 64 == 0)
			look_after();
		act();
	}
}

void guest_main(void)
{
	unsigned seed = guest_arg_number("seed", 1);

	run_ms = guest_arg_number("ms", 3000);
	reset_ms = guest_arg_number("reset", 0);
	/* A machine that was reset does not do the same again. */
	harm_init(reset_ms ? seed + (unsigned)rdtsc() : seed);
	anew_init(work, came);
	print("hostile: seed %u, %u CPUs, %u pages for SIPIs\n", seed, harm_cpus(), anew_pages());
	began = printed = pm_timer();
	apic_learn();
	start_others();
	anew_begin();
}
