// SPDX-License-Identifier: BSD-2-Clause
// Pins of the I/O APIC that send at a rise: edges, the delivery modes that are edges, polarity.
// Not levels and their EOIs: test_ioapic_level.c.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <setjmp.h>
#include <cmocka.h>

#include "tests/devices/ioapic_rig.h"

static void each_rise_sends_one_message(void **state)
{
	struct ioapic_rig rig;

	(void)state;
	ioapic_rig_set_up(&rig, 0);
	program(&rig, 4, 2, 0x34);
	pull(&rig, 4, true);
	assert_recorded(&rig.log, "2:34 ");
	pull(&rig, 4, true);
	pull(&rig, 4, false);
	assert_recorded(&rig.log, "");
	pull(&rig, 4, true);
	assert_recorded(&rig.log, "2:34 ");
	assert_int_equal(low_half(&rig, 4), 0x34);
}

static void every_pin_has_its_own_entry(void **state)
{
	struct ioapic_rig rig;
	struct irq_line beyond;

	(void)state;
	ioapic_rig_set_up(&rig, 0);
	for (unsigned pin = 0; pin < 24; pin++)
		program(&rig, pin, pin, 0x40 + pin);
	for (unsigned pin = 0; pin < 24; pin++) {
		char expected[16];

		snprintf(expected, sizeof(expected), "%x:%x ", pin, 0x40 + pin);
		pulse(&rig, pin);
		assert_recorded(&rig.log, expected);
	}
	for (unsigned pin = 24; pin < 300; pin += 25) {
		beyond = ioapic_input(&rig.dev, pin);
		assert_false(irq_line_connected(&beyond));
	}
	beyond = ioapic_input(&rig.dev, UINT32_MAX);
	assert_false(irq_line_connected(&beyond));
}

/* "Interrupt Mask": neither delivered nor held pending. */
static void an_edge_on_a_masked_pin_is_lost(void **state)
{
	struct ioapic_rig rig;

	(void)state;
	ioapic_rig_set_up(&rig, 0);
	program(&rig, 4, 0, MASKED | 0x34);
	pulse(&rig, 4);
	set_low_half(&rig, 4, 0x34);
	assert_recorded(&rig.log, "");
	/* Nor does any other write make one of a line that is high. */
	set_low_half(&rig, 4, 0x35);
	set_low_half(&rig, 4, ACTIVE_LOW | 0x35);
	set(&rig, 0x11 + 2 * 4, 0x01000000);
	assert_recorded(&rig.log, "");
	pulse(&rig, 4);
	assert_recorded(&rig.log, "1:35 ");
}

static void an_edge_needs_no_eoi_and_heeds_none(void **state)
{
	struct ioapic_rig rig;

	(void)state;
	ioapic_rig_set_up(&rig, 0);
	program(&rig, 4, 0, 0x34);
	pulse(&rig, 4);
	assert_recorded(&rig.log, "0:34 ");
	assert_int_equal(low_half(&rig, 4), 0x34);
	ioapic_eoi(&rig.dev, 0x34);
	bus_write(&rig.bus, EOI_REG, 4, 0x34);
	ioapic_retry(&rig.dev);
	assert_recorded(&rig.log, "");
}

static void an_edge_that_nobody_takes_is_lost(void **state)
{
	struct ioapic_rig rig;

	(void)state;
	ioapic_rig_set_up(&rig, 0);
	program(&rig, 4, 9, 0x34);
	rig.refuse = true;
	pulse(&rig, 4);
	assert_recorded(&rig.log, "!9:34 ");
	assert_int_equal(low_half(&rig, 4), 0x34);
	rig.refuse = false;
	ioapic_retry(&rig.dev);
	set_low_half(&rig, 4, 0x34);
	ioapic_eoi(&rig.dev, 0x34);
	assert_recorded(&rig.log, "");
	pulse(&rig, 4);
	assert_recorded(&rig.log, "9:34 ");
}

/* Rules: ICR-12 */
static void lowest_priority_has_the_redirection_hint(void **state)
{
	struct ioapic_rig rig;

	(void)state;
	ioapic_rig_set_up(&rig, 0);
	program(&rig, 4, 0xFF, LOWEST | LOGICAL | 0x34);
	pulse(&rig, 4);
	assert_recorded(&rig.log, "ffL:34m1h ");
}

/* "DELMOD": NMI and INIT are edges even if programmed as levels; so are SMI and ExtINT, which
 * require an edge. None has an EOI, so none may wait for one. */
