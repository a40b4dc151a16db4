// SPDX-License-Identifier: BSD-2-Clause
// INIT and SIPI: an AP started again and again, and what INIT leaves behind; SIPI where it is not
// due. Not INIT to the BSP, which restarts the machine's firmware.
//
// Proof: a probe in real mode, at the address that the SIPI's vector names, notes CS, control
// registers and flags; a heartbeat shows whether the AP runs, a count of starts whether it began
// anew. An AP that waits for SIPI has a heartbeat that stands still.
//
// Rules: MP-1, MP-2, MP-3, MP-7, RST-1, RST-2, ICR-4, ERR-4, BASE-3
//
// run: smp=2 timeout=90 lapic="user kernel"
// run: smp=2 timeout=90 args="x2apic" lapic="user kernel"
#include "guests/runtime/guest.h"

#define INIT   (APIC_ICR_INIT | APIC_ICR_ASSERT)
#define SIPI   (APIC_ICR_SIPI | APIC_ICR_ASSERT)
#define TIMER  0x61
#define ROUNDS 50

/* What the probe stores, at 0F00h of its page. */
struct probe {
	uint32_t cr0, cr2, cr3, cr4, flags;
	uint16_t cs, ds, es, ss;
	uint32_t efer;
};

#define PROBE_NOTES 0xf00

/* Notes the state after SIPI, then goes on to the runtime's trampoline in the next page. */
__asm__(".pushsection .rodata\n"
	".code16\n"
	".globl init_probe, init_probe_end\n"
	"init_probe:\n"
	"	movl %eax, %ebx\n"
	"	pushfl\n"
	"	popl %ecx\n"
	"	movw %ds, %si\n"
	"	movw %cs, %ax\n"
	"	movw %ax, %ds\n"
	"	movl %cr0, %eax\n	movl %eax, 0xf00\n"
	"	movl %cr2, %eax\n	movl %eax, 0xf04\n"
	"	movl %cr3, %eax\n	movl %eax, 0xf08\n"
	"	movl %cr4, %eax\n	movl %eax, 0xf0c\n"
	"	movl %ecx, 0xf10\n"
	"	movw %cs, 0xf14\n"
	"	movw %si, 0xf16\n"
	"	movw %es, 0xf18\n"
	"	movw %ss, 0xf1a\n"
	"	movl $0xc0000080, %ecx\n"
	"	rdmsr\n"
	"	movl %eax, 0xf1c\n"
	"	movw %cs, %ax\n"
	"	addw $0x100, %ax\n"
	"	pushw %ax\n"
	"	pushw $0\n"
	"	lretw\n"
	"init_probe_end:\n"
	".code64\n"
	".popsection\n");

extern const char init_probe[], init_probe_end[];

static volatile uint64_t heartbeat;
static volatile bool halted, sent;
static uint64_t tsc_at_start, base_at_start, cr8_at_start;
static uint32_t first[0x40];
static bool had_irr;

/* Runs on the AP as INIT and SIPI left its APIC. */
static void look(void)
{
	static const unsigned regs[] = {
		APIC_ID,        APIC_TPR,         APIC_LDR,      APIC_SVR,       APIC_ESR,
		APIC_LVT_TIMER, APIC_LVT_THERMAL, APIC_LVT_PERF, APIC_LVT_LINT0, APIC_LVT_LINT1,
		APIC_LVT_ERROR, APIC_TMICT,       APIC_CCR,      APIC_DCR,       APIC_ICR};

	tsc_at_start = rdtsc();
	base_at_start = rdmsr(MSR_APIC_BASE);
	cr8_at_start = read_cr8();
	for (unsigned i = 0; i < sizeof(regs) / sizeof(regs[0]); i++)
		first[regs[i]] = apic_read(regs[i]);
	had_irr = !apic_no_bits(APIC_IRR);
}

static void beat(uintptr_t unused)
{
	(void)unused;
	for (;;)
		heartbeat++;
}

static bool beats(void)
{
	uint64_t before = heartbeat;

	return TIME_WAIT(heartbeat != before);
}

static bool stands_still(void)
{
	uint64_t before;

	/* The INIT may be under way. */
	time_spin_ms(50);
	before = heartbeat;
	time_spin_ms(50);
	return heartbeat == before;
}

static bool starts_by(uint32_t vector)
{
	unsigned before = smp_starts(1);

	apic_ipi(1, SIPI | vector);
	return TIME_WAIT(smp_starts(1) == before + 1);
}

static uint32_t trampoline(void)
{
	return smp_put_trampoline(SMP_TRAMPOLINE_PAGE);
}

static void run_heart(void)
{
	smp_begin(1, beat, 0);
	CHECK(beats(), "the AP runs");
}

