// SPDX-License-Identifier: BSD-2-Clause
// A guided walk through the Local APIC, for people: who it is, what it does, with measured values.
// Not a test suite, though it checks what it tells, and fails if that is not so.
//
// Proof: what is printed was read or measured just before; each step that should have an effect is
// a check. It walks as far as the machine goes: one CPU, no x2APIC, no TSC-deadline are said, not
// failed.
//
// Rules: RST-1, ACP-2, ACP-3, PRI-2, PRI-4, TMR-1, TMR-2, TMR-6, MP-1, MP-4, MP-5, BASE-2
//
// KVM departs from TMR-5: a new divisor starts a timer again that has run out; and from TMR-7:
// hidden, IA32_TSC_DEADLINE answers. On kvm_pvm it departs from ACP-2: it ends a service as it
// delivers.
//
// kernel: departs="TMR-5 TMR-7" pvm="ACP-2"
// run: smp=2 timeout=60 lapic="user kernel"
// run: smp=1 timeout=60 lapic="user kernel"
// run: smp=2 timeout=60 options="--no-x2apic" lapic="user kernel"
// run: smp=2 timeout=60 options="--no-tsc-deadline" lapic="user kernel"
#include "guests/runtime/guest.h"
#include "guests/runtime/rate.h"

#define HELLO    0x41
#define TIMER    0x61
#define PING     0x71
#define PONG     0x72
#define ROUNDS   200
#define MS_COUNT 1000000 /* a millisecond of a timer that counts at 1 GHz */

static void title(const char *text)
{
	static unsigned number;

	print("\n%u. %s\n", ++number, text);
}

static const char *yes(bool it_is)
{
	return it_is ? "yes" : "no";
}

/* "1234567 TSC ticks (475.526 us)", the part in brackets where CPUID tells how long a tick is. */
static void print_ticks(uint64_t tsc)
{
	uint64_t ns;

	print("%lu TSC ticks", tsc);
	if (!time_tsc_known())
		return;
	ns = tsc * 1000 / (time_tsc_per_ms() / 1000);
	if (ns < 1000000)
		print(" (%lu us)", ns / 1000);
	else
		print(" (%lu.%02lu ms)", ns / 1000000, ns / 10000 % 100);
}

static void who(void)
{
	struct cpuid vendor = cpuid(0, 0);
	const uint32_t name[3] = {vendor.ebx, vendor.edx, vendor.ecx};
	char text[13] = {0};
	uint64_t base = rdmsr(MSR_APIC_BASE);
	bool by_cpuid;

	memcpy(text, name, sizeof(name));
	title("Who am I?");
	print("   CPUID says: %s, initial APIC ID %u, x2APIC: %s, TSC-deadline timer: %s.\n", text,
	      apic_cpuid_id(), yes(apic_has_x2apic()), yes(apic_has_deadline()));
	by_cpuid = time_tsc_known();
	time_measure();
	if (time_tsc_known())
		print("   The TSC ticks at %lu MHz, as %s.\n", time_tsc_per_ms() / 1000,
		      by_cpuid ? "CPUID says" : "I find by the CMOS clock");
	print("   IA32_APIC_BASE = %lxh: registers at %lxh, enabled: %s, x2APIC mode: %s,\n", base,
	      base & APIC_BASE_ADDRESS, yes(base & APIC_BASE_EN), yes(base & APIC_BASE_EXTD));
	print("   and this is %s. The machine has %u CPU%s.\n",
	      base & APIC_BASE_BSP ? "the bootstrap processor" : "no bootstrap processor",
	      smp_cpus(), smp_cpus() == 1 ? "" : "s");
}

static void print_register(const char *name, unsigned reg, const char *meaning)
{
	print("   %03xh %-10s %08x  %s\n", reg << 4, name, apic_read(reg), meaning);
}

static void registers(void)
{
	uint32_t version = apic_read(APIC_VERSION);

	title("The registers, as reset left them");
	print_register("ID", APIC_ID, "bits 31-24: the name others send interrupts to");
	print_register("VERSION", APIC_VERSION, "bits 7-0: 10h or more is an integrated APIC");
	print("                            it has %u local interrupt sources (the LVT)\n",
	      (version >> 16 & 0xff) + 1);
	print_register("TPR", APIC_TPR, "no priority is held back");
	print_register("SVR", APIC_SVR, "bit 8 clear: switched off by software");
	print_register("LVT timer", APIC_LVT_TIMER, "bit 16 set: masked");
	CHECK_EQ(version & 0xff, 0x14, "version");
	CHECK_EQ(apic_read(APIC_SVR), 0xff, "SVR after reset");
	apic_enable();
	print_register("SVR", APIC_SVR, "now switched on, spurious vector FFh");
	CHECK_EQ(apic_read(APIC_SVR), APIC_SVR_ENABLE | 0xff, "SVR");
}

