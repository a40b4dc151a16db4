// SPDX-License-Identifier: BSD-2-Clause
// Interrupt storms, and a console all the while: a level line stuck high, timers of one tick, the
// 8254 at its fastest, IPIs from each to all others. Not how long an answer takes
// (tests/storms/run), and no check of exact counts (level.c, many.c).
//
// Proof: each storm goes on until it has interrupted each processor that it is aimed at ENOUGH
// times, and ends when its source is switched off.
//
// KVM on kvm_pvm departs from ACP-2: it ends a service as it delivers, so that a level line sends
// the next message before the handler has begun, for ever. That storm is left out there.
//
// Arguments: storm=level|timer|pit|pic|ipi (all, one after another), ms=N for each (0: for ever).
//
// kernel: pvm="ACP-2"
// run: smp=4 timeout=120 args="ms=500" lapic="user kernel hop"
// run: smp=4 timeout=120 args="ms=500 x2apic" lapic="user kernel"
#include "guests/runtime/guest.h"

#define ENOUGH      20   /* interrupts: no rate, as hosts are busy */
#define VECTOR      0x51 /* that of processor n is n more */
#define MOST        8
#define SERVE_EVERY 16
#define PRINT_MS    250

#define PM_TIMER    0x608
#define PM_PER_MS   3580
#define COM1        0x3f8
#define COM1_LSR    0x3fd
#define LSR_READY   0x01
#define IOAPIC      UINT64_C(0xfec00000)
#define ENTRY(pin)  (0x10 + 2 * (pin))
#define PIN_TIMER   2
#define PIN_LINES   16 /* no device has the pins from here */
#define TEST_LINES  0x2000
#define LEVEL       (1u << 15)
#define PIC         0x20
#define PIC_2       0xa0
#define PIC_VECTOR  0x70
#define EXTINT      0x700

struct storm {
	const char *name;
	void (*begin)(void);
	void (*end)(void);
	void (*push)(uintptr_t unused); /* what each processor does meanwhile; NULL: it spins */
	trap_handler handler;
	bool all; /* it is aimed at every processor, not at the first alone */
};

static unsigned cpu_count, cpus_hit, run_ms;
static const struct storm *current;
static uint32_t began, printed;
static volatile bool over;
static volatile unsigned long sent[MOST];

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

static unsigned long interrupts(void)
{
	unsigned long all = 0;

	for (unsigned cpu = 0; cpu < cpu_count; cpu++)
		all += trap_count_all(cpu);
	return all;
}

static bool all_enough(void)
{
	for (unsigned cpu = 0; cpu < cpus_hit; cpu++)
		if (trap_count_all(cpu) < ENOUGH)
			return false;
	return true;
}

/* Each goes to all the others; what one already has waiting is merged with that. */
static unsigned long ipis_sent(void)
{
	unsigned long all = 0;

	for (unsigned cpu = 0; cpu < cpu_count; cpu++)
		all += sent[cpu];
	return all;
}

static void send_to_others(void)
{
	sent[smp_self()]++;
	apic_ipi(0, APIC_ICR_OTHERS | APIC_ICR_ASSERT | (VECTOR + smp_self()));
}

/* ---- the console ---- */

static void say_figures(const char *what)
{
	unsigned ms = ms_since(began) + 1;
	unsigned long all = interrupts();

	print("storm %s %s ms=%u interrupts=%lu ipis=%lu\n", current->name, what, ms, all,
	      ipis_sent());
}

/* By the first processor alone: from its main program, or where a storm leaves that no time, from
 * its handler. */
static void serve(void)
{
	uint64_t flags = flags_save_cli();

	while (inb(COM1_LSR) & LSR_READY)
		print("key %c\n", inb(COM1));
	if (ms_since(printed) >= PRINT_MS) {
		printed = pm_timer();
		say_figures("goes on");
	}
	over = over || (run_ms && ms_since(began) >= run_ms + (all_enough() ? 0 : TIME_LOST_MS));
	flags_restore(flags);
}

static void serve_now_and_then(void)
{
	static unsigned turns;

	if (smp_self() == 0 && ++turns % SERVE_EVERY == 0)
		serve();
}

/* ---- the storms ---- */

/* Whose line it is may lower it at the end: the source is never asked before. */
static void on_apic(struct trap_frame *frame)
{
	(void)frame;
	serve_now_and_then();
	apic_eoi();
}

static void on_pic(struct trap_frame *frame)
{
	(void)frame;
	serve_now_and_then();
	outb(PIC, 0x20);
}

static void ioapic_write(unsigned reg, uint32_t value)
{
	apic_mmio_write32(IOAPIC, reg);
	apic_mmio_write32(IOAPIC + 0x10, value);
}

static void set_entry(unsigned pin, unsigned cpu, uint32_t low)
{
	ioapic_write(ENTRY(pin), APIC_LVT_MASKED);
	ioapic_write(ENTRY(pin) + 1, cpu << 24);
	ioapic_write(ENTRY(pin), low);
}

/* A line of its own for each, high until the end. */
static void begin_level(void)
{
	for (unsigned n = 0; n < cpus_hit; n++) {
		set_entry(PIN_LINES + n, n, LEVEL | (VECTOR + n));
		outb((uint16_t)(TEST_LINES + PIN_LINES + n), 1);
	}
}

