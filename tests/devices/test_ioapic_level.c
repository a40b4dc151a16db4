// SPDX-License-Identifier: BSD-2-Clause
// Pins of the I/O APIC that are levels: remote IRR, EOI, masks, refusals, software's ways about.
// Not edges: test_ioapic_edge.c.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "tests/devices/ioapic_rig.h"

#define PIN 11u

static void set_up(struct ioapic_rig *rig)
{
	ioapic_rig_set_up(rig, 0);
	program(rig, PIN, 1, LEVEL | 0x31);
}

static void eoi(struct ioapic_rig *rig, uint8_t vector)
{
	ioapic_eoi(&rig->dev, vector);
}

static bool remote_irr(struct ioapic_rig *rig)
{
	return low_half(rig, PIN) & REMOTE_IRR;
}

/* ---- the message and its EOI ---- */

static void a_level_sends_once_until_its_eoi(void **state)
{
	struct ioapic_rig rig;

	(void)state;
	set_up(&rig);
	assert_false(remote_irr(&rig));
	pull(&rig, PIN, true);
	assert_recorded(&rig.log, "1:31l ");
	assert_int_equal(low_half(&rig, PIN), LEVEL | REMOTE_IRR | 0x31);
	pull(&rig, PIN, false);
	assert_true(remote_irr(&rig));
	pull(&rig, PIN, true);
	pull(&rig, PIN, false);
	assert_recorded(&rig.log, "");
	eoi(&rig, 0x31);
	assert_false(remote_irr(&rig));
	assert_recorded(&rig.log, "");
	pull(&rig, PIN, true);
	assert_recorded(&rig.log, "1:31l ");
}

/* Rules: ACP-5 */
static void a_line_still_high_at_the_eoi_sends_again(void **state)
{
	struct ioapic_rig rig;

	(void)state;
	set_up(&rig);
	pull(&rig, PIN, true);
	assert_recorded(&rig.log, "1:31l ");
	/* However long: one for each EOI. */
	for (unsigned n = 0; n < 20000; n++) {
		eoi(&rig, 0x31);
		assert_recorded(&rig.log, "1:31l ");
		assert_true(remote_irr(&rig));
	}
	pull(&rig, PIN, false);
	eoi(&rig, 0x31);
	assert_recorded(&rig.log, "");
}

static void an_eoi_is_of_one_vector(void **state)
{
	struct ioapic_rig rig;

	(void)state;
	set_up(&rig);
	pull(&rig, PIN, true);
	assert_recorded(&rig.log, "1:31l ");
	for (unsigned vector = 0; vector < 256; vector++)
		if (vector != 0x31)
			eoi(&rig, (uint8_t)vector);
	assert_true(remote_irr(&rig));
	assert_recorded(&rig.log, "");
	eoi(&rig, 0x31);
	assert_recorded(&rig.log, "1:31l ");
}

/* A Local APIC that keeps its EOIs to itself leaves them to software. Rules: ACP-4 */
static void the_eoi_register_is_an_eoi(void **state)
{
	struct ioapic_rig rig;

	(void)state;
	set_up(&rig);
	pull(&rig, PIN, true);
	assert_recorded(&rig.log, "1:31l ");
	bus_write(&rig.bus, EOI_REG, 4, 0x32);
	assert_true(remote_irr(&rig));
	pull(&rig, PIN, false);
	bus_write(&rig.bus, EOI_REG, 4, 0x31);
	assert_false(remote_irr(&rig));
	pull(&rig, PIN, true);
	bus_write(&rig.bus, EOI_REG, 4, 0x31);
	assert_recorded(&rig.log, "1:31l 1:31l ");
	/* The index and what it points at are not in it. */
	assert_int_equal(bus_read(&rig.bus, IOREGSEL, 4), 0x10 + 2 * PIN);
}