static volatile uint64_t arrived;
static volatile uint32_t seen_ppr;
static volatile bool seen_isr;

static void hello(struct trap_frame *frame)
{
	arrived = rdtsc();
	seen_isr = apic_bit(APIC_ISR, (unsigned)frame->vector);
	seen_ppr = apic_read(APIC_PPR);
	apic_eoi();
}

static void self_ipi(void)
{
	uint64_t start;

	title("An interrupt to myself");
	trap_set(HELLO, hello);
	apic_ipi(0, APIC_ICR_SELF | APIC_ICR_ASSERT | HELLO);
	print("   ICR <- %08x: vector %xh, to self. Interrupts are off (CLI), so it waits:\n",
	      apic_read(APIC_ICR), HELLO);
	print("   its bit in IRR is %u, in ISR %u.\n", apic_bit(APIC_IRR, HELLO),
	      apic_bit(APIC_ISR, HELLO));
	CHECK(apic_bit(APIC_IRR, HELLO), "it waits in IRR");
	start = rdtsc();
	sti();
	CHECK(TIME_WAIT(trap_count(0, HELLO)), "it is taken");
	cli();
	print("   STI: the handler ran after ");
	print_ticks(arrived - start);
	print(". In it the ISR bit was %u,\n   and PPR %02xh: nothing of that class or below gets in.\n",
	      seen_isr, seen_ppr);
	print("   After EOI the ISR bit is %u, and PPR %02xh.\n", apic_bit(APIC_ISR, HELLO),
	      apic_read(APIC_PPR));
	CHECK(apic_no_bits(APIC_ISR), "nothing is in service after EOI");
	if (guest_keeps("ACP-2"))
		CHECK(seen_isr, "in service until EOI");
}

static volatile unsigned order[8], orders;

static void note_order(struct trap_frame *frame)
{
	if (orders < 8)
		order[orders++] = (unsigned)frame->vector;
	apic_eoi();
}

static void interrupted(struct trap_frame *frame)
{
	order[orders++] = (unsigned)frame->vector;
	apic_ipi(0, APIC_ICR_SELF | APIC_ICR_ASSERT | 0x95);
	apic_ipi(0, APIC_ICR_SELF | APIC_ICR_ASSERT | 0x21);
	sti();
	CHECK(TIME_WAIT(orders >= 2), "a higher class interrupts");
	time_settle();
	cli();
	if (guest_keeps("ACP-2"))
		CHECK_EQ(orders, 2, "interrupts within the handler of 31h");
	apic_eoi();
}

static void print_order(const char *before)
{
	print("%s", before);
	for (unsigned i = 0; i < orders; i++)
		print(" %xh", order[i]);
	print(".\n");
}

static void priorities(void)
{
	static const uint8_t sent[] = {0x45, 0x88, 0x51, 0x9c};

	title("Priorities: the upper digit of a vector is its class");
	for (unsigned i = 0; i < sizeof(sent); i++)
		trap_set(sent[i], note_order);
	trap_set(0x95, note_order);
	trap_set(0x21, note_order);
	apic_write(APIC_TPR, 0x50);
	sti();
	for (unsigned i = 0; i < sizeof(sent); i++)
		apic_ipi(0, APIC_ICR_SELF | APIC_ICR_ASSERT | sent[i]);
	time_settle();
	print("   TPR <- 50h, CR8 reads %lu. I send myself 45h 88h 51h 9ch.\n", read_cr8());
	print_order("   What got in, in this order:");
	CHECK_EQ(orders, 2, "classes above 5");
	orders = 0;
	write_cr8(0);
	CHECK(TIME_WAIT(orders == 2), "lowering CR8 lets the others in");
	cli();
	print_order("   CR8 <- 0. Now the others got in:");
	orders = 0;
	trap_set(0x31, interrupted);
	apic_ipi(0, APIC_ICR_SELF | APIC_ICR_ASSERT | 0x31);
	sti();
	CHECK(TIME_WAIT(orders == 3), "all three are taken");
	cli();
	print_order("   The handler of 31h sends 95h and 21h. They ran nested and after it:");
	CHECK(order[0] == 0x31 && order[1] == 0x95 && order[2] == 0x21, "their order");
}

