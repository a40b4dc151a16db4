// SPDX-License-Identifier: BSD-2-Clause
// Interrupts whose EOI is a word in memory, as KVM's paravirtual EOI has it: none is lost, none
// comes twice, and each EOI ends the service that it is for. Not the EOI register (eoi_order.c).
//
// Proof: the handlers end a service by the word where it allows that, else by the register, and
// count which. The order of nested services, what is in service after each, and the numbers of IPIs
// and ticks are compared with what the register alone would give; a level must reach its line.
// A processor that has ended its service so, and does nothing that exits, still gets what is sent
// to it from another.
//
// Rules: ACP-3, ACP-4, ACP-5, PRI-2, MP-5
//
// KVM on kvm_pvm departs from ACP-2: it ends a service as it delivers, so that it never uses the
// word.
//
// kernel: pvm="ACP-2"
// run: smp=2 timeout=120 options="--pv-eoi" lapic="user kernel hop" hop=20
// run: smp=2 timeout=120 options="--pv-eoi" args="x2apic" lapic="user kernel hop" hop=20
// run: smp=2 timeout=60 args="absent" lapic="user kernel hop" hop=20
#include "guests/runtime/guest.h"
#include "guests/runtime/lines.h"

#define MSR_PV_EOI   UINT32_C(0x4b564d04)
#define KVM_FEATURES 0x40000001u
#define FEATURE      (1u << 6)
#define ENABLED      1u
#define NOWHERE      UINT64_C(0xfed40000) /* neither RAM nor a device */

#define OUTER        0x51
#define INNER        0x61
#define SAME_CLASS   0x54
#define LOWER        0x41
#define LEVEL        0x71
#define PING         0x52
#define PONG         0x53
#define CHAIN        0x62
#define ROUNDS       200
#define LEVELS       5
#define CHAIN_US     700
#define END          0x1000 /* added to the vector in the log */

/* One to a line of the cache; bit 0 is the host's and ours, the rest nobody's. */
static struct {
	volatile uint32_t word;
	uint32_t unused[15];
} words[2] __attribute__((aligned(64)));

static volatile unsigned unseen[2], written[2];

static bool test_and_clear(volatile uint32_t *word)
{
	bool was;

	__asm__ volatile("btrl $0, %0" : "+m"(*word), "=@ccc"(was) : : "memory");
	return was;
}

static void end_service(void)
{
	unsigned cpu = smp_self();

	if (test_and_clear(&words[cpu].word)) {
		unseen[cpu]++;
		return;
	}
	written[cpu]++;
	apic_eoi();
}

static uint64_t own_word(void)
{
	return (uintptr_t)&words[smp_self()].word;
}

static void enable(void)
{
	wrmsr(MSR_PV_EOI, own_word() | ENABLED);
}

static void self_ipi(unsigned vector)
{
	apic_ipi(0, APIC_ICR_SELF | APIC_ICR_ASSERT | vector);
}

static void on_plain(struct trap_frame *frame)
{
	(void)frame;
	end_service();
}

/* ---- the MSR ---- */

static void absent(void)
{
	uint64_t value;

	CHECK(!(cpuid(KVM_FEATURES, 0).eax & FEATURE), "CPUID does not offer it");
	CHECK(!rdmsr_safe(MSR_PV_EOI, &value).ok, "reading the MSR faults");
	CHECK(!wrmsr_safe(MSR_PV_EOI, own_word() | ENABLED).ok, "writing it faults");
	CHECK(!wrmsr_safe(MSR_PV_EOI, 0).ok, "writing 0 faults");
}

static void check_msr(void)
{
	CHECK_EQ(rdmsr(MSR_PV_EOI), 0, "the MSR at first");
	CHECK(!wrmsr_safe(MSR_PV_EOI, own_word() | ENABLED | 2).ok, "an odd address faults");
	CHECK(!wrmsr_safe(MSR_PV_EOI, own_word() | 2).ok, "an odd address faults, switched off");
	CHECK(!wrmsr_safe(MSR_PV_EOI, NOWHERE | ENABLED).ok, "an address without RAM faults");
	CHECK_EQ(rdmsr(MSR_PV_EOI), 0, "the MSR after faults");
	CHECK(wrmsr_safe(MSR_PV_EOI, own_word()).ok, "an address, switched off");
	CHECK_EQ(rdmsr(MSR_PV_EOI), own_word(), "the MSR, switched off");
	enable();
	CHECK_EQ(rdmsr(MSR_PV_EOI), own_word() | ENABLED, "the MSR, switched on");
}