/* The 82801's data sheet, EOI: all entries of the vector, and no interrupt of theirs is lost. */
static void pins_that_share_a_vector_share_its_eoi(void **state)
{
	struct ioapic_rig rig;

	(void)state;
	set_up(&rig);
	program(&rig, 12, 2, LEVEL | 0x31);
	program(&rig, 13, 3, LEVEL | 0x31);
	program(&rig, 14, 4, 0x31);
	for (unsigned pin = PIN; pin < 15; pin++)
		pull(&rig, pin, true);
	assert_recorded(&rig.log, "1:31l 2:31l 3:31l 4:31 ");
	pull(&rig, 12, false);
	eoi(&rig, 0x31);
	assert_recorded(&rig.log, "1:31l 3:31l ");
	assert_int_equal(rig.dev.remote_irr, 1u << PIN | 1u << 13);
}

/* The comparison is with the entry as it is by then. */
static void a_vector_changed_in_service_waits_for_the_new_ones_eoi(void **state)
{
	struct ioapic_rig rig;

	(void)state;
	set_up(&rig);
	pull(&rig, PIN, true);
	set_low_half(&rig, PIN, LEVEL | 0x41);
	assert_recorded(&rig.log, "1:31l ");
	eoi(&rig, 0x31);
	assert_true(remote_irr(&rig));
	eoi(&rig, 0x41);
	assert_recorded(&rig.log, "1:41l ");
}

static void lowest_priority_can_be_a_level(void **state)
{
	struct ioapic_rig rig;

	(void)state;
	ioapic_rig_set_up(&rig, 0);
	program(&rig, PIN, 0x0F, LEVEL | LOWEST | LOGICAL | 0x31);
	pull(&rig, PIN, true);
	assert_recorded(&rig.log, "fL:31m1lh ");
	assert_true(remote_irr(&rig));
	eoi(&rig, 0x31);
	assert_recorded(&rig.log, "fL:31m1lh ");
}

/* ---- the mask ---- */

static void a_masked_level_sends_when_it_is_unmasked_if_it_still_asks(void **state)
{
	struct ioapic_rig rig;

	(void)state;
	set_up(&rig);
	set_low_half(&rig, PIN, MASKED | LEVEL | 0x31);
	pull(&rig, PIN, true);
	assert_int_equal(low_half(&rig, PIN), MASKED | LEVEL | 0x31);
	assert_recorded(&rig.log, "");
	set_low_half(&rig, PIN, LEVEL | 0x31);
	assert_recorded(&rig.log, "1:31l ");

	set_up(&rig);
	set_low_half(&rig, PIN, MASKED | LEVEL | 0x31);
	pull(&rig, PIN, true);
	pull(&rig, PIN, false);
	set_low_half(&rig, PIN, LEVEL | 0x31);
	assert_recorded(&rig.log, "");
}

static void a_mask_does_not_keep_the_eoi_away(void **state)
{
	struct ioapic_rig rig;

	(void)state;
	set_up(&rig);
	pull(&rig, PIN, true);
	set_low_half(&rig, PIN, MASKED | LEVEL | 0x31);
	assert_int_equal(low_half(&rig, PIN), MASKED | REMOTE_IRR | LEVEL | 0x31);
	set_low_half(&rig, PIN, LEVEL | 0x31);
	set_low_half(&rig, PIN, MASKED | LEVEL | 0x31);
	assert_recorded(&rig.log, "1:31l ");
	eoi(&rig, 0x31);
	assert_false(remote_irr(&rig));
	assert_recorded(&rig.log, "");
	set_low_half(&rig, PIN, LEVEL | 0x31);
	assert_recorded(&rig.log, "1:31l ");
}

/* ---- trigger mode ---- */

/* Software that knows no EOI register: masked, edge, level. */
static void an_entry_that_turns_to_edge_forgets_remote_irr(void **state)
{
	struct ioapic_rig rig;

	(void)state;
	set_up(&rig);
	pull(&rig, PIN, true);
	assert_recorded(&rig.log, "1:31l ");
	set_low_half(&rig, PIN, MASKED | 0x31);
	assert_int_equal(low_half(&rig, PIN), MASKED | 0x31);
	set_low_half(&rig, PIN, MASKED | LEVEL | 0x31);
	assert_false(remote_irr(&rig));
	assert_recorded(&rig.log, "");
	set_low_half(&rig, PIN, LEVEL | 0x31);
	assert_recorded(&rig.log, "1:31l ");
	assert_true(remote_irr(&rig));
	/* Unmasked all along: the way back to level finds the line high. */
	set_low_half(&rig, PIN, 0x31);
	assert_false(remote_irr(&rig));
	assert_recorded(&rig.log, "");
	set_low_half(&rig, PIN, LEVEL | 0x31);
	assert_recorded(&rig.log, "1:31l ");
	/* With the line low again nothing is left of it. */
	pull(&rig, PIN, false);
	set_low_half(&rig, PIN, 0x31);
	set_low_half(&rig, PIN, LEVEL | 0x31);
	assert_recorded(&rig.log, "");
}

