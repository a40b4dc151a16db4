// SPDX-License-Identifier: BSD-2-Clause
// PCI configuration mechanism 1, asked the ways that kernels and firmware ask it.
// Not what a kernel concludes from the answers.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "devices/bus.h"
#include "devices/pci_host.h"
#include "tests/devices/recorder.h"

#define ONES 0xFFFFFFFFu

struct fixture {
	struct recorder log;
	struct reset_port reset;
	struct pci_host host;
	struct bus_region table[2];
	struct bus bus;
};

static void note_reset(void *opaque, enum reset_port_request request)
{
	recorder_note(opaque, "%s ", request == RESET_PORT_CF9_HARD ? "hard" : "soft");
}

static void set_up(struct fixture *f)
{
	struct bus_region region;

	memset(f, 0xA5, sizeof(*f));
	f->log = (struct recorder){.used = 0};
	f->reset = (struct reset_port){.reset = note_reset, .opaque = &f->log};
	pci_host_init(&f->host, &f->reset);
	bus_init(&f->bus, "ports", BUS_LAST_PORT, f->table, 2);
	region = pci_host_address_region(&f->host);
	assert_int_equal(bus_add(&f->bus, &region, NULL, 0), BUS_OK);
	region = pci_host_data_region(&f->host);
	assert_int_equal(bus_add(&f->bus, &region, NULL, 0), BUS_OK);
}

static uint32_t in(struct fixture *f, unsigned port, unsigned width)
{
	return (uint32_t)bus_read(&f->bus, port, width);
}

static void out(struct fixture *f, unsigned port, unsigned width, uint32_t value)
{
	bus_write(&f->bus, port, width, value);
}

/* Register at of bus 0, device 0, function 0. */
static uint32_t bridge_in(struct fixture *f, unsigned at, unsigned width)
{
	out(f, 0xCF8, 4, 0x80000000 | (at & 0xFC));
	return in(f, 0xCFC + (at & 3), width);
}

static void bridge_out(struct fixture *f, unsigned at, unsigned width, uint32_t value)
{
	out(f, 0xCF8, 4, 0x80000000 | (at & 0xFC));
	out(f, 0xCFC + (at & 3), width, value);
}

static void the_bridge_is_a_440fx(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	assert_int_equal(bridge_in(&f, 0x00, 4), 0x12378086);
	assert_int_equal(bridge_in(&f, 0x04, 4), 0x02800006);
	assert_int_equal(bridge_in(&f, 0x08, 4), 0x06000002);
	/* Header type 0, one function, no BAR, no capabilities, no interrupt. */
	assert_int_equal(bridge_in(&f, 0x0C, 4), 0);
	for (unsigned at = 0x10; at < 0x40; at += 4)
		assert_int_equal(bridge_in(&f, at, 4), at == 0x2C ? 0x11001AF4 : 0);
	/* The chip's own: nothing shadowed, SMRAM closed at A0000h. */
	for (unsigned at = 0x40; at < 0x100; at++)
		assert_int_equal(bridge_in(&f, at, 1), at == 0x72 ? 0x02 : 0);
	assert_recorded(&f.log, "");
}

static void a_kernel_that_checks_the_mechanism_finds_it(void **state)
{
	struct fixture f;
	uint32_t before;

	(void)state;
	set_up(&f);
	out(&f, 0xCFB, 1, 0x01);
	before = in(&f, 0xCF8, 4);
	assert_int_equal(before, 0);
	out(&f, 0xCF8, 4, 0x80000000);
	assert_int_equal(in(&f, 0xCF8, 4), 0x80000000);
	out(&f, 0xCF8, 4, before);
	assert_int_equal(in(&f, 0xCF8, 4), 0);
	/* Reserved bits do not stay. */
	out(&f, 0xCF8, 4, ONES);
	assert_int_equal(in(&f, 0xCF8, 4), 0x80FFFFFC);
	assert_recorded(&f.log, "");
}