/* ---- one at a time ---- */

/* How many of ROUNDS self-IPIs ended their service by the word. */
static unsigned one_by_one(const char *when)
{
	unsigned before = unseen[0];

	trap_forget();
	trap_set(OUTER, on_plain);
	sti();
	for (unsigned i = 1; i <= ROUNDS; i++) {
		self_ipi(OUTER);
		if (!CHECK(TIME_WAIT(trap_count(0, OUTER) >= i), "%s: self-IPI %u", when, i))
			break;
	}
	time_settle();
	cli();
	CHECK_EQ(trap_count(0, OUTER), ROUNDS, "%s: self-IPIs taken", when);
	CHECK(apic_no_bits(APIC_ISR) && apic_no_bits(APIC_IRR), "%s: all services are over", when);
	CHECK_EQ(words[0].word, 0, "%s: the word with nothing in service", when);
	return unseen[0] - before;
}

/* ---- nested ---- */

static volatile unsigned log[16], logged;
static volatile bool in_service_wrong;

static void note(unsigned what)
{
	if (logged < sizeof(log) / sizeof(log[0]))
		log[logged] = what;
	logged++;
}

static bool check_log(const unsigned *want, unsigned count, const char *what)
{
	bool right = logged == count;

	for (unsigned i = 0; right && i < count; i++)
		right = log[i] == want[i];
	for (unsigned i = 0; !right && i < logged && i < sizeof(log) / sizeof(log[0]); i++)
		print("  %u: %x\n", i, log[i]);
	return CHECK(right, "%s: the order of services", what);
}

static void on_noted(struct trap_frame *frame)
{
	note((unsigned)frame->vector);
	note((unsigned)frame->vector | END);
	end_service();
}

/* What comes in the midst of it: a higher class at once, its own and a lower one after its EOI. */
static void on_outer(struct trap_frame *frame)
{
	(void)frame;
	note(OUTER);
	self_ipi(SAME_CLASS);
	self_ipi(LOWER);
	sti();
	self_ipi(INNER);
	TIME_WAIT(logged >= 3);
	cli();
	note(OUTER | END);
	end_service();
}

static void take_inner(void)
{
	unsigned had = trap_count(0, INNER);

	sti();
	self_ipi(INNER);
	TIME_WAIT(trap_count(0, INNER) > had);
	cli();
}

/* No exit between the two EOIs. */
static void on_quick_outer(struct trap_frame *frame)
{
	(void)frame;
	take_inner();
	end_service();
}

/* The EOI of the inner one is not the outer one's. */
static void on_checking_outer(struct trap_frame *frame)
{
	(void)frame;
	take_inner();
	in_service_wrong |= !apic_bit(APIC_ISR, OUTER) || apic_bit(APIC_ISR, INNER);
	end_service();
	in_service_wrong |= apic_bit(APIC_ISR, OUTER);
}

static void nested_by(trap_handler outer, const char *what)
{
	trap_forget();
	in_service_wrong = false;
	trap_set(OUTER, outer);
	trap_set(INNER, on_plain);
	sti();
	for (unsigned i = 1; i <= ROUNDS / 4; i++) {
		self_ipi(OUTER);
		if (!CHECK(TIME_WAIT(trap_count(0, OUTER) >= i), "%s: round %u", what, i))
			break;
	}
	time_settle();
	cli();
	CHECK_EQ(trap_count(0, OUTER), ROUNDS / 4, "%s: outer ones", what);
	CHECK_EQ(trap_count(0, INNER), ROUNDS / 4, "%s: inner ones", what);
	CHECK(apic_no_bits(APIC_ISR), "%s: all services are over", what);
	if (guest_keeps("ACP-2"))
		CHECK(!in_service_wrong, "%s: each EOI ends its own service", what);
}

static void nested(void)
{
	static const unsigned order[] = {OUTER,       INNER,      INNER | END,
					 OUTER | END, SAME_CLASS, SAME_CLASS | END,
					 LOWER,       LOWER | END};

	trap_set(OUTER, on_outer);
	trap_set(INNER, on_noted);
	trap_set(SAME_CLASS, on_noted);
	trap_set(LOWER, on_noted);
	logged = 0;
	sti();
	self_ipi(OUTER);
	CHECK(TIME_WAIT(logged >= 8), "all of the nested ones come");
	time_settle();
	cli();
	if (guest_keeps("ACP-2"))
		check_log(order, 8, "nested");
	CHECK(apic_no_bits(APIC_ISR), "nested: all services are over");
	nested_by(on_quick_outer, "two EOIs at once");
	nested_by(on_checking_outer, "two EOIs, looked at");
}

