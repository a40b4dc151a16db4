// SPDX-License-Identifier: BSD-2-Clause
// A machine that its guest resets, or that dies of a triple fault, while timers run and a second
// CPU is at work: whatever the machine is about at that moment, it comes to that end.
//
// Proof: told from outside, by the status of the run; tests/vmm/test_hop.sh lets it start anew and
// counts how often it says hello. Arguments: one way of cf9, soft, 8042, line and triple; ms=N
// until then; flood prints all that time.
//
// run: smp=2 timeout=60 args="cf9" options="-no-reboot" lapic="user kernel hop" hop=3
// run: smp=2 timeout=60 args="soft" options="-no-reboot" lapic="hop" hop=3
// run: smp=2 timeout=60 args="8042" options="-no-reboot" lapic="hop" hop=3
// run: smp=2 timeout=60 args="line" options="-no-reboot" lapic="user kernel hop" hop=3
// run: smp=2 timeout=60 args="triple" lapic="user kernel hop" hop=3 expect=96
#include "guests/runtime/guest.h"

#define TICK 0x71

static void tick(void)
{
	trap_set(TICK, trap_eoi);
	apic_write(APIC_DCR, 0xb);
	apic_write(APIC_LVT_TIMER, APIC_LVT_PERIODIC | TICK);
	apic_write(APIC_TMICT, 1000000);
}

static void work(uintptr_t unused)
{
	(void)unused;
	tick();
	for (unsigned round = 0;; round++) {
		if (round % 4)
			sti_hlt_cli();
		else
			time_spin_ms(1);
	}
}

static void die(void)
{
	static const struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((packed)) no_idt;

	__asm__ volatile("lidt %0; ud2" : : "m"(no_idt));
}

static void end(void)
{
	if (guest_arg("cf9"))
		outb(0xcf9, 0x06);
	if (guest_arg("soft")) {
		outb(0xcf9, 0);
		outb(0xcf9, 0x04);
	}
	if (guest_arg("8042"))
		outb(0x64, 0xfe);
	if (guest_arg("line")) {
		outb(0x64, 0xd1);
		outb(0x60, 0x00);
	}
	if (guest_arg("triple"))
		die();
}

void guest_main(void)
{
	print("restart: hello\n");
	apic_enable();
	tick();
	smp_start(2);
	smp_begin(1, work, 0);
	sti();
	for (unsigned ms = guest_arg_number("ms", 50); ms; ms--) {
		if (guest_arg("flood"))
			print("restart: a line of no importance that nobody reads\n");
		time_spin_ms(1);
	}
	end();
	/* The end may take a moment to arrive. */
	time_spin_ms(5000);
	guest_fail("the end does not come");
}