static void again_and_again(void)
{
	uint32_t vector = trampoline();

	for (unsigned round = 0; round < ROUNDS; round++) {
		unsigned before = smp_starts(1);

		run_heart();
		smp_abandon(1);
		apic_ipi(1, INIT);
		if (round % 8 == 0)
			CHECK(stands_still(), "round %u: INIT stops the AP", round);
		CHECK(starts_by(vector), "round %u: SIPI starts the AP", round);
		/* The second SIPI of the usual sequence finds it running. */
		apic_ipi(1, SIPI | vector);
		time_settle();
		CHECK_EQ(smp_starts(1), before + 1, "round %u: starts after two SIPIs", round);
	}
}

static void sipi_while_running(void)
{
	unsigned before = smp_starts(1);
	uint32_t vector = trampoline();

	run_heart();
	for (unsigned i = 0; i < 10; i++)
		apic_ipi(1, SIPI | vector);
	apic_take_errors();
	apic_ipi(1, SIPI | 0x03);
	CHECK_EQ(apic_take_errors(), 0, "ESR: a SIPI's vector is none");
	CHECK(!stands_still(), "an AP that runs goes on under SIPI");
	/* De-assert is dropped. */
	apic_ipi(1, APIC_ICR_INIT | APIC_ICR_LEVEL);
	CHECK(!stands_still(), "an AP that runs goes on under INIT level de-assert");
	CHECK_EQ(smp_starts(1), before, "starts");
	smp_abandon(1);
}

static void init_cancels_sipi(void)
{
	unsigned before;
	uint32_t vector = trampoline();

	apic_ipi(1, INIT);
	for (unsigned i = 0; i < 5; i++) {
		apic_ipi(1, SIPI | vector);
		apic_ipi(1, INIT);
	}
	/* Whatever it had time for in between, it waits now: nothing is left that would start it.
	 */
	time_spin_ms(100);
	before = smp_starts(1);
	time_spin_ms(100);
	CHECK_EQ(smp_starts(1), before, "starts after the last INIT");
	smp_abandon(1);
	CHECK(starts_by(vector), "then a SIPI starts it");
}

static void sleep_deep(uintptr_t unused)
{
	(void)unused;
	cli();
	halted = true;
	for (;;)
		hlt();
}

/* INIT written as edge, level bit 0, is an INIT too. */
static void init_while_halted(uint32_t how)
{
	halted = false;
	smp_begin(1, sleep_deep, 0);
	CHECK(TIME_WAIT(halted), "the AP halts, interrupts off");
	time_settle();
	smp_abandon(1);
	apic_ipi(1, how);
	CHECK(starts_by(trampoline()), "INIT %x and SIPI start a halted AP", how);
}

/* Dropped: a fixed IPI, and an NMI, sent to an AP that waits for SIPI. The second INIT is for
 * processors that remember the NMI: it has no handler in real mode. */
static void waiting_takes_nothing(void)
{
	unsigned before;
	uint32_t vector = trampoline();

	apic_ipi(1, INIT);
	time_settle();
	before = smp_starts(1);
	apic_ipi(1, APIC_ICR_ASSERT | 0x71);
	apic_ipi(1, APIC_ICR_ASSERT | APIC_ICR_NMI);
	time_spin_ms(50);
	CHECK_EQ(smp_starts(1), before, "starts by fixed IPI and NMI");
	apic_ipi(1, INIT);
	CHECK(starts_by(vector), "SIPI starts the AP");
	CHECK(!had_irr, "nothing waits in IRR after the start");
	time_settle();
	CHECK_EQ(trap_count(1, 0x71), 0, "interrupts sent while it waited");
}

static void fill(uintptr_t unused)
{
	(void)unused;
	cli();
	apic_write(APIC_TPR, 0xf3);
	apic_write(APIC_SVR, APIC_SVR_ENABLE | 0xcf);
	apic_write(APIC_LVT_LINT0, APIC_LVT_MASKED | 0x62);
	apic_write(APIC_LVT_LINT1, 0x63);
	apic_write(APIC_LVT_PERF, 0x64);
	apic_write(APIC_LVT_THERMAL, 0x65);
	apic_write(APIC_LVT_ERROR, 0x66);
	if (apic_mode() == APIC_XAPIC)
		apic_write(APIC_LDR, 0x42000000);
	apic_ipi(0, APIC_ICR_SELF | APIC_ICR_ASSERT | 0x55);
	apic_write(APIC_DCR, 0xb);
	apic_write(APIC_LVT_TIMER, APIC_LVT_PERIODIC | TIMER);
	apic_write(APIC_TMICT, 50000000);
	sti();
}