static void a_delivery_mode_that_is_no_level_forgets_remote_irr(void **state)
{
	struct ioapic_rig rig;

	(void)state;
	set_up(&rig);
	pull(&rig, PIN, true);
	set_low_half(&rig, PIN, NMI | LEVEL | 0x31);
	assert_recorded(&rig.log, "1:31l ");
	assert_false(remote_irr(&rig));
	set_low_half(&rig, PIN, LEVEL | 0x31);
	assert_recorded(&rig.log, "1:31l ");
}

static void an_edge_pin_that_is_high_sends_when_it_becomes_a_level(void **state)
{
	struct ioapic_rig rig;

	(void)state;
	ioapic_rig_set_up(&rig, 0);
	program(&rig, PIN, 1, 0x31);
	pull(&rig, PIN, true);
	assert_recorded(&rig.log, "1:31 ");
	set_low_half(&rig, PIN, LEVEL | 0x31);
	assert_recorded(&rig.log, "1:31l ");
}

/* The handler lowers the line, writes its own entry and then EOIs. */
static void an_entry_can_be_written_while_in_service(void **state)
{
	struct ioapic_rig rig;

	(void)state;
	set_up(&rig);
	pull(&rig, PIN, true);
	set(&rig, 0x11 + 2 * PIN, 0x05000000);
	set_low_half(&rig, PIN, LEVEL | 0x31);
	assert_recorded(&rig.log, "1:31l ");
	assert_true(remote_irr(&rig));
	eoi(&rig, 0x31);
	assert_recorded(&rig.log, "5:31l ");
}

/* ---- refusals ---- */

static void a_level_that_nobody_takes_is_send_pending(void **state)
{
	struct ioapic_rig rig;

	(void)state;
	set_up(&rig);
	rig.refuse = true;
	pull(&rig, PIN, true);
	assert_recorded(&rig.log, "!1:31l ");
	assert_int_equal(low_half(&rig, PIN), LEVEL | SEND_PENDING | 0x31);
	assert_true(ioapic_entry_of(&rig.dev, PIN).pending);
	/* Looking sends nothing, and it is pending only while the line asks and may. */
	assert_true(ioapic_wants_retry(&rig.dev));
	assert_recorded(&rig.log, "");
	set_low_half(&rig, PIN, MASKED | LEVEL | 0x31);
	assert_int_equal(low_half(&rig, PIN), MASKED | LEVEL | 0x31);
	assert_false(ioapic_wants_retry(&rig.dev));
	set_low_half(&rig, PIN, LEVEL | 0x31);
	assert_recorded(&rig.log, "!1:31l ");
	pull(&rig, PIN, false);
	assert_false(ioapic_wants_retry(&rig.dev));
	assert_int_equal(low_half(&rig, PIN), LEVEL | 0x31);
	assert_recorded(&rig.log, "");
}

static void set_refused(struct ioapic_rig *rig)
{
	set_up(rig);
	rig->refuse = true;
	pull(rig, PIN, true);
	assert_recorded(&rig->log, "!1:31l ");
	rig->refuse = false;
}

static void what_was_refused_is_sent_again(void **state)
{
	struct ioapic_rig rig;

	(void)state;
	set_refused(&rig);
	set(&rig, 0x11 + 2 * PIN, 0x02000000);
	assert_recorded(&rig.log, "2:31l ");
	assert_int_equal(low_half(&rig, PIN), LEVEL | REMOTE_IRR | 0x31);

	set_refused(&rig);
	pulse(&rig, PIN);
	assert_recorded(&rig.log, "1:31l ");

	set_refused(&rig);
	eoi(&rig, 0x30);
	assert_recorded(&rig.log, "");
	eoi(&rig, 0x31);
	assert_recorded(&rig.log, "1:31l ");

	set_refused(&rig);
	ioapic_retry(&rig.dev);
	assert_recorded(&rig.log, "1:31l ");
	ioapic_retry(&rig.dev);
	assert_recorded(&rig.log, "");
}