/* ---- from another processor, while this one does nothing that exits ---- */

static volatile unsigned ended, wants; /* rounds */
static volatile bool lost;

static void send_lower(uintptr_t rounds)
{
	for (unsigned i = 1; i <= rounds; i++) {
		if (!TIME_WAIT(wants >= i))
			return;
		apic_ipi(0, APIC_ICR_ASSERT | LOWER);
	}
}

/* The service is over for the guest, and the host has not seen it yet. */
static void on_ended_first(struct trap_frame *frame)
{
	unsigned had = trap_count(0, LOWER);

	(void)frame;
	end_service();
	sti();
	wants++;
	lost |= !TIME_WAIT(trap_count(0, LOWER) > had);
	cli();
	ended++;
}

/* What is sent has to take the permission back: else its turn would not be noticed. */
static void on_sent_first(struct trap_frame *frame)
{
	(void)frame;
	wants++;
	lost |= !TIME_WAIT(!words[0].word);
	end_service();
	ended++;
}

static void from_another(trap_handler outer, const char *what)
{
	trap_forget();
	lost = false;
	ended = wants = 0;
	trap_set(OUTER, outer);
	trap_set(LOWER, on_plain);
	smp_begin(1, send_lower, ROUNDS / 4);
	sti();
	for (unsigned i = 1; i <= ROUNDS / 4 && !lost; i++) {
		self_ipi(OUTER);
		CHECK(TIME_WAIT(ended >= i && trap_count(0, LOWER) >= i), "%s: round %u", what, i);
	}
	CHECK(!lost, "%s: it comes", what);
	wants = ROUNDS;
	smp_finish(1);
	time_settle();
	cli();
	CHECK_EQ(trap_count(0, LOWER), lost ? trap_count(0, LOWER) : ROUNDS / 4, "%s: as sent",
		 what);
	CHECK(apic_no_bits(APIC_ISR) && apic_no_bits(APIC_IRR), "%s: all services are over", what);
}

/* ---- another processor takes the permission away ---- */

static volatile bool stop;

static void clear_word_of_0(uintptr_t unused)
{
	(void)unused;
	while (!stop)
		words[0].word = 0;
}

static void somebody_clears_it(void)
{
	stop = false;
	smp_begin(1, clear_word_of_0, 0);
	one_by_one("with another CPU clearing the word");
	stop = true;
	smp_finish(1);
}

/* ---- level-triggered ---- */

static volatile unsigned allowed;

static void on_level(struct trap_frame *frame)
{
	(void)frame;
	allowed += words[smp_self()].word;
	if (trap_count(0, LEVEL) == LEVELS)
		line_lower(0);
	end_service();
}

static void level(void)
{
	uint32_t sent = line_read(0, LINE_SENT);

	trap_forget();
	allowed = 0;
	trap_set(LEVEL, on_level);
	line_set_up(0, smp_id(0), LINE_LEVEL_TRIGGERED | LEVEL);
	sti();
	line_raise(0);
	CHECK(TIME_WAIT(trap_count(0, LEVEL) >= LEVELS && !line_waits_for_eoi(0)),
	      "a level comes again after each EOI, and its line is told of the last");
	time_settle();
	cli();
	CHECK_EQ(allowed, 0, "times that the word was to do for a level's EOI");
	CHECK_EQ(trap_count(0, LEVEL), line_read(0, LINE_SENT) - sent, "levels, as sent");
	if (guest_keeps("ACP-2"))
		CHECK_EQ(trap_count(0, LEVEL), LEVELS, "levels");
	line_set_up(0, 0, LINE_MASKED);
}

/* ---- numbered IPIs and ticks, for a while ---- */

static volatile unsigned pings, answers, out_of_order, chained, unarmed;
static volatile bool armed, over;

static void arm(void)
{
	armed = true;
	if (apic_has_deadline())
		wrmsr(MSR_TSC_DEADLINE, rdtsc() + CHAIN_US * time_tsc_per_ms() / 1000);
	else
		apic_write(APIC_TMICT, CHAIN_US * 1000);
}

