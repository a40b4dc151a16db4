// SPDX-License-Identifier: BSD-2-Clause
// A reset of the processors by the 8042 that goes on at 40h:67h, with all memory as it was: what
// software for the AT did to come back from protected mode.
//
// Proof: the shutdown code and the vector are set, the reset comes, and the code that the vector
// leads to finds what was in memory before; the other CPU waits for SIPI again and can be started.
// Each way once: code 0Ah, and 05h, which gives the 8259s an EOI first.
//
// run: smp=2 timeout=60 lapic="user kernel"
// run: smp=2 timeout=60 lapic="hop" hop=3
#include "guests/runtime/guest.h"

#define VECTOR  0x467
#define PAGE    0x3000
#define CODES   2
#define MESSAGE 0x600dcafeu

static const uint8_t codes[CODES] = {0x0a, 0x05};
static volatile uint32_t message;
static volatile unsigned resets;

static void cmos_write(uint8_t reg, uint8_t value)
{
	outb(0x70, reg);
	outb(0x71, value);
}

static uint8_t cmos_read(uint8_t reg)
{
	outb(0x70, reg);
	return inb(0x71);
}

/* IRQ 0 in service at the master, with nobody but the BIOS to end it. */
static void put_in_service(void)
{
	outb(0x20, 0x11);
	outb(0x21, 0x20);
	outb(0x21, 0x04);
	outb(0x21, 0x01);
	outb(0x21, 0xfe);
	outb(0x43, 0x30);
	outb(0x40, 1);
	outb(0x40, 0);
	outb(0x20, 0x0a);
	CHECK(TIME_WAIT(inb(0x20) & 1), "IRQ 0 comes");
	outb(0x20, 0x0c); /* poll: this read is the acknowledge */
	CHECK_EQ(inb(0x20), 0x80, "IRQ 0 waits");
	outb(0x20, 0x0b);
	CHECK_EQ(inb(0x20), 1, "and is in service");
}

static void reset(void)
{
	uint16_t vector[2] = {0, PAGE >> 4};

	message = MESSAGE + resets;
	smp_put_trampoline(PAGE);
	memcpy((void *)VECTOR, vector, sizeof(vector));
	cmos_write(0x0f, codes[resets]);
	if (codes[resets] == 0x05)
		put_in_service();
	outb(0x64, 0xfe);
	time_spin_ms(5000);
	guest_fail("the reset does not come");
}

static void after_reset(void)
{
	if (smp_self())
		return;
	CHECK_EQ(message, MESSAGE + resets, "memory is as it was");
	CHECK_EQ(cmos_read(0x0f), 0, "the shutdown code is forgotten");
	CHECK_EQ(apic_mode(), APIC_XAPIC, "the APIC's mode");
	CHECK_EQ(apic_read(APIC_SVR), 0xff, "SVR as INIT leaves it");
	outb(0x20, 0x0b);
	CHECK_EQ(inb(0x20), 0, "nothing is in service at the 8259");
	apic_enable();
	smp_abandon(1);
	CHECK(smp_start_one(1), "the other CPU starts again");
	if (++resets < CODES)
		reset();
	print("%u resets, and here we are\n", resets);
	guest_pass();
}

void guest_main(void)
{
	apic_enable();
	smp_set_first(after_reset);
	smp_start(2);
	reset();
}