static void nothing_else_is_on_any_bus(void **state)
{
	struct fixture f;
	unsigned found = 0;

	(void)state;
	set_up(&f);
	for (uint32_t function = 0; function < 1 << 16; function++) {
		out(&f, 0xCF8, 4, 0x80000000 | function << 8);
		if (in(&f, 0xCFC, 4) != ONES)
			found++;
		else
			assert_int_equal(in(&f, 0xCFE, 1), 0xFF);
		out(&f, 0xCFC, 4, 0);
		out(&f, 0xCFC, 2, 0);
	}
	assert_int_equal(found, 1);
	/* What went to the others has reached none. */
	out(&f, 0xCF8, 4, 0x80000100 | 0x58);
	out(&f, 0xCFC, 4, ONES);
	assert_int_equal(bridge_in(&f, 0x58, 4), 0);
}

static void without_the_enable_bit_nobody_answers(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	assert_int_equal(in(&f, 0xCFC, 4), ONES);
	out(&f, 0xCF8, 4, 0x00000058);
	assert_int_equal(in(&f, 0xCFC, 4), ONES);
	assert_int_equal(in(&f, 0xCFD, 2), 0xFFFF);
	out(&f, 0xCFC, 4, ONES);
	assert_int_equal(bridge_in(&f, 0x58, 4), 0);
}

static void registers_are_reached_at_every_width(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	assert_int_equal(bridge_in(&f, 0x00, 2), 0x8086);
	assert_int_equal(bridge_in(&f, 0x02, 2), 0x1237);
	assert_int_equal(bridge_in(&f, 0x01, 2), 0x3780);
	assert_int_equal(bridge_in(&f, 0x0B, 1), 0x06);
	bridge_out(&f, 0x58, 4, 0x44332211);
	assert_int_equal(bridge_in(&f, 0x58, 4), 0x44332211);
	bridge_out(&f, 0x59, 1, 0xAA);
	bridge_out(&f, 0x5A, 2, 0xCCBB);
	assert_int_equal(bridge_in(&f, 0x58, 4), 0xCCBBAA11);
	bridge_out(&f, 0x59, 2, 0x5566);
	assert_int_equal(bridge_in(&f, 0x58, 4), 0xCC556611);
	/* Past the end of the doubleword there is nothing, not even from within it. */
	assert_int_equal(bridge_in(&f, 0x5A, 4), 0xFFFFCC55);
	assert_int_equal(bridge_in(&f, 0xFF, 4), 0xFFFFFF00);
	bridge_out(&f, 0x5B, 2, 0x7788);
	assert_int_equal(bridge_in(&f, 0x58, 4), 0x88556611);
	assert_int_equal(bridge_in(&f, 0x5C, 4), 0);
	/* From the address into the data, byte for byte. */
	assert_int_equal(bridge_in(&f, 0x58, 1), 0x11);
	assert_int_equal(in(&f, 0xCFA, 4), 0x6611FFFF);
	out(&f, 0xCFB, 2, 0x9900);
	assert_int_equal(bridge_in(&f, 0x58, 4), 0x88556699);
	assert_int_equal(in(&f, 0xCF8, 4), 0x80000058);
}

static void what_is_read_only_stays(void **state)
{
	static const struct {
		unsigned first, last, mask;
	} kept[] = {
		{0x04, 0x04, 0x40}, {0x05, 0x05, 0x01}, {0x0D, 0x0D, 0xF8},
		{0x50, 0x72, 0xFF}, {0x90, 0x90, 0xFF},
	};
	struct fixture f;
	unsigned mask[256] = {0}, was[256];

	(void)state;
	set_up(&f);
	for (unsigned i = 0; i < 5; i++)
		for (unsigned at = kept[i].first; at <= kept[i].last; at++)
			mask[at] = kept[i].mask;
	for (unsigned at = 0; at < 256; at++) {
		was[at] = bridge_in(&f, at, 1);
		bridge_out(&f, at, 1, 0xFF);
		assert_int_equal(bridge_in(&f, at, 1), was[at] | mask[at]);
		bridge_out(&f, at, 1, 0x00);
		assert_int_equal(bridge_in(&f, at, 1), was[at] & ~mask[at]);
	}
	for (unsigned at = 0; at < 256; at += 4)
		bridge_out(&f, at, 4, ONES);
	for (unsigned at = 0; at < 256; at++)
		assert_int_equal(bridge_in(&f, at, 1), was[at] | mask[at]);
}