static void on_chain(struct trap_frame *frame)
{
	(void)frame;
	unarmed += !armed;
	armed = false;
	chained++;
	end_service();
	if (!over)
		arm();
}

static void on_ping(struct trap_frame *frame)
{
	(void)frame;
	out_of_order += answers + 1 != pings;
	end_service();
	apic_ipi(smp_id(0), APIC_ICR_ASSERT | PONG);
}

static void on_pong(struct trap_frame *frame)
{
	(void)frame;
	out_of_order += answers + 1 != pings;
	answers++;
	end_service();
}

/* Halted at times. */
static void be_there(uintptr_t unused)
{
	(void)unused;
	enable();
	for (unsigned round = 0; !over; round++) {
		cli();
		if (round % 2 && !over)
			sti_hlt_cli();
		sti();
	}
}

static void numbered(void)
{
	uint64_t length = guest_arg_number("ms", 3000) * time_tsc_per_ms(), begin = rdtsc();
	unsigned last;

	trap_forget();
	trap_set(PING, on_ping);
	trap_set(PONG, on_pong);
	trap_set(CHAIN, on_chain);
	apic_write(APIC_DCR, 0xb);
	apic_write(APIC_LVT_TIMER, (apic_has_deadline() ? APIC_LVT_DEADLINE : 0u) | CHAIN);
	smp_begin(1, be_there, 0);
	arm();
	sti();
	while (rdtsc() - begin < length && !lost) {
		pings++;
		apic_ipi(smp_id(1), APIC_ICR_ASSERT | PING);
		lost = !TIME_WAIT(answers == pings);
	}
	last = chained;
	CHECK(!lost, "IPI %u is answered", pings);
	CHECK(TIME_WAIT(chained != last), "the chain of timers still runs, after %u", last);
	over = true;
	CHECK(TIME_WAIT(!armed), "the last timer of the chain runs out");
	apic_ipi(smp_id(1), APIC_ICR_ASSERT | APIC_ICR_NMI);
	smp_finish(1);
	time_settle();
	cli();
	CHECK_EQ(out_of_order, 0, "IPIs that were not the next one");
	CHECK_EQ(trap_count(1, PING), pings, "IPIs that arrived");
	CHECK_EQ(trap_count(0, PONG), pings, "answers that arrived");
	CHECK_EQ(unarmed, 0, "expiries of a timer that was not armed");
	CHECK_EQ(trap_count(0, CHAIN), chained, "expiries");
	print("%u IPIs there and back, %u expiries; EOIs by the word: %u and %u, by the register: "
	      "%u and %u\n",
	      pings, chained, unseen[0], unseen[1], written[0], written[1]);
}

static void on_nmi(struct trap_frame *frame)
{
	(void)frame;
}

/* ---- INIT ---- */

static volatile uint64_t after_init;

static void read_msr(uintptr_t unused)
{
	(void)unused;
	after_init = rdmsr(MSR_PV_EOI);
}

static void init_switches_it_off(void)
{
	after_init = 0;
	smp_call(1, read_msr, 0);
	CHECK_EQ(after_init, (uintptr_t)&words[1].word | ENABLED, "CPU 1's MSR before INIT");
	CHECK(smp_start_one(1), "CPU 1 starts anew");
	smp_call(1, read_msr, 0);
	CHECK_EQ(after_init, 0, "CPU 1's MSR after INIT");
}

void guest_main(void)
{
	unsigned by_word;

	apic_enable();
	trap_set(TRAP_NMI, on_nmi);
	if (guest_arg("absent")) {
		absent();
		return;
	}
	CHECK(cpuid(KVM_FEATURES, 0).eax & FEATURE, "CPUID offers it");
	check_msr();
	smp_start(2);
	by_word = one_by_one("switched on");
	if (guest_keeps("ACP-2"))
		CHECK(by_word >= ROUNDS / 2, "EOIs by the word, of %u: %u", ROUNDS, by_word);
	nested();
	from_another(on_ended_first, "sent after an unseen EOI");
	from_another(on_sent_first, "sent before the EOI");
	level();
	somebody_clears_it();
	numbered();
	init_switches_it_off();
	wrmsr(MSR_PV_EOI, 0);
	CHECK_EQ(one_by_one("switched off"), 0, "EOIs by the word, switched off");
}