static void apic_after_init(void)
{
	static const unsigned zero[] = {APIC_TPR, APIC_ESR, APIC_TMICT,
					APIC_CCR, APIC_DCR, APIC_ICR};
	bool x2apic = base_at_start & APIC_BASE_EXTD;

	smp_call(1, fill, 0);
	trap_forget();
	CHECK(smp_start_one(1), "INIT and SIPI start the AP");
	for (unsigned i = 0; i < sizeof(zero) / sizeof(zero[0]); i++)
		CHECK_EQ(first[zero[i]], 0, "after INIT: %x", zero[i] << 4);
	for (unsigned reg = APIC_LVT_TIMER; reg <= APIC_LVT_ERROR; reg++)
		CHECK_EQ(first[reg], APIC_LVT_MASKED, "after INIT: LVT %x", reg << 4);
	CHECK_EQ(first[APIC_SVR], 0xff, "after INIT: SVR");
	CHECK_EQ(cr8_at_start, 0, "after INIT: CR8");
	CHECK_EQ(first[APIC_ID], x2apic ? 1 : 1 << 24, "after INIT: ID");
	CHECK_EQ(first[APIC_LDR], x2apic ? 2 : 0, "after INIT: LDR");
	CHECK(!had_irr, "after INIT: IRR is empty");
	time_spin_ms(200);
	CHECK_EQ(trap_count_all(1), 0, "interrupts from before INIT, the timer's included");
}

static void write_base(uintptr_t value)
{
	apic_set_base(value);
}

/* IA32_APIC_BASE stays: its address as well as the mode. */
static void base_after_init(void)
{
	uint64_t moved = (base_at_start & ~APIC_BASE_ADDRESS) | 0xfed00000;

	CHECK(!(base_at_start & APIC_BASE_BSP), "the AP is no BSP");
	if (guest_arg("x2apic") && apic_has_x2apic())
		CHECK(base_at_start & APIC_BASE_EXTD, "INIT leaves x2APIC mode on");
	smp_call(1, write_base, moved);
	CHECK(smp_start_one(1), "INIT and SIPI start the AP");
	CHECK_EQ(base_at_start, moved, "IA32_APIC_BASE after INIT");
	smp_call(1, write_base, (moved & ~APIC_BASE_ADDRESS) | APIC_DEFAULT_PAGE);
}

static void processor_after_init(uint32_t page)
{
	struct probe *notes = (struct probe *)(uintptr_t)(page + PROBE_NOTES);
	uint64_t before = rdtsc();

	memcpy((void *)(uintptr_t)page, init_probe,
	       (uintptr_t)init_probe_end - (uintptr_t)init_probe);
	memset(notes, 0xa5, sizeof(*notes));
	smp_put_trampoline(page + 0x1000);
	apic_ipi(1, INIT);
	CHECK(starts_by(page >> 12), "page %x: SIPI starts the AP", page);
	CHECK_EQ(notes->cs, page >> 4, "page %x: CS", page);
	/* CD and NW are kept. */
	CHECK_EQ(notes->cr0 & ~0x60000000u, 0x10, "page %x: CR0", page);
	CHECK_EQ(notes->cr2, 0, "page %x: CR2", page);
	CHECK_EQ(notes->cr3, 0, "page %x: CR3", page);
	CHECK_EQ(notes->cr4, 0, "page %x: CR4", page);
	CHECK_EQ(notes->efer, 0, "page %x: EFER", page);
	CHECK_EQ(notes->flags, 2, "page %x: EFLAGS", page);
	CHECK(!notes->ds && !notes->es && !notes->ss, "page %x: DS, ES, SS are 0", page);
	/* Kept; a second is left for processors whose counters differ. */
	CHECK(tsc_at_start > before - 1000 * time_tsc_per_ms(), "page %x: INIT keeps TSC", page);
}

/* Disabled in IA32_APIC_BASE no message is accepted, INIT and SIPI included. */
static void run_disabled(uintptr_t unused)
{
	(void)unused;
	cli();
	apic_set_mode(APIC_DISABLED);
	heartbeat++;
	CHECK(TIME_WAIT(sent), "INIT and SIPI were sent");
	time_settle();
	apic_set_mode(APIC_XAPIC);
	apic_enable();
}

static void disabled_takes_nothing(void)
{
	unsigned before = smp_starts(1);

	heartbeat = 0;
	smp_begin(1, run_disabled, 0);
	CHECK(TIME_WAIT(heartbeat), "the AP runs with its APIC disabled");
	apic_ipi(1, INIT);
	apic_ipi(1, SIPI | trampoline());
	sent = true;
	smp_finish(1);
	CHECK_EQ(smp_starts(1), before, "starts while disabled in IA32_APIC_BASE");
}

void guest_main(void)
{
	apic_enable();
	trap_set_range(16, 255, trap_eoi);
	smp_set_first(look);
	smp_start(2);
	again_and_again();
	sipi_while_running();
	init_cancels_sipi();
	init_while_halted(INIT);
	init_while_halted(APIC_ICR_INIT);
	init_while_halted(INIT | APIC_ICR_LEVEL);
	waiting_takes_nothing();
	apic_after_init();
	base_after_init();
	processor_after_init(0x3000);
	processor_after_init(0x80000);
	processor_after_init(0x1000);
	disabled_takes_nothing();
}