static void a_reset_brings_back_the_start(void **state)
{
	struct fixture f;
	struct pci_host before;

	(void)state;
	set_up(&f);
	before = f.host;
	for (unsigned at = 0; at < 256; at += 4)
		bridge_out(&f, at, 4, ONES);
	assert_memory_not_equal(before.config, f.host.config, sizeof(before.config));
	pci_host_reset(&f.host);
	assert_memory_equal(before.config, f.host.config, sizeof(before.config));
	assert_int_equal(in(&f, 0xCF8, 4), 0);
	bus_write(&f.bus, 0xCF9, 1, 0x06);
	assert_recorded(&f.log, "hard ");
}

static void bytes_and_words_go_through_to_cf9(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	out(&f, 0xCF8, 4, 0x80000000);
	assert_int_equal(in(&f, 0xCF9, 1), 0x00);
	out(&f, 0xCF9, 1, 0x02);
	assert_int_equal(in(&f, 0xCF9, 1), 0x02);
	assert_int_equal(in(&f, 0xCF8, 2), 0x02FF);
	assert_int_equal(in(&f, 0xCF9, 2), 0xFF02);
	assert_int_equal(in(&f, 0xCFA, 2), 0xFFFF);
	assert_int_equal(in(&f, 0xCF8, 1), 0xFF);
	assert_recorded(&f.log, "");
	out(&f, 0xCF9, 1, 0x06);
	assert_recorded(&f.log, "hard ");
	assert_int_equal(in(&f, 0xCF9, 1), 0x00);
	out(&f, 0xCF8, 2, 0x0400);
	assert_recorded(&f.log, "soft ");
	/* The other three, by whatever way, are nobody's. */
	out(&f, 0xCF9, 1, 0x00);
	out(&f, 0xCF8, 1, 0x06);
	out(&f, 0xCFA, 1, 0x06);
	out(&f, 0xCFB, 1, 0x06);
	out(&f, 0xCFA, 2, 0x0606);
	out(&f, 0xCF8, 2, 0x0006);
	assert_recorded(&f.log, "");
	/* The address has seen none of it. */
	assert_int_equal(in(&f, 0xCF8, 4), 0x80000000);
}

static void an_address_is_no_reset(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	for (uint32_t device = 0; device < 256; device++)
		out(&f, 0xCF8, 4, 0x80000000 | device << 8);
	assert_recorded(&f.log, "");
	assert_int_equal(in(&f, 0xCF9, 1), 0x00);
}

static void without_a_reset_register_cf9_is_open(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	pci_host_init(&f.host, NULL);
	out(&f, 0xCF9, 1, 0x06);
	assert_int_equal(in(&f, 0xCF9, 1), 0xFF);
	assert_int_equal(bridge_in(&f, 0x00, 4), 0x12378086);
	assert_recorded(&f.log, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_bridge_is_a_440fx),
		cmocka_unit_test(a_kernel_that_checks_the_mechanism_finds_it),
		cmocka_unit_test(nothing_else_is_on_any_bus),
		cmocka_unit_test(without_the_enable_bit_nobody_answers),
		cmocka_unit_test(registers_are_reached_at_every_width),
		cmocka_unit_test(what_is_read_only_stays),
		cmocka_unit_test(a_reset_brings_back_the_start),
		cmocka_unit_test(bytes_and_words_go_through_to_cf9),
		cmocka_unit_test(an_address_is_no_reset),
		cmocka_unit_test(without_a_reset_register_cf9_is_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