static void end_level(void)
{
	for (unsigned n = 0; n < cpus_hit; n++) {
		outb((uint16_t)(TEST_LINES + PIN_LINES + n), 0);
		set_entry(PIN_LINES + n, 0, APIC_LVT_MASKED);
	}
}

static void set_timer(uintptr_t count)
{
	apic_write(APIC_DCR, 0xb);
	apic_write(APIC_LVT_TIMER, APIC_LVT_PERIODIC | (VECTOR + smp_self()));
	apic_write(APIC_TMICT, (uint32_t)count);
}

static void push_timer(uintptr_t unused)
{
	(void)unused;
	set_timer(1);
	while (!over)
		cpu_pause();
	set_timer(0);
}

static void set_pit(uint16_t count)
{
	outb(0x43, 0x34);
	outb(0x40, (uint8_t)count);
	outb(0x40, (uint8_t)(count >> 8));
}

static void begin_pit(void)
{
	set_entry(PIN_TIMER, 0, VECTOR);
	set_pit(2);
}

static void end_pit(void)
{
	set_entry(PIN_TIMER, 0, APIC_LVT_MASKED);
	outb(0x43, 0x30);
}

static void set_pic(uint16_t port, uint8_t vector, uint8_t icw3, uint8_t mask)
{
	outb(port, 0x11);
	outb(port + 1, vector);
	outb(port + 1, icw3);
	outb(port + 1, 1);
	outb(port + 1, mask);
}

static void begin_pic(void)
{
	set_pic(PIC_2, PIC_VECTOR + 8, 2, 0xff);
	set_pic(PIC, PIC_VECTOR, 4, 0xfe);
	apic_write(APIC_LVT_LINT0, EXTINT);
	set_pit(2);
}

static void end_pic(void)
{
	outb(PIC + 1, 0xff);
	apic_write(APIC_LVT_LINT0, APIC_LVT_MASKED | EXTINT);
	outb(0x43, 0x30);
}

static void push_ipis(uintptr_t unused)
{
	(void)unused;
	while (!over)
		send_to_others();
}

static const struct storm storms[] = {
	{"level", begin_level, end_level, NULL, on_apic, true},
	{"timer", NULL, NULL, push_timer, on_apic, true},
	{"pit", begin_pit, end_pit, NULL, on_apic, false},
	{"pic", begin_pic, end_pic, NULL, on_pic, false},
	{"ipi", NULL, NULL, push_ipis, on_apic, true},
};

/* ---- a run ---- */

static void set_handlers(const struct storm *storm)
{
	for (unsigned n = 0; n < cpu_count; n++)
		trap_set(VECTOR + n, storm->handler);
	trap_set_range(PIC_VECTOR, PIC_VECTOR + 15, storm->handler);
}

/* Asleep between two interrupts: a storm that dies down silences the console. */
static void sleep_and_serve(void)
{
	while (!over) {
		serve_now_and_then();
		sti_hlt_cli();
	}
}

/* The first processor pushes too, and its main program is what serves. */
static void push_and_serve(const struct storm *storm)
{
	sti();
	if (storm->push == push_timer)
		set_timer(1);
	while (!over) {
		if (storm->push == push_ipis)
			send_to_others();
		serve_now_and_then();
	}
	if (storm->push == push_timer)
		set_timer(0);
	cli();
}

static void check(const struct storm *storm)
{
	for (unsigned cpu = 0; cpu < cpus_hit; cpu++)
		CHECK(trap_count_all(cpu) >= ENOUGH, "storm %s: cpu %u has %u interrupts in %u ms",
		      storm->name, cpu, trap_count_all(cpu), ms_since(began));
}

static bool quiet(void)
{
	unsigned long before = interrupts();

	time_spin_ms(50);
	return interrupts() == before;
}

/* What was sent before the source was off may still come, and on some hosts late. */
static void check_over(const struct storm *storm)
{
	sti();
	CHECK(TIME_WAIT(quiet()), "storm %s: it ends", storm->name);
	cli();
}

static void rage(const struct storm *storm)
{
	current = storm;
	cpus_hit = storm->all ? cpu_count : 1;
	over = false;
	for (unsigned cpu = 0; cpu < cpu_count; cpu++)
		sent[cpu] = 0;
	trap_forget();
	set_handlers(storm);
	began = printed = pm_timer();
	if (storm->begin)
		storm->begin();
	for (unsigned cpu = 1; storm->push && cpu < cpu_count; cpu++)
		smp_begin(cpu, storm->push, 0);
	if (storm->push)
		push_and_serve(storm);
	else
		sleep_and_serve();
	if (storm->end)
		storm->end();
	for (unsigned cpu = 1; storm->push && cpu < cpu_count; cpu++)
		smp_finish(cpu);
	check(storm);
	say_figures("end");
	check_over(storm);
}

static bool wanted(const struct storm *storm)
{
	const char *only = guest_arg("storm");
	unsigned i = 0;

	while (only && only[i] && only[i] == storm->name[i])
		i++;
	return !only || (!only[i] && !storm->name[i]);
}

void guest_main(void)
{
	cpu_count = smp_cpus() < MOST ? smp_cpus() : MOST;
	run_ms = guest_arg_number("ms", 1000);
	apic_enable();
	smp_start(cpu_count);
	for (unsigned i = 0; i < sizeof(storms) / sizeof(storms[0]); i++)
		if (wanted(&storms[i]) && (storms[i].begin != begin_level || guest_keeps("ACP-2")))
			rage(&storms[i]);
}