static void wait_halted(unsigned count)
{
	cli();
	while (trap_count(0, TIMER) < count)
		sti_hlt_cli();
}

static void note_arrival(struct trap_frame *frame)
{
	(void)frame;
	arrived = rdtsc();
	apic_eoi();
}

static void one_shot(void)
{
	struct rate rate;
	uint64_t start;

	apic_write(APIC_LVT_TIMER, APIC_LVT_MASKED | TIMER);
	apic_write(APIC_DCR, 0xb);
	rate = rate_measure(50);
	print("   CCR falls by %lu while the TSC ticks 1000000 times", rate.low * 1000000 >> 32);
	if (time_tsc_known())
		print(": %lu MHz, not divided",
		      (rate.low * (time_tsc_per_ms() / 1000) + (UINT64_C(1) << 31)) >> 32);
	print(".\n");
	for (unsigned divided = 0; divided < 2; divided++) {
		trap_forget();
		apic_write(APIC_DCR, divided ? 0x1 : 0xb);
		apic_write(APIC_LVT_TIMER, TIMER);
		start = rdtsc();
		apic_write(APIC_TMICT, 20 * MS_COUNT);
		wait_halted(1);
		print("   One-shot, divided by %u: %u counts took ", divided ? 4 : 1,
		      20 * MS_COUNT);
		print_ticks(arrived - start);
		print(", asleep in HLT.\n");
	}
	if (guest_keeps("TMR-5"))
		CHECK_EQ(apic_read(APIC_CCR), 0, "CCR after the one-shot");
}

static void periodic(void)
{
	uint64_t start;

	trap_forget();
	apic_write(APIC_DCR, 0xb);
	apic_write(APIC_LVT_TIMER, APIC_LVT_PERIODIC | TIMER);
	start = rdtsc();
	apic_write(APIC_TMICT, 10 * MS_COUNT);
	wait_halted(10);
	print("   Periodic, %u counts: the 10th interrupt came after ", 10 * MS_COUNT);
	print_ticks(arrived - start);
	print(".\n");
	apic_write(APIC_TMICT, 0);
	CHECK(trap_count(0, TIMER) >= 10, "ten interrupts");
	/* An eleventh may have come since. */
	sti();
	time_settle();
	cli();
}

static void deadline(void)
{
	uint64_t value, due;

	if (!apic_has_deadline()) {
		if (guest_keeps("TMR-7"))
			CHECK(!rdmsr_safe(MSR_TSC_DEADLINE, &value).ok,
			      "IA32_TSC_DEADLINE is hidden");
		print("   TSC-deadline: CPUID hides it, so its MSR answers with #GP.\n");
		return;
	}
	trap_forget();
	apic_write(APIC_LVT_TIMER, APIC_LVT_DEADLINE | TIMER);
	due = rdtsc() + 20 * time_tsc_per_ms();
	wrmsr(MSR_TSC_DEADLINE, due);
	wait_halted(1);
	CHECK(arrived >= due, "never before the deadline");
	print("   TSC-deadline, %lu: the handler ran ", due);
	print_ticks(arrived - due);
	print(" after it.\n");
	CHECK_EQ(rdmsr(MSR_TSC_DEADLINE), 0, "the MSR after it fired");
}

static void timer(void)
{
	title("The timer, in its three modes");
	trap_set(TIMER, note_arrival);
	one_shot();
	periodic();
	deadline();
	apic_write(APIC_LVT_TIMER, APIC_LVT_MASKED);
}

static uint64_t first_instruction;
static volatile bool woken, asleep;

static void look(void)
{
	first_instruction = rdtsc();
}

static void answer(uintptr_t rounds)
{
	for (unsigned i = 1; i <= rounds; i++) {
		cli();
		while (trap_count(1, PING) < i)
			sti_hlt_cli();
		apic_ipi(0, APIC_ICR_ASSERT | PONG);
	}
}