static void smi_nmi_init_and_extint_are_edges_always(void **state)
{
	static const struct {
		uint32_t mode;
		const char *sent;
	} cases[] = {{SMI, "3:0m2 "}, {NMI, "3:0m4 "}, {INIT, "3:0m5 "}, {EXTINT, "3:0m7 "}};
	struct ioapic_rig rig;

	(void)state;
	for (size_t i = 0; i < 4; i++)
		for (unsigned level = 0; level < 2; level++) {
			uint32_t low = cases[i].mode | (level ? LEVEL : 0);

			ioapic_rig_set_up(&rig, 0);
			pull(&rig, 0, true);
			program(&rig, 0, 3, low);
			ioapic_retry(&rig.dev);
			assert_recorded(&rig.log, "");
			pulse(&rig, 0);
			assert_recorded(&rig.log, cases[i].sent);
			assert_int_equal(low_half(&rig, 0), low);
			ioapic_eoi(&rig.dev, 0);
			assert_recorded(&rig.log, "");
			pulse(&rig, 0);
			assert_recorded(&rig.log, cases[i].sent);
			/* Refused they do not stay pending. */
			rig.refuse = true;
			pulse(&rig, 0);
			assert_int_equal(low_half(&rig, 0), low);
		}
}

static void reserved_delivery_modes_send_nothing(void **state)
{
	static const uint32_t modes[] = {0x300, 0x600};
	struct ioapic_rig rig;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		ioapic_rig_set_up(&rig, 0);
		program(&rig, 0, 3, modes[i] | 0x31);
		pulse(&rig, 0);
		set_low_half(&rig, 0, modes[i] | LEVEL | 0x31);
		pulse(&rig, 0);
		ioapic_eoi(&rig.dev, 0x31);
		assert_int_equal(low_half(&rig, 0), modes[i] | LEVEL | 0x31);
		assert_recorded(&rig.log, "");
	}
}

/* The line of a device says whether it asks; irq_line.h. */
static void polarity_is_kept_and_means_nothing(void **state)
{
	struct ioapic_rig rig;

	(void)state;
	ioapic_rig_set_up(&rig, 0);
	program(&rig, 4, 0, ACTIVE_LOW | 0x34);
	program(&rig, 5, 0, ACTIVE_LOW | LEVEL | 0x35);
	assert_int_equal(low_half(&rig, 4), ACTIVE_LOW | 0x34);
	assert_recorded(&rig.log, "");
	pull(&rig, 4, true);
	pull(&rig, 5, true);
	assert_recorded(&rig.log, "0:34 0:35l ");
	pull(&rig, 4, false);
	pull(&rig, 5, false);
	assert_recorded(&rig.log, "");
}

static void electrical_lines_go_by_polarity(void **state)
{
	struct ioapic_rig rig;

	(void)state;
	ioapic_rig_set_up(&rig, IOAPIC_ELECTRICAL);
	program(&rig, 4, 0, ACTIVE_LOW | 0x34);
	program(&rig, 5, 0, 0x35);
	assert_recorded(&rig.log, "");
	pull(&rig, 4, true);
	assert_recorded(&rig.log, "");
	pull(&rig, 4, false);
	assert_recorded(&rig.log, "0:34 ");
	pulse(&rig, 5);
	assert_recorded(&rig.log, "0:35 ");
	/* A line that nobody drives is low: to a level that is active low it asks. */
	set_low_half(&rig, 6, ACTIVE_LOW | LEVEL | MASKED | 0x36);
	assert_true(ioapic_entry_of(&rig.dev, 6).asserted);
	set_low_half(&rig, 6, ACTIVE_LOW | LEVEL | 0x36);
	assert_recorded(&rig.log, "0:36l ");
	pull(&rig, 6, true);
	ioapic_eoi(&rig.dev, 0x36);
	assert_recorded(&rig.log, "");
	/* A level is asked for by the new polarity at once. */
	set_low_half(&rig, 6, LEVEL | 0x36);
	assert_recorded(&rig.log, "0:36l ");
}

/* Data sheet, ExtINT: what the 8259A's INTR does, the pin tells; it falls at each acknowledge. */
static void extint_follows_the_8259(void **state)
{
	struct ioapic_rig rig;

	(void)state;
	ioapic_rig_set_up(&rig, 0);
	program(&rig, 0, 0, EXTINT);
	pull(&rig, 0, true);
	pull(&rig, 0, false);
	pull(&rig, 0, true);
	assert_recorded(&rig.log, "0:0m7 0:0m7 ");
	pull(&rig, 0, false);
	assert_recorded(&rig.log, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_rise_sends_one_message),
		cmocka_unit_test(every_pin_has_its_own_entry),
		cmocka_unit_test(an_edge_on_a_masked_pin_is_lost),
		cmocka_unit_test(an_edge_needs_no_eoi_and_heeds_none),
		cmocka_unit_test(an_edge_that_nobody_takes_is_lost),
		cmocka_unit_test(lowest_priority_has_the_redirection_hint),
		cmocka_unit_test(smi_nmi_init_and_extint_are_edges_always),
		cmocka_unit_test(reserved_delivery_modes_send_nothing),
		cmocka_unit_test(polarity_is_kept_and_means_nothing),
		cmocka_unit_test(electrical_lines_go_by_polarity),
		cmocka_unit_test(extint_follows_the_8259),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