/* SDM "Valid Interrupt Vectors": each try would be one more error in the receiver's ESR. */
static void what_no_local_apic_ever_takes_is_not_tried_again(void **state)
{
	struct ioapic_rig rig;

	(void)state;
	set_refused(&rig);
	rig.refuse = true;
	set_low_half(&rig, PIN, LEVEL | 0x0F);
	assert_recorded(&rig.log, "!1:fl ");
	assert_int_equal(low_half(&rig, PIN), LEVEL | SEND_PENDING | 0x0F);
	assert_false(ioapic_wants_retry(&rig.dev));
	ioapic_retry(&rig.dev);
	assert_recorded(&rig.log, "");
	set_low_half(&rig, PIN, LEVEL | 0x10);
	assert_recorded(&rig.log, "!1:10l ");
	assert_true(ioapic_wants_retry(&rig.dev));
	ioapic_retry(&rig.dev);
	assert_recorded(&rig.log, "!1:10l ");
}

static void a_retry_is_one_send_for_each_pin_that_is_pending(void **state)
{
	struct ioapic_rig rig;

	(void)state;
	ioapic_rig_set_up(&rig, 0);
	rig.refuse = true;
	for (unsigned pin = 0; pin < 4; pin++) {
		program(&rig, pin, 1, LEVEL | (0x40 + pin));
		pull(&rig, pin, pin != 2);
	}
	set_low_half(&rig, 3, MASKED | LEVEL | 0x43);
	assert_recorded(&rig.log, "!1:40l !1:41l !1:43l ");
	ioapic_retry(&rig.dev);
	assert_recorded(&rig.log, "!1:40l !1:41l ");
	rig.refuse = false;
	ioapic_retry(&rig.dev);
	assert_recorded(&rig.log, "1:40l 1:41l ");
}

/* An EOI that finds nobody to take the next one does not end in a loop. */
static void a_refusal_after_an_eoi_is_pending_too(void **state)
{
	struct ioapic_rig rig;

	(void)state;
	set_up(&rig);
	pull(&rig, PIN, true);
	rig.refuse = true;
	eoi(&rig, 0x31);
	assert_recorded(&rig.log, "1:31l !1:31l ");
	assert_int_equal(low_half(&rig, PIN), LEVEL | SEND_PENDING | 0x31);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_level_sends_once_until_its_eoi),
		cmocka_unit_test(a_line_still_high_at_the_eoi_sends_again),
		cmocka_unit_test(an_eoi_is_of_one_vector),
		cmocka_unit_test(the_eoi_register_is_an_eoi),
		cmocka_unit_test(pins_that_share_a_vector_share_its_eoi),
		cmocka_unit_test(a_vector_changed_in_service_waits_for_the_new_ones_eoi),
		cmocka_unit_test(lowest_priority_can_be_a_level),
		cmocka_unit_test(a_masked_level_sends_when_it_is_unmasked_if_it_still_asks),
		cmocka_unit_test(a_mask_does_not_keep_the_eoi_away),
		cmocka_unit_test(an_entry_that_turns_to_edge_forgets_remote_irr),
		cmocka_unit_test(a_delivery_mode_that_is_no_level_forgets_remote_irr),
		cmocka_unit_test(an_edge_pin_that_is_high_sends_when_it_becomes_a_level),
		cmocka_unit_test(an_entry_can_be_written_while_in_service),
		cmocka_unit_test(a_level_that_nobody_takes_is_send_pending),
		cmocka_unit_test(what_was_refused_is_sent_again),
		cmocka_unit_test(what_no_local_apic_ever_takes_is_not_tried_again),
		cmocka_unit_test(a_retry_is_one_send_for_each_pin_that_is_pending),
		cmocka_unit_test(a_refusal_after_an_eoi_is_pending_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