static void start_second(void)
{
	uint64_t start;

	title("A second CPU");
	smp_set_first(look);
	start = rdtsc();
	smp_start(2);
	print("   INIT, then SIPI to ID 1 with vector %02xh: it began at %xh in real mode, and was in\n",
	      SMP_TRAMPOLINE_PAGE >> 12, SMP_TRAMPOLINE_PAGE);
	print("   64-bit mode ");
	print_ticks(first_instruction - start);
	print(" later.\n");
	CHECK_EQ(smp_starts(1), 1, "starts of CPU 1");
}

static void ping_pong(void)
{
	uint64_t start;

	trap_set(PING, trap_eoi);
	trap_set(PONG, trap_eoi);
	trap_forget();
	smp_begin(1, answer, ROUNDS);
	start = rdtsc();
	for (unsigned i = 1; i <= ROUNDS; i++) {
		apic_ipi(1, APIC_ICR_ASSERT | PING);
		cli();
		while (trap_count(0, PONG) < i)
			sti_hlt_cli();
	}
	print("   %u times I woke it by an IPI and slept until its own woke me: ", ROUNDS);
	print_ticks((rdtsc() - start) / ROUNDS);
	print(" a round.\n");
	smp_finish(1);
	CHECK(trap_count(1, PING) == ROUNDS && trap_count(0, PONG) == ROUNDS, "no IPI was lost");
	print("   It counted %u, I counted %u: none was lost.\n", trap_count(1, PING),
	      trap_count(0, PONG));
}

static void wake(struct trap_frame *frame)
{
	(void)frame;
	woken = true;
}

static void sleep_deaf(uintptr_t unused)
{
	(void)unused;
	cli();
	asleep = true;
	while (!woken)
		hlt();
	sti();
}

static void nmi(void)
{
	trap_set(TRAP_NMI, wake);
	smp_begin(1, sleep_deaf, 0);
	CHECK(TIME_WAIT(asleep), "CPU 1 goes to sleep");
	time_spin_ms(100);
	apic_ipi(1, APIC_ICR_ASSERT | PING);
	time_spin_ms(20);
	print("   CPU 1 turns interrupts off and halts. My IPI leaves it asleep (woken: %s);\n",
	      yes(woken));
	CHECK(!woken, "a masked interrupt wakes nobody");
	apic_ipi(1, APIC_ICR_ASSERT | APIC_ICR_NMI);
	smp_finish(1);
	CHECK(TIME_WAIT(trap_count(1, PING) == ROUNDS + 1), "the IPI had waited");
	print("   an NMI, which nothing masks, wakes it (woken: %s), and the IPI was still there.\n",
	      yes(woken));
}

static void x2apic(void)
{
	struct trap_result result;
	uint64_t value;

	title("x2APIC: the same registers, as MSRs");
	if (!apic_has_x2apic()) {
		result = wrmsr_safe(MSR_APIC_BASE, rdmsr(MSR_APIC_BASE) | APIC_BASE_EXTD);
		CHECK(!result.ok, "x2APIC mode is hidden");
		print("   CPUID hides it, so switching it on answers with #GP.\n");
		return;
	}
	apic_set_mode(APIC_X2APIC);
	print("   IA32_APIC_BASE.EXTD <- 1. MSR 802h, my ID, now has 32 bits: %08x;\n",
	      apic_read(APIC_ID));
	print("   MSR 80Dh, the logical one, follows from it: %08x. The page has gone: it reads %08x.\n",
	      apic_read(APIC_LDR), apic_mmio_read32(apic_page() + (APIC_ID << 4)));
	trap_forget();
	sti();
	apic_write(APIC_SELF_IPI, HELLO);
	CHECK(TIME_WAIT(trap_count(0, HELLO) == 1), "a SELF IPI is taken");
	cli();
	result = rdmsr_safe(MSR_X2APIC + APIC_DFR, &value);
	CHECK(!result.ok, "DFR is gone");
	print("   One write to MSR 83Fh sent me %xh. MSR 80Eh is DFR's no more: vector %u, #GP.\n",
	      HELLO, result.vector);
}

void guest_main(void)
{
	print("A walk around the Local APIC. Every value was read or measured just now, by this guest.\n");
	who();
	registers();
	self_ipi();
	priorities();
	timer();
	if (smp_cpus() > 1) {
		start_second();
		ping_pong();
		nmi();
	} else {
		title("A second CPU");
		print("   There is none: -smp 2 gives one, and this walk two more sights.\n");
	}
	x2apic();
	print("\nThat was the walk: ");
}
